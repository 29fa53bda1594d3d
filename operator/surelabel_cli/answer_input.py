"""ANSWERS of the command line, whatever form they have: by number for classes, typed for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from surelabel.answer_files import GivenAnswers, read_given_answers
from surelabel.answer_files.coding import as_table
from surelabel.answer_files.form_fields import TASK_TYPE as FIELD_TYPE
from surelabel.answer_files.form_fields import by_field
from surelabel.answer_files.gold import missing_items, read_gold
from surelabel.answer_files.lines import cell_content
from surelabel.answer_table import AnswerTable, read_answers
from surelabel.consolidation.answers import Answers
from surelabel.tasks.base import AnswerError, Choosing
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Cell
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel_cli.errors import UserError

Ints = NDArray[np.int64]

# Files of answers with any content; others are CSV.
_TYPED = (".json", ".jsonl", ".ndjson")
CUSTOM = "Custom"
# Answers set aside that are told one by one.
_SHOWN = 5


def check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    """UserError unless the option's value is one of those known."""
    if value not in known:
        raise UserError(f"{option} must be one of {', '.join(known)}; got {value!r}.")


def read_choices(
    answers: str, task_type: str, task: Choosing, also: Sequence[str] = (), field: str | None = None
) -> tuple[AnswerTable, GivenAnswers | None]:
    """The answers of a type that is ``Choosing`` by number, and what else the files say that are no
    CSV of the job's classes.

    ``also``: labels that there are though no answer has them; UserError for one that cannot be.
    ``field``: of a custom form, whose answers are then classes (``field_type``).
    """
    if field is not None:
        given = by_field(read_given_answers(answers, CUSTOM), field, also)
        given = _told(given, answers, f"{CUSTOM} with the field {field!r}")
        return as_table(given, task, range(len(given.classes))), given
    path = Path(answers)
    is_csv = path.suffix == ".csv" or (path.is_file() and path.suffix not in _TYPED)
    try:
        if is_csv and LABEL_FORMATS[task_type].needs_labels:
            # Any cell is a class, so there is nothing to check.
            return read_answers(path, also), None
        given = read_typed(answers, task_type, also)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: there is no such file.") from error
    return as_table(given, task, _codes(task_type, task, also, given.classes)), given


def _codes(task_type: str, task: Choosing, names: Sequence[str], classes: Classes) -> list[int]:
    form, content = LABEL_FORMATS[task_type], cell_content(task_type)
    if content is None:
        return []
    try:
        values = [form.parse_answer(Cell(label=content(name)), classes) for name in names]
    except AnswerError as error:
        raise UserError(f"--label: {error}") from error
    return [task.code_of(value) for value in values]


def read_known(
    path: Path | None, task_type: str, classes: Classes, items: Sequence[str]
) -> dict[str, Any]:
    """The truths of ``--gold`` by item; those of items without an answer are told and left out."""
    if path is None:
        return {}
    try:
        gold = read_gold(path, task_type, classes)
    except FileNotFoundError as error:
        raise UserError(f"--gold: {error.filename}: there is no such file.") from error
    missing = missing_items(gold, items, path)
    if missing:
        typer.echo(
            f"--gold: {len(missing):,} of {len(gold):,} items have no answer and are left out; "
            f"the first: {missing[0]!r}",
            err=True,
        )
    for item in missing:
        del gold[item]
    return gold


def read_typed(answers: str, task_type: str, also: Sequence[str] = ()) -> GivenAnswers:
    """Answers with any content; those that cannot be read are told on standard error."""
    return _told(read_given_answers(answers, task_type, also=also), answers, task_type)


def field_type(task_type: str, field: str | None) -> str:
    """The type that answers are consolidated as; UserError for ``--field`` of another type."""
    if field is None:
        return task_type
    if task_type != CUSTOM:
        raise UserError(
            f"--field: only answers of {CUSTOM} have fields of a form; got --task-type "
            f"{task_type}. Leave it out."
        )
    return FIELD_TYPE


def _told(given: GivenAnswers, answers: str, task_type: str) -> GivenAnswers:
    told = any(each.value is not None for each in given.answers)
    if not told and (given.set_aside or not given.answers):
        first = f" The first: {given.set_aside[0]}" if given.set_aside else ""
        raise UserError(
            f"{answers}: has no answer of type {task_type}; {len(given.set_aside):,} were set "
            f"aside. Check --task-type and the file.{first}"
        )
    for each in given.set_aside[:_SHOWN]:
        typer.echo(f"set aside: {each}", err=True)
    if len(given.set_aside) > _SHOWN:
        typer.echo(f"set aside: {len(given.set_aside) - _SHOWN:,} more", err=True)
    return given


def coded_answers(table: AnswerTable) -> Answers:
    """The answers that count, for the algorithms."""
    return Answers.of(
        table.item,
        table.annotator,
        table.label,
        len(table.items),
        len(table.annotators),
        max(len(table.labels), 1),
    )


def answer_counts(item: Ints, annotator: Ints, n_counting: int) -> dict[str, int]:
    """Of answers by item and annotator, (n_given,) each: how many count, of which there are
    ``n_counting``, how many abstain, and how many the same person replaced later."""
    n_pairs = len(np.unique(item * (int(annotator.max(initial=0)) + 1) + annotator))
    return {
        "answers": n_counting,
        "abstentions": n_pairs - n_counting,
        "replaced": len(item) - n_pairs,
    }
