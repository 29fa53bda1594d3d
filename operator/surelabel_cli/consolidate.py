"""``surelabel consolidate`` and ``surelabel agreement``: people's answers without a job around."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import typer

from surelabel.agreement import (
    Agreement,
    alpha_of_annotator,
    alpha_of_class,
    fleiss_kappa,
    krippendorff_alpha,
)
from surelabel.annotators import AnnotatorQuality, annotator_quality
from surelabel.answer_table import AnswerTable, read_answers, read_gold
from surelabel.consolidation import METHODS, ConsolidationResult
from surelabel.consolidation.answers import Answers
from surelabel_cli.errors import UserError

TASK_TYPES = ("ImageClassification", "TextClassification")


def consolidate(
    answers: Path,
    task_type: str,
    *,
    method: str,
    gold: Path | None,
    annotators: Path | None,
    out: Path | None,
    probabilities: bool,
    as_json: bool,
) -> None:
    """Write one line per item to ``out``, or to standard output; the summary goes beside it."""
    _check("--task-type", task_type, TASK_TYPES)
    _check("--method", method, tuple(METHODS))
    table, known = _read(answers, gold)
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
    _write(out, _lines(table, result, probabilities))
    coded = _coded(table)
    if annotators is not None:
        _write_annotators(annotators, table, annotator_quality(coded, result, gold=known))
    summary = _summary(table, result, krippendorff_alpha(coded))
    if as_json:
        # Beside the labels on standard output it would be one line too many.
        typer.echo(json.dumps(summary, ensure_ascii=False), err=out is None)
    else:
        typer.echo(_sentence(summary), err=True)


def agreement(answers: Path, task_type: str, *, as_json: bool) -> None:
    """Print how far annotators agree: all, by class, by annotator."""
    _check("--task-type", task_type, TASK_TYPES)
    table, _ = _read(answers, None)
    coded = _coded(table)
    found = {
        "krippendorffAlpha": krippendorff_alpha(coded),
        "fleissKappa": fleiss_kappa(coded),
    }
    by_class = {name: alpha_of_class(coded, code) for code, name in enumerate(table.labels)}
    by_annotator = {
        name: alpha_of_annotator(coded, code) for code, name in enumerate(table.annotators)
    }
    if as_json:
        value: dict[str, Any] = {name: _agreement(each) for name, each in found.items()}
        value["classes"] = {name: _agreement(each) for name, each in by_class.items()}
        value["annotators"] = {name: _agreement(each) for name, each in by_annotator.items()}
        typer.echo(json.dumps(value, ensure_ascii=False))
        return
    titles = {"krippendorffAlpha": "Krippendorff's alpha", "fleissKappa": "Fleiss' kappa"}
    rows = [(titles[name], each) for name, each in found.items()]
    rows += [(f"alpha of class {name}", each) for name, each in by_class.items()]
    rows += [(f"alpha of annotator {name}", each) for name, each in by_annotator.items()]
    width = max(len(title) for title, _ in rows)
    for title, each in rows:
        typer.echo(f"{title:{width}}  {_shown(each)}")


def _check(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{option} must be one of {', '.join(known)}; got {value!r}.")


def _read(answers: Path, gold: Path | None) -> tuple[AnswerTable, Any]:
    try:
        table = read_answers(answers)
        return (table, None) if gold is None else read_gold(gold, table)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: there is no such file.") from error


def _coded(table: AnswerTable) -> Answers:
    return Answers.of(
        table.item,
        table.annotator,
        table.label,
        len(table.items),
        len(table.annotators),
        max(len(table.labels), 1),
    )


def _lines(
    table: AnswerTable, result: ConsolidationResult, probabilities: bool
) -> Iterator[dict[str, Any]]:
    for code, item in enumerate(table.items):
        label, confidence = int(result.label[code]), float(result.confidence[code])
        line: dict[str, Any] = {
            "item": item,
            "label": table.labels[label] if label >= 0 else None,
            "confidence": _number(confidence),
        }
        if probabilities:
            shares = result.posterior[code].tolist() if label >= 0 else []
            line["probabilities"] = dict(zip(table.labels, shares, strict=label >= 0))
        yield line


def _write(out: Path | None, lines: Iterator[dict[str, Any]]) -> None:
    if out is None:
        _dump(sys.stdout, lines)
        return
    with out.open("w", encoding="utf-8") as file:
        _dump(file, lines)


def _dump(file: TextIO, lines: Iterator[dict[str, Any]]) -> None:
    for line in lines:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_annotators(path: Path, table: AnswerTable, found: list[AnnotatorQuality]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        biases = [f"bias {label}" for label in table.labels]
        writer.writerow([
            "annotator", "answers", "gold", "accuracy", "low", "high", "agreement", "spamScore",
            "flags", "colluders", *biases,
        ])  # fmt: skip
        for code, each in enumerate(found):
            figures = (each.accuracy, each.low, each.high, each.agreement, each.spam_score)
            writer.writerow([
                table.annotators[code],
                each.n_answers,
                each.n_gold,
                *("" if math.isnan(figure) else f"{figure:.4f}" for figure in figures),
                " ".join(each.flags),
                " ".join(table.annotators[int(other)] for other in each.colluders),
                *(f"{bias:.4f}" for bias in each.bias.tolist()),
            ])  # fmt: skip


def _summary(table: AnswerTable, result: ConsolidationResult, agreed: Agreement) -> dict[str, Any]:
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
        "agreement": _agreement(agreed),
    }


def _sentence(summary: dict[str, Any]) -> str:
    found = summary["agreement"]
    text = (
        f"{summary['items']:,} items, {summary['answers']:,} answers of "
        f"{summary['annotators']:,} annotators, {summary['labels']:,} labels; "
        f"{summary['unlabeled']:,} items without a label, {summary['tied']:,} ties"
    )
    if found["value"] is not None:
        text += f"; Krippendorff's alpha {found['value']:.3f}"
    return text + ("" if summary["converged"] else "; the iteration has not converged")


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
        "items": found.n_items,
        "answers": found.n_answers,
    }


def _shown(found: Agreement) -> str:
    if math.isnan(found.value):
        return f"cannot be told ({found.n_items:,} items with two answers)"
    return f"{found.value:6.3f}  ({found.low:.3f} to {found.high:.3f}, {found.n_items:,} items)"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
