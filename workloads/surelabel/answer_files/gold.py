"""Known truths of some items: CSV of item and label, or JSON Lines of item and answer.

They bring no labels of their own: a name that no answer has is far more often a typing error than
a class that nobody saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from surelabel.answer_files.given import GivenAnswers
from surelabel.answer_files.lines import cell_content, json_lines, name_of
from surelabel.answer_table import TableError, read_rows
from surelabel.tasks.base import AnswerError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.fields import Cell
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.values import Order, Value

_COLUMNS = ("item", "label")
_JSON_LINES = (".jsonl", ".ndjson")
# Labels that a message lists.
_SHOWN = 10


@dataclass(frozen=True)
class _Line:
    item: str
    content: Any
    where: str


def read_gold(path: Path, task_type: str, classes: Classes) -> dict[str, Value]:
    """The truth of each item in ``path``; FileNotFoundError, or TableError with line and rule.

    ``classes``: those of the answers; another label is refused. So is an item with two truths, and
    a file without any.
    """
    first: dict[str, _Line] = {}
    found: dict[str, Value] = {}
    for line in _lines(path, task_type):
        before = first.setdefault(line.item, line)
        if before.content != line.content:
            raise TableError(
                f"{line.where}: item {line.item!r} has another truth in {before.where}. One item "
                "has one truth; remove one of them."
            )
        _check_labels(line, classes)
        try:
            found[line.item] = LABEL_FORMATS[task_type].parse_answer(line.content, classes)
        except AnswerError as error:
            raise TableError(f"{line.where}: {error}") from error
    if not found:
        raise TableError(f"{path}: has no gold items; write one a line, or leave --gold out.")
    return found


def missing_items(gold: dict[str, Value], items: Sequence[str], path: Path) -> list[str]:
    """Gold items that nobody answered; TableError where that is all of them."""
    there = set(items)
    missing = [item for item in gold if item not in there]
    if len(missing) == len(gold):
        raise TableError(
            f"{path}: item must be one of the {len(items):,} items of the answers, such as "
            f"{items[0]!r}; got {missing[0]!r}, and none of {len(gold):,} is. Correct the names."
        )
    return missing


def check_orders(gold: Mapping[str, Value], given: GivenAnswers) -> None:
    """TableError where a known order names a candidate that no answer to the item does, or leaves
    one out that an answer names."""
    named: dict[str, set[str]] = {}
    for each in given.answers:
        if isinstance(each.value, Order):
            named.setdefault(each.item, set()).update(each.value.order)
    for item, truth in gold.items():
        if not isinstance(truth, Order):
            continue
        there = named.get(item, set())
        if not there.issuperset(truth.order):
            unknown = next(name for name in truth.order if name not in there)
            names = ", ".join(sorted(there)[:_SHOWN])
            raise TableError(
                f"--gold: item {item!r}: order must name candidates that an answer has ({names}); "
                f"got {unknown!r}. Correct it."
            )
        left_out = sorted(there - set(truth.order))
        if left_out:
            raise TableError(
                f"--gold: item {item!r}: order must name every candidate that an answer has "
                f"({len(there)}); got {len(truth.order)}, without {', '.join(left_out[:_SHOWN])}. "
                "Add what is missing, at the place that it has."
            )


def _lines(path: Path, task_type: str) -> Iterator[_Line]:
    if path.suffix in _JSON_LINES:
        yield from _json_lines(path)
        return
    content = cell_content(task_type)
    if content is None:
        raise TableError(
            f"{path}: a label of {task_type} does not fit into a cell. Write JSON Lines (.jsonl): "
            '{"item": ..., "answer": {...}}.'
        )
    for number, (item, cell) in read_rows(path, _COLUMNS):
        where = f"{path}:{number}"
        yield _checked(_Line(item, Cell(label=content(cell)) if cell else None, where), "label")


def _json_lines(path: Path) -> Iterator[_Line]:
    for where, value in json_lines(path.read_bytes(), str(path)):
        if isinstance(value, Exception):
            raise TableError(f"{where}: a line must be one JSON object: {value}") from value
        item = name_of(value.get("item")) if isinstance(value, dict) else ""
        if not item:
            raise TableError(
                f"{where}: a line must be an object with item and answer; got {value!r:.60}. "
                "Correct it, or leave it out."
            )
        yield _checked(_Line(item, value.get("answer"), where), "answer")


def _checked(line: _Line, key: str) -> _Line:
    if not line.item:
        raise TableError(f"{line.where}: item must not be empty; name it.")
    if line.content is None:
        raise TableError(
            f"{line.where}: {key} must not be empty; leave the line out where the truth is not "
            "known."
        )
    return line


def _check_labels(line: _Line, classes: Classes) -> None:
    seen = SeenClasses()
    seen.see_answer(line.content)
    unknown = sorted(name for name in seen.names if classes.code(name) is None)
    if not unknown:
        return
    names = ", ".join(classes.names[:_SHOWN]) + (", ..." if len(classes) > _SHOWN else "")
    alike = get_close_matches(unknown[0], classes.names, n=1)
    guess = f"Did you mean {alike[0]!r}? " if alike else ""
    raise TableError(
        f"{line.where}: label must be one of the {len(classes):,} that the answers have ({names}); "
        f"got {unknown[0]!r}. {guess}Correct it, or pass --label {unknown[0]!r} if nobody gave it."
    )
