"""``surelabel consolidate``: people's answers without a job around."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import typer

from surelabel.agreement import Agreement
from surelabel.answer_files import GivenAnswers
from surelabel.answer_files.gold import check_orders
from surelabel.answer_table import plain_labels
from surelabel.consolidation.checked import NotApplicableError
from surelabel.plural import counted
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Choosing
from surelabel.tasks.classes import Classes
from surelabel_cli.agreement import agreement_json
from surelabel_cli.answer_input import (
    check_choice,
    field_type,
    read_choices,
    read_known,
    read_typed,
)
from surelabel_cli.consolidate_choices import Chosen
from surelabel_cli.consolidate_values import Valued
from surelabel_cli.errors import UserError
from surelabel_cli.output_files import check_outputs, whole_file
from surelabel_contract.task_types import TASK_TYPE_FACTS

AUTO = "Auto"


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
    # The field of a custom form that says the class.
    field: str | None = None


def consolidate(request: Request) -> None:
    """Write one line per item to ``out``, or to standard output; the summary goes beside it."""
    check_choice("--task-type", request.task_type, tuple(TASK_TYPES))
    check_outputs(
        {"--out": request.out, "--annotators": request.annotators},
        {"ANSWERS": Path(request.answers), "--gold": request.gold},
    )
    plain_labels(request.labels)
    as_type = field_type(request.task_type, request.field)
    check_choice("--method", request.method, TASK_TYPE_FACTS[as_type].methods)
    try:
        found = _consolidated(request)
    except NotApplicableError as error:
        raise UserError(f"--method: {request.method}: {error}") from error
    _write(request.out, found.lines(gain=request.gain, probabilities=request.probabilities))
    if request.annotators is not None:
        found.write_annotators(request.annotators)
    compared = list(found.compared()) if request.compare else []
    _tell(request, found.summary(), found.agreement(), compared)


def _consolidated(request: Request) -> Chosen | Valued:
    task_type = field_type(request.task_type, request.field)
    task = TASK_TYPES[task_type]
    if isinstance(task, Choosing):
        table, given = read_choices(request.answers, task_type, task, request.labels, request.field)
        _check_compared(request, given)
        classes = Classes.of(table.labels)
        gold = read_known(request.gold, task_type, classes, table.items)
        return Chosen.of(task, table, given, request.method, gold)
    if request.probabilities and not task.has_chances:
        raise UserError(
            f"--probabilities: only classes and sets of them have any; got {task.name}. "
            "Leave it out."
        )
    given = read_typed(request.answers, request.task_type, request.labels)
    _check_compared(request, given)
    gold = read_known(request.gold, request.task_type, given.classes, given.items)
    check_orders(gold, given)
    return Valued.of(task, given, request.method, gold)


def _check_compared(request: Request, given: GivenAnswers | None) -> None:
    if request.compare and (given is None or not given.labels):
        raise UserError(
            "--compare: ANSWERS has no labels that a job made; name the output folder of a "
            "finished job, or leave --compare out."
        )


def _tell(
    request: Request, summary: dict[str, Any], agreed: Agreement, compared: list[str]
) -> None:
    summary["agreement"] = agreement_json(agreed)
    if request.as_json:
        if request.compare:
            summary["compared"] = compared
        # Beside the labels on standard output it would be one line too many.
        typer.echo(json.dumps(summary, ensure_ascii=False), err=request.out is None)
        return
    typer.echo(_sentence(summary), err=True)
    for line in compared:
        typer.echo(line, err=request.out is None)


def _write(out: Path | None, lines: Iterator[dict[str, Any]]) -> None:
    if out is None:
        _dump(sys.stdout, lines)
        return
    with whole_file(out) as file:
        _dump(file, lines)


def _dump(file: IO[str], lines: Iterator[dict[str, Any]]) -> None:
    for line in lines:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _sentence(summary: dict[str, Any]) -> str:
    found = summary["agreement"]
    text = (
        f"{counted(summary['items'], 'item')}, {counted(summary['answers'], 'answer')} of "
        f"{counted(summary['annotators'], 'annotator')}, {counted(summary['labels'], 'label')}; "
        f"{counted(summary['unlabeled'], 'item')} without a label"
    )
    if "tied" in summary:
        text += f", {counted(summary['tied'], 'tie')}"
    if summary["abstentions"]:
        text += f", {counted(summary['abstentions'], 'abstention')}"
    if summary["replaced"]:
        text += f", {counted(summary['replaced'], 'answer')} replaced by a later one"
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
