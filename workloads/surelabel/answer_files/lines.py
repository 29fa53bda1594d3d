"""Answers as lines: CSV with the columns item, annotator, label, and JSON Lines.

CSV serves the task types whose answer is a word or some: ``|`` stands between several, an empty
cell is an abstention, and ``|`` alone the empty set. Cells, and the names
of items, annotators and classes wherever they stand, are plain (``surelabel.spelling``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from surelabel.answer_files.given import AnswerFilesError, RawAnswer, SetAside
from surelabel.answer_files.times import seconds_spent
from surelabel.answer_table import ANSWER_COLUMNS, TableError, read_rows
from surelabel.json_text import json_problem
from surelabel.spelling import plain_name
from surelabel.tasks.fields import Cell

_BOM = b"\xef\xbb\xbf"
# Our own records of answers say so; their content is then none.
_ABSTAINED = frozenset({"skipped", "cannotTell"})


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


_ONE_CLASS = ("ImageClassification", "TextClassification", "LabelVerification")
# How a cell becomes answer content.
_CELLS: dict[str, Callable[[str], Any]] = {
    "ImageClassification": lambda cell: {"label": cell},
    "TextClassification": lambda cell: {"label": cell},
    "LabelVerification": lambda cell: {"label": cell},
    "ImageClassificationMultiLabel": lambda cell: {"labels": _several(cell)},
    "TextClassificationMultiLabel": lambda cell: {"labels": _several(cell)},
    "Ranking": lambda cell: {"order": _several(cell)},
    "PairwisePreference": lambda cell: {"choice": cell},
    "FreeText": lambda cell: {"text": cell},
    "Rating": lambda cell: {"value": cell},
}


def cell_content(task_type: str) -> Callable[[str], Any] | None:
    """How a cell becomes an answer of this type; None where it needs more than a cell."""
    return _CELLS.get(task_type)


def is_blank(content: Any, task_type: str) -> bool:
    """Whether an answer names no class where it has to name one: an abstention, as an empty cell.

    Of a type whose answer is one class; its ``label`` may stand under a key, as in an answer.
    """
    if task_type not in _ONE_CLASS or not isinstance(content, dict):
        return False
    if "label" not in content and len(content) == 1:
        (content,) = content.values()
    label = content.get("label") if isinstance(content, dict) else None
    return isinstance(label, str) and not plain_name(label)


def read_csv(path: Path, task_type: str) -> Iterator[RawAnswer | SetAside]:
    """The answers of a CSV file; AnswerFilesError where the task type needs more than a cell."""
    content = cell_content(task_type)
    if content is None:
        raise AnswerFilesError(
            f"{path}: an answer of {task_type} does not fit into a cell. Write JSON Lines: "
            '{"item": ..., "annotator": ..., "answer": {...}}.'
        )
    for line, (item, annotator, cell) in read_rows(path, ANSWER_COLUMNS):
        where = f"{path}:{line}"
        for name, value in (("item", item), ("annotator", annotator)):
            if not value:
                raise TableError(
                    f"{where}: {name} must not be empty; name it, or leave the line out."
                )
        yield RawAnswer(item, annotator, Cell(label=content(cell)) if cell else None, where)


def read_json_lines(data: bytes, name: str) -> Iterator[RawAnswer | SetAside]:
    """The answers of ``{"item", "annotator", "answer"}`` a line; ``answer`` null abstains.

    Lines as a job's own answer segments have them (``itemId``, ``answerContent``, ``status``) are
    read too. A line that cannot be read is set aside.
    """
    for where, value in json_lines(data, name):
        if isinstance(value, Exception):
            yield SetAside(where, "InvalidJson", f"a line must be one JSON object: {value}")
        else:
            yield _answer(value, where)


def json_lines(data: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """Place and value of each line that is not blank; what is none is a ValueError that says why,
    with the next step."""
    for number, raw in enumerate(data.removeprefix(_BOM).split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            value = ValueError(json_problem(raw, error))
        yield f"{name}:{number}", value


def _answer(value: Any, where: str) -> RawAnswer | SetAside:
    if not isinstance(value, dict):
        message = f"a line must be a JSON object; got {value!r:.60}. Leave it out."
        return SetAside(where, "NotAnObject", message)
    item, annotator = (
        name_of(value.get("item", value.get("itemId"))),
        name_of(value.get("annotator")),
    )
    if not item:
        return _no_name(where, "item", value.get("item", value.get("itemId")))
    if not annotator:
        return _no_name(where, "annotator", value.get("annotator"))
    keys = [key for key in ("answer", "answerContent") if key in value]
    if not keys and value.get("status") not in _ABSTAINED:
        return SetAside(
            where, "MalformedAnswer", "answer: must be there; write null for an abstention."
        )
    content = value[keys[0]] if keys else None
    submitted = value.get("submissionTime")
    return RawAnswer(
        item,
        annotator,
        None if value.get("status") in _ABSTAINED else content,
        where,
        submitted if isinstance(submitted, str) else None,
        seconds_spent(value),
    )


def name_of(value: Any) -> str:
    """The plain name of an item or an annotator, of which many tools make numbers; "" if it is
    none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return plain_name(value) if isinstance(value, str) else ""


def _no_name(where: str, key: str, value: Any) -> SetAside:
    message = f"{key}: must be a string, not empty, or a whole number; got {value!r:.60}. Name it."
    return SetAside(where, "MalformedAnswer", message)
