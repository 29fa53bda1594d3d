"""ANSWERS of the command line, whatever form they have: by number for classes, typed for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from surelabel.answer_files import GivenAnswers, read_given_answers
from surelabel.answer_files.coding import as_table
from surelabel.answer_table import AnswerTable, read_answers, read_gold
from surelabel.consolidation.answers import Answers
from surelabel_cli.errors import UserError

# Files of answers with any content; others are CSV.
_TYPED = (".json", ".jsonl", ".ndjson")
# Answers set aside that are told one by one.
_SHOWN = 5


def check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    """UserError unless the option's value is one of those known."""
    if value not in known:
        raise UserError(f"{option} must be one of {', '.join(known)}; got {value!r}.")


def read_table(
    answers: str, task_type: str, gold: Path | None
) -> tuple[AnswerTable, Any, GivenAnswers | None]:
    """The answers by number, known labels, and what else the files say that are no CSV."""
    try:
        path, given = Path(answers), None
        if path.suffix == ".csv" or (path.is_file() and path.suffix not in _TYPED):
            table = read_answers(path)
        else:
            given = read_typed(answers, task_type)
            table = as_table(given)
        known = None
        if gold is not None:
            table, known = read_gold(gold, table)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: there is no such file.") from error
    return table, known, given


def read_typed(answers: str, task_type: str) -> GivenAnswers:
    """Answers with any content; those that cannot be read are told on standard error."""
    given = read_given_answers(answers, task_type)
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
