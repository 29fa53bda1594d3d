"""CSV, read: what `tables` writes, and tables of others with the columns ``item`` and ``label``.

Of an item all lines that follow each other belong together, where ``itemNumber`` does not part
them. Whether ``item`` is a text or a file is told by its form: a URI or the task type of images
make it a file.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from surelabel.exports.class_list import read_classes
from surelabel.exports.dataset import Example, ExportError, LabeledData, several_fit
from surelabel.exports.tables import FILE, IMAGE, NUMBER
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    Custom,
    ImageSize,
    Keypoint,
    Keypoints,
    LabelSet,
    Order,
    Point,
    Polygons,
    Polylines,
    Preference,
    Rating,
    Shape,
    SingleClass,
    Span,
    Spans,
    Text,
    Verification,
)

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


@dataclass(frozen=True)
class _Row:
    """A line of the table; its numbers, or ExportError with line, column, rule and value."""

    cells: dict[str, str]
    line: int
    file: Path

    def wrong(self, key: str, rule: str) -> ExportError:
        got = self.cells.get(key, "")
        return ExportError(f"{self.file}:{self.line}: {key}: must be {rule}; got {got!r:.60}. "
                           "Correct it.")  # fmt: skip

    def number(self, key: str) -> float:
        try:
            return Field(float(self.cells.get(key, "")), key).number()
        except (ValueError, FieldError):
            raise self.wrong(key, "a finite number") from None

    def whole(self, key: str, low: int) -> int:
        number = self.number(key)
        if not number.is_integer() or number < low:
            raise self.wrong(key, f"a whole number, at least {low}")
        return int(number)

    @property
    def image(self) -> ImageSize | None:
        """The size of the item's image, where the line says it."""
        if not any(self.cells.get(key) for key in IMAGE):
            return None
        width, height = (self.whole(key, 1) for key in IMAGE)
        return ImageSize(width, height)


@dataclass(frozen=True)
class _Form:
    """How a task type stands in lines: ``columns`` show it, ``value(rows, classes)`` reads them.

    ``classes``: whether ``label`` names one. ``is_image``: its items are files. ``one_line``: a
    label is one line, else it has a line for each of its parts, and one without ``label`` for none.
    ``or_empty``: an empty ``label`` is one, too.
    """

    value: Callable[[list[_Row], Classes], Any]
    columns: tuple[str, ...] = ()
    classes: bool = True
    is_image: bool = False
    one_line: bool = False
    or_empty: bool = False


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or ``labels.csv`` in the folder; classes as `read_classes` has them.

    Without a task type the columns tell it, where they fit one alone.
    """
    file = path / FILE if path.is_dir() else path
    columns, rows = _rows(file)
    task_type = task_type or _task_type(columns, file)
    form = _FORMS.get(task_type)
    if form is None:
        raise ExportError(f"--task-type: no {task_type} can be told from a table.")
    missing = [key for key in ("item", "label", *form.columns) if key not in columns]
    if missing:
        raise ExportError(
            f"{file}: a table of {task_type} must have the columns item, label"
            f"{''.join(f', {key}' for key in form.columns)}; missing: {', '.join(missing)}. Add "
            "them, or pass another --task-type."
        )
    found = (row.cells["label"] for row in rows if form.classes and row.cells["label"])
    classes = read_classes(file.parent, found) if form.classes else Classes(())
    examples: list[Example] = []
    unlabeled = 0
    for (item, _), of_item in groupby(rows, key=_item):
        listed = list(of_item)
        if not form.one_line:
            examples.append(_example(item, listed, form, classes))
            continue
        # A label is one line: an item that stands twice has two.
        for row in listed:
            if row.cells["label"] or form.or_empty:
                examples.append(_example(item, [row], form, classes))
            else:
                unlabeled += 1
    return LabeledData(task_type, classes, tuple(examples), unlabeled)


def _example(item: str, rows: list[_Row], form: _Form, classes: Classes) -> Example:
    marks = rows if form.one_line else [row for row in rows if row.cells["label"]]
    value = form.value(marks, classes)
    given = [row.number("confidence") for row in marks if row.cells.get("confidence")]
    human = rows[0].cells.get("humanAnnotated", "yes") != "no"
    sure = tuple(given) if len(given) == len(marks) else ()
    is_text = not form.is_image and _URI.fullmatch(item) is None
    return Example(item, Label(value, sure, human), is_text, rows[0].image)


def _item(row: _Row) -> tuple[str, str]:
    return row.cells["item"], row.cells.get(NUMBER, "")


def _rows(file: Path) -> tuple[list[str], list[_Row]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened, strict=True)
        columns = list(reader.fieldnames or ())
        rows: list[_Row] = []
        for cells in reader:
            if None in cells or None in cells.values():
                raise ExportError(
                    f"{file}:{reader.line_num}: must have {len(columns)} columns as the first "
                    "line. Put text with commas in double quotes."
                )
            rows.append(_Row(cells, reader.line_num, file))
    return columns, rows


def _task_type(columns: list[str], file: Path) -> str:
    fitting = [name for name, form in _FORMS.items()
               if form.columns and set(form.columns) <= set(columns)]  # fmt: skip
    if len(fitting) == 1:
        return fitting[0]
    fitting = fitting or [name for name, form in _FORMS.items() if not form.columns]
    raise several_fit(file, fitting)


# -- values


def _code(row: _Row, classes: Classes) -> int:
    return classes.code(row.cells["label"]) or 0


def _one(rows: list[_Row], classes: Classes) -> SingleClass:
    return SingleClass(_code(rows[0], classes))


def _several(rows: list[_Row], classes: Classes) -> LabelSet:
    return LabelSet(tuple(dict.fromkeys(_code(row, classes) for row in rows)))


def _verdict(rows: list[_Row], classes: Classes) -> Verification:
    said = rows[0].cells.get("comments", "")
    return Verification(_code(rows[0], classes), tuple(said.split("\n")) if said else ())


_CHOICES: tuple[Literal["a", "b", "tie"], ...] = ("a", "b", "tie")
_EDGES = ("left", "top", "width", "height")


def _boxes(rows: list[_Row], classes: Classes) -> Boxes:
    boxes = []
    for row in rows:
        left, top, width, height = (row.number(key) for key in _EDGES)
        rotation = row.number("rotation") if row.cells.get("rotation") else 0.0
        boxes.append(Box(_code(row, classes), left, top, width, height, rotation))
    return Boxes(tuple(boxes), rows[0].image if rows else None)


def _shapes(rows: list[_Row], classes: Classes) -> tuple[Shape, ...]:
    return tuple(Shape(_code(row, classes), tuple(_points(row))) for row in rows)


def _points(row: _Row) -> Iterator[Point]:
    for pair in row.cells["points"].split(";"):
        try:
            x, y = (Field(float(each), "points").number() for each in pair.split(","))
        except (ValueError, FieldError):
            raise row.wrong("points", "like 1,2;3.5,4;5,6") from None
        yield x, y


def _keypoints(rows: list[_Row], classes: Classes) -> Keypoints:
    points = (Keypoint(_code(row, classes), row.number("x"), row.number("y")) for row in rows)
    return Keypoints(tuple(points), rows[0].image if rows else None)


def _spans(rows: list[_Row], classes: Classes) -> Spans:
    found = []
    for row in rows:
        start = row.whole("start", 0)
        found.append(Span(_code(row, classes), start, row.whole("end", start + 1)))
    return Spans(tuple(found))


def _preference(rows: list[_Row], _: Classes) -> Preference:
    for choice in _CHOICES:
        if rows[0].cells["label"] == choice:
            return Preference(choice)
    raise rows[0].wrong("label", "one of 'a', 'b', 'tie'")


def _custom(rows: list[_Row], _: Classes) -> Custom:
    try:
        return Custom(json.loads(rows[0].cells["label"]))
    except (ValueError, RecursionError):
        raise rows[0].wrong("label", "JSON") from None


_FORMS = {
    "BoundingBox": _Form(_boxes, _EDGES, is_image=True),
    "Polygon": _Form(
        lambda rows, classes: Polygons(_shapes(rows, classes), rows[0].image if rows else None),
        ("points",),
        is_image=True,
    ),
    "Polyline": _Form(
        lambda rows, classes: Polylines(_shapes(rows, classes), rows[0].image if rows else None),
        ("points",),
        is_image=True,
    ),
    "Keypoint": _Form(_keypoints, ("x", "y"), is_image=True),
    "NamedEntityRecognition": _Form(_spans, ("start", "end")),
    "ImageClassification": _Form(_one, one_line=True, is_image=True),
    "TextClassification": _Form(_one, one_line=True),
    "ImageClassificationMultiLabel": _Form(_several, is_image=True),
    "TextClassificationMultiLabel": _Form(_several),
    "LabelVerification": _Form(_verdict, ("comments",), one_line=True),
    "PairwisePreference": _Form(_preference, classes=False, one_line=True),
    "Ranking": _Form(
        lambda rows, _: Order(tuple(rows[0].cells["label"].split("|"))),
        classes=False,
        one_line=True,
    ),
    "FreeText": _Form(
        lambda rows, _: Text(rows[0].cells["label"]), classes=False, one_line=True, or_empty=True
    ),
    "Rating": _Form(lambda rows, _: Rating(rows[0].number("label")), classes=False, one_line=True),
    "Custom": _Form(_custom, classes=False, one_line=True),
}
