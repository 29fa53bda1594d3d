"""``surelabel consolidate``: people's answers without a job around."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import typer

from surelabel.agreement import Agreement, krippendorff_alpha
from surelabel.annotators import AnnotatorQuality, annotator_quality
from surelabel.answer_files import GivenAnswers
from surelabel.answer_files.coding import seconds_of
from surelabel.answer_files.gold import check_orders
from surelabel.answer_table import AnswerTable
from surelabel.consolidation import METHODS, ConsolidationResult, value_of_two_answers
from surelabel.consolidation.checked import NotApplicableError
from surelabel.plural import counted
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.valued import ValueTask
from surelabel.value_agreement import agreement_of_values
from surelabel_cli.agreement import agreement_json, number_or_none
from surelabel_cli.answer_input import (
    check_choice,
    coded_answers,
    read_known,
    read_table,
    read_typed,
)
from surelabel_cli.consolidate_values import Valued
from surelabel_cli.errors import UserError
from surelabel_cli.output_files import check_outputs, whole_file
from surelabel_contract.task_types import TASK_TYPE_FACTS

AUTO = "Auto"
# With more classes the table of an annotator would have more columns than anybody reads.
_CONFUSED = 20


@dataclass(frozen=True)
class Request:
    """What is asked of ``surelabel consolidate``; paths are local, but for ``answers``."""

    answers: str
    task_type: str
    method: str = AUTO
    gold: Path | None = None
    annotators: Path | None = None
    out: Path | None = None
    probabilities: bool = False
    as_json: bool = False
    compare: bool = False
    # Labels that there are though no answer has them.
    labels: tuple[str, ...] = ()
    gain: bool = False


def consolidate(request: Request) -> None:
    """Write one line per item to ``out``, or to standard output; the summary goes beside it."""
    check_choice("--task-type", request.task_type, tuple(TASK_TYPES))
    check_outputs(
        {"--out": request.out, "--annotators": request.annotators},
        {"ANSWERS": Path(request.answers), "--gold": request.gold},
    )
    check_choice("--method", request.method, TASK_TYPE_FACTS[request.task_type].methods)
    task = TASK_TYPES[request.task_type]
    try:
        if isinstance(task, ValueTask):
            _consolidate_values(request, task)
        else:
            _consolidate_classes(request)
    except NotApplicableError as error:
        raise UserError(f"--method: {request.method}: {error}") from error


def _consolidate_values(request: Request, task: ValueTask[Any]) -> None:
    if request.probabilities:
        raise UserError(f"--probabilities: {task.name} has no classes to give; leave it out.")
    given = read_typed(request.answers, request.task_type, request.labels)
    if request.compare:
        _check_compared(given)
    gold = read_known(request.gold, request.task_type, given.classes, given.items)
    check_orders(gold, given)
    found = Valued.of(task, given, request.method, gold)
    _write(request.out, found.lines(gain=request.gain))
    if request.annotators is not None:
        found.write_annotators(request.annotators)
    _tell(request, found.summary(), agreement_of_values(task, found.answers))
    if request.compare:
        for line in found.compared():
            typer.echo(line, err=request.out is None)


def _consolidate_classes(request: Request) -> None:
    method, out, annotators = request.method, request.out, request.annotators
    table, given = read_table(request.answers, request.task_type, request.labels)
    if request.compare:
        _check_compared(given)
    classes = Classes.of(table.labels)
    gold = read_known(request.gold, request.task_type, classes, table.items)
    labels = [gold[item].label if item in gold else -1 for item in table.items]
    known = np.array(labels, np.int64) if gold else None
    result = METHODS[method]().fit_predict(
        table.item,
        table.annotator,
        table.label,
        len(table.items),
        len(table.annotators),
        max(len(table.labels), 1),
        gold=known,
        item_ids=table.items,
        label_names=table.labels,
    )
    _write(out, _lines(table, result, request))
    coded = coded_answers(table)
    if annotators is not None:
        seconds = None if given is None else seconds_of(given, coded.item, coded.annotator)
        quality = annotator_quality(coded, result, gold=known, seconds=seconds)
        _write_annotators(annotators, table, quality)
    summary = _summary(table, result) | {"setAside": len(given.set_aside) if given else 0}
    _tell(request, summary, krippendorff_alpha(coded))
    if request.compare and given is not None:
        for line in _compared(table, result, given):
            typer.echo(line, err=out is None)


def _check_compared(given: GivenAnswers | None) -> None:
    if given is None or not given.labels:
        raise UserError(
            "--compare: ANSWERS has no labels that a job made; name the output folder of a "
            "finished job, or leave --compare out."
        )


def _tell(request: Request, summary: dict[str, Any], agreed: Agreement) -> None:
    summary["agreement"] = agreement_json(agreed)
    if request.as_json:
        # Beside the labels on standard output it would be one line too many.
        typer.echo(json.dumps(summary, ensure_ascii=False), err=request.out is None)
    else:
        typer.echo(_sentence(summary), err=True)


def _compared(
    table: AnswerTable, result: ConsolidationResult, given: GivenAnswers
) -> Iterator[str]:
    """The items whose label differs from the one that the job itself made, the surest first."""
    codes = {item: code for code, item in enumerate(table.items)}
    differing = []
    for item, theirs in given.labels.items():
        code = codes.get(item, -1)
        ours = int(result.label[code]) if code >= 0 else -1
        if ours != theirs.value.label:
            sure = float(result.confidence[code]) if ours >= 0 else 0.0
            differing.append((sure, item, ours, theirs))
    for sure, item, ours, theirs in sorted(differing, key=lambda each: (-each[0], each[1])):
        mine = f"{table.labels[ours]} ({sure:.2f})" if ours >= 0 else "no label"
        there = table.labels[theirs.value.label]
        confidence = f" ({theirs.confidences[0]:.2f})" if theirs.confidences else ""
        yield f"{item}: {mine} here, {there}{confidence} there"
    yield f"{len(differing):,} of {len(given.labels):,} labels differ."


def _lines(
    table: AnswerTable, result: ConsolidationResult, request: Request
) -> Iterator[dict[str, Any]]:
    gain = None
    if request.gain:
        # In the loop two people are asked at a time.
        gain = value_of_two_answers(result.posterior, result.annotators)
    for code, item in enumerate(table.items):
        label, confidence = int(result.label[code]), float(result.confidence[code])
        line: dict[str, Any] = {
            "item": item,
            "label": table.labels[label] if label >= 0 else None,
            "confidence": number_or_none(confidence),
        }
        if gain is not None:
            line["gain"] = round(float(gain[code]), 6) if label >= 0 else None
        if request.probabilities:
            shares = result.posterior[code].tolist() if label >= 0 else []
            line["probabilities"] = dict(zip(table.labels, shares, strict=label >= 0))
        yield line


def _write(out: Path | None, lines: Iterator[dict[str, Any]]) -> None:
    if out is None:
        _dump(sys.stdout, lines)
        return
    with whole_file(out) as file:
        _dump(file, lines)


def _dump(file: IO[str], lines: Iterator[dict[str, Any]]) -> None:
    for line in lines:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_annotators(path: Path, table: AnswerTable, found: list[AnnotatorQuality]) -> None:
    with whole_file(path) as file:
        writer = csv.writer(file)
        biases = [f"bias {label}" for label in table.labels]
        # A method that knows one accuracy for all classes has no table.
        tables = all(each.confusion.shape == (len(table.labels),) * 2 for each in found)
        pairs = [f"{true} -> {said}" for true in table.labels for said in table.labels]
        pairs = pairs if tables and len(table.labels) <= _CONFUSED else []
        writer.writerow([
            "annotator", "answers", "gold", "accuracy", "low", "high", "agreement", "spamScore",
            "medianSeconds", "flags", "colluders", *biases, *pairs,
        ])  # fmt: skip
        for code, each in enumerate(found):
            figures = (each.accuracy, each.low, each.high, each.agreement, each.spam_score,
                       each.seconds)  # fmt: skip
            writer.writerow([
                table.annotators[code],
                each.n_answers,
                each.n_gold,
                *("" if math.isnan(figure) else f"{figure:.4f}" for figure in figures),
                " ".join(each.flags),
                " ".join(table.annotators[int(other)] for other in each.colluders),
                *(f"{bias:.4f}" for bias in each.bias.tolist()),
                *(f"{chance:.4f}" for chance in each.confusion.ravel().tolist() if pairs),
            ])  # fmt: skip


def _summary(table: AnswerTable, result: ConsolidationResult) -> dict[str, Any]:
    return {
        "items": len(table.items),
        "answers": len(table.item),
        "abstentions": int((table.label < 0).sum()),
        "annotators": len(table.annotators),
        "labels": len(table.labels),
        "unlabeled": int((result.label < 0).sum()),
        "tied": int(result.tied.sum()),
        "iterations": result.n_iter,
        "converged": result.converged,
    }


def _sentence(summary: dict[str, Any]) -> str:
    found = summary["agreement"]
    text = (
        f"{counted(summary['items'], 'item')}, {counted(summary['answers'], 'answer')} of "
        f"{counted(summary['annotators'], 'annotator')}, {counted(summary['labels'], 'label')}; "
        f"{counted(summary['unlabeled'], 'item')} without a label"
    )
    if "tied" in summary:
        text += f", {counted(summary['tied'], 'tie')}"
    if summary["setAside"]:
        text += f", {counted(summary['setAside'], 'answer')} set aside"
    if found["value"] is not None:
        text += f"; Krippendorff's alpha {found['value']:.3f}"
    if not summary.get("converged", True):
        text += (
            f"; the iteration has not converged after {counted(summary['iterations'], 'step')}: "
            "compare with another --method, or raise the method's max_iter in the library"
        )
    return text
