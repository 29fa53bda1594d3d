"""Answers as a CSV file, ``item,annotator,label``: one a line, in the order in which they came."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from surelabel.spelling import plain_name

ANSWER_COLUMNS = ("item", "annotator", "label")


class TableError(ValueError):
    """The file is no such table; the message names file, line, rule and value."""


@dataclass(frozen=True)
class AnswerTable:
    """Answers coded by their names.

    ``item``, ``annotator``, ``label``: (n_answers,) each; a label of -1 ("" in the file) is an
    abstention. ``items`` and ``annotators`` in the order of their first answer, ``labels`` sorted,
    so that ties do not hang on who came first.
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    label: NDArray[np.int64]
    items: tuple[str, ...]
    annotators: tuple[str, ...]
    labels: tuple[str, ...]


def read_answers(path: Path, also: Sequence[str] = ()) -> AnswerTable:
    """The table in ``path``; TableError if it is none, OSError if it cannot be read.

    ``also``: labels that there are though nobody gave them. Names are plain (``plain_name``).
    """
    items: dict[str, int] = {}
    annotators: dict[str, int] = {}
    labels: dict[str, int] = {"": -1} | {
        name: number for number, name in enumerate(plain_labels(also))
    }
    codes: list[tuple[int, int, int]] = []
    for line, (item, annotator, label) in read_rows(path, ANSWER_COLUMNS):
        for name, value in (("item", item), ("annotator", annotator)):
            if not value:
                raise TableError(f"{path}:{line}: {name} must not be empty; name it, or leave the "
                                 "line out.")  # fmt: skip
        codes.append((
            items.setdefault(item, len(items)),
            annotators.setdefault(annotator, len(annotators)),
            labels.setdefault(label, len(labels) - 1),
        ))  # fmt: skip
    if not codes:
        raise TableError(f"{path}: has no answers; write one a line below the first line.")
    del labels[""]
    names = sorted(labels)
    rank = {label: number for number, label in enumerate(names)}
    # By first answer -> sorted; the last place is the abstention's.
    place = np.array([*(rank[label] for label in labels), -1], dtype=np.int64)
    array = np.array(codes, dtype=np.int64)
    return AnswerTable(
        array[:, 0],
        array[:, 1],
        place[array[:, 2]],
        tuple(items),
        tuple(annotators),
        tuple(names),
    )


# Between columns in what some programs call CSV.
_SEPARATORS = {"\t": "tabs", ";": "semicolons"}


def _step(header: Sequence[str]) -> str:
    """What to do about a first line without the columns that it must name."""
    for sign, name in _SEPARATORS.items():
        if len(header) == 1 and sign in header[0]:
            return f"Its columns have {name} between them: write commas."
    return "Write it above the lines, or rename the columns."


def plain_labels(also: Sequence[str]) -> list[str]:
    """Labels that there are though nobody gave them, plain, each once; TableError for an empty one,
    which would turn abstentions into answers."""
    names = list(dict.fromkeys(map(plain_name, also)))
    if "" in names:
        raise TableError(
            "--label: must be the name of a label; got ''. Name one, or leave it out: an empty "
            "label in an answer is an abstention, and needs no name."
        )
    return names


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line number and the named columns of each line, whatever else there is.

    Cells and the columns' names are plain (``plain_name``).
    """
    wanted = ",".join(columns)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = [plain_name(name) for name in next(rows, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise TableError(
                    f"{path}:1: the first line must name the columns {wanted}; missing: "
                    f"{', '.join(missing)}; got {','.join(header)!r}. {_step(header)}"
                )
            twice = [name for name in columns if header.count(name) > 1]
            if twice:
                raise TableError(
                    f"{path}:1: a column must have a name of its own; got {','.join(header)!r}, "
                    f"where {twice[0]} stands {header.count(twice[0])} times. Remove or rename one."
                )
            places = [header.index(name) for name in columns]
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise TableError(f"{path}:{rows.line_num}: must have {len(header)} columns as "
                                     f"the first line; got {len(row)}. Put text with commas in "
                                     "double quotes.")  # fmt: skip
                yield rows.line_num, tuple(plain_name(row[place]) for place in places)
        except csv.Error as error:
            raise TableError(
                f"{path}:{rows.line_num}: is not CSV: {error}. Put text with quotes in double "
                "quotes, and double the quotes in it."
            ) from error
        except UnicodeDecodeError as error:
            raise TableError(f"{path}: must be UTF-8; {error.reason} at byte {error.start}. "
                             "Convert the file to UTF-8.") from error  # fmt: skip
