"""Parquet files as `hugging_face` writes them, and as ``datasets`` saves what it has read of them.

Of all files below the folder, whatever their split; embedded images are not read. Class names are
those of the ``ClassLabel``; where there is none, classes stand by name, and are sorted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surelabel.exports.dataset import Example, ExportError, LabeledData, several_fit
from surelabel.exports.hugging_face import TASK_TYPE
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    LabelSet,
    Polygons,
    Polylines,
    Preference,
    Rating,
    Shape,
    SingleClass,
    Span,
    Spans,
    Text,
)

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or all Parquet files below the folder, in the order of their names.

    Without a task type the file itself tells it, or its columns; ExportError where these fit
    several. Rows without a label, or with that of hidden ones (-1), are counted and left out.
    """
    if task_type is not None and task_type not in _FORMS:
        raise ExportError(f"--task-type: Hugging Face's folders have no {task_type} here.")
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise ExportError(f"{path}: has no Parquet file. Pass the folder that they lie in.")
    tables = [_table(file) for file in files]
    try:
        names = _class_names(tables[0], files[0])
        task_type = task_type or _task_type(tables[0], names, files[0])
        for file, table in zip(files, tables, strict=True):
            if _class_names(table, file) != names:
                raise ExportError(
                    f"{file}: must have the classes of {files[0]}. Convert them one by one."
                )
            _check_columns(table, task_type, file)
        return _data(list(_rows(files, tables)), task_type, names)
    except FieldError as error:
        raise ExportError(str(error)) from None


# -- files


def _table(file: Path) -> pa.Table:
    # Late: it takes a while, and no other format needs it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.BufferReader(file.read_bytes())
    try:
        table = pq.ParquetFile(content).read()
        table.validate(full=True)
    # OSError: what cannot be decompressed or understood, since the file itself has been read.
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{file}: is not Parquet: {error}.") from None
    return table


def _rows(files: list[Path], tables: list[pa.Table]) -> Iterator[Field]:
    for file, table in zip(files, tables, strict=True):
        for number, row in enumerate(table.to_pylist(), start=1):
            yield Field(row, f"{file}: row {number}")


def _class_names(table: pa.Table, file: Path) -> list[str] | None:
    """Of the ``ClassLabel`` of the labels; None without one."""
    described = (table.schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        value = Field(json.loads(described), f"{file}: its description by datasets")
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{file}: its description by datasets is not JSON: {error}.") from None
    info = value.get("info")
    features = None if info is None else info.get("features")
    if features is None:
        return None
    for column in ("label", "labels", "objects", "entities"):
        for given in _class_labels(features.get(column)):
            names = [each.text() for each in given.each()]
            if len(set(names)) < len(names):
                raise given.wrong("a list of different names")
            return names
    return None


def _class_labels(feature: Field | None) -> Iterator[Field]:
    """Names of every ClassLabel of a feature, wherever in it: its lists come in several forms."""
    if feature is not None and isinstance(feature.value, list):
        for each in feature.each():
            yield from _class_labels(each)
    elif feature is not None and isinstance(feature.value, dict):
        if feature.value.get("_type") == "ClassLabel":
            yield feature["names"]
        for _, each in feature.members():
            yield from _class_labels(each)


def _task_type(table: pa.Table, names: list[str] | None, file: Path) -> str:
    told = (table.schema.metadata or {}).get(TASK_TYPE.encode(), b"")
    for task_type in _FORMS:
        if told == task_type.encode():
            return task_type
    on = "Image" if "image" in table.column_names else "Text"
    if _CLASSES.is_in(table):
        return f"{on}ClassificationMultiLabel"
    if _CLASS.is_in(table):
        is_word = "string" in str(table.schema.field("label").type)
        if names or not is_word:
            return f"{on}Classification" if names else "Rating"
        fitting = [f"{on}Classification", "FreeText", "PairwisePreference"]
    else:
        fitting = [task_type for task_type, form in _FORMS.items() if form.is_in(table)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise several_fit(file, fitting)
    raise ExportError(
        f"{file}: must have a column label, labels, objects or entities; got "
        f"{', '.join(table.column_names)}. Convert it by another program."
    )


def _check_columns(table: pa.Table, task_type: str, file: Path) -> None:
    form = _FORMS[task_type]
    if not form.is_in(table) or not {"image", "text"} & set(table.column_names):
        wanted = ".".join(filter(None, (form.column, form.member)))
        raise ExportError(
            f"{file}: must have the columns image or text, and {wanted}, to be read as "
            f"{task_type}; got {', '.join(table.column_names)}. Pass another --task-type."
        )


# -- rows


def _data(rows: list[Field], task_type: str, names: list[str] | None) -> LabeledData:
    form = _FORMS[task_type]
    if names is None:
        named = (each.text() for row in rows for each in form.categories(row) if form.classes)
        names = sorted(set(named))
    classes = Classes.of(names)
    examples: list[Example] = []
    for row in rows:
        label = row.get(form.column)
        # Classes that a data set hides, as in its test split, are -1.
        if label is None or (form.classes and label.value == -1):
            continue
        size = _size(row)
        place = "text" if "text" in row else "image"
        value = form.value(label, classes, size)
        sure = _confidences(row if form.member is None else label)
        examples.append(Example(row[place].text(), Label(value, sure), place == "text", size))
    return LabeledData(task_type, classes, tuple(examples), len(rows) - len(examples))


def _size(row: Field) -> ImageSize | None:
    width, height = row.get("width"), row.get("height")
    if width is None or height is None:
        return None
    return ImageSize(width.whole(1), height.whole(1))


def _confidences(holder: Field) -> tuple[float, ...]:
    """One for each part of the label, or none."""
    given = holder.get("confidence")
    if given is None:
        return ()
    each = list(given.each()) if isinstance(given.value, list) else [given]
    known = [one.number() for one in each if one.value is not None]
    return tuple(known) if len(known) == len(each) else ()


def _code(each: Field, classes: Classes) -> int:
    by_name = isinstance(each.value, str)
    return each.class_of_name(classes) if by_name else each.class_of_number(classes)


def _parts(label: Field, classes: Classes, *keys: str) -> Iterator[tuple[int, list[Field]]]:
    """Of each object: its class, and what the lists ``keys`` have for it."""
    lists = [list(label[key].each()) for key in ("category", *keys)]
    for each in lists[1:]:
        if len(each) != len(lists[0]):
            raise label.wrong("lists of one length")
    for category, *found in zip(*lists, strict=True):
        yield _code(category, classes), found


def _numbers(value: Field, n: int) -> list[float]:
    found = [each.number() for each in value.each()]
    if len(found) != n:
        raise value.wrong(f"{n} numbers")
    return found


def _boxes(label: Field, classes: Classes, size: ImageSize | None) -> Boxes:
    keys = ("bbox",) if label.get("rotation") is None else ("bbox", "rotation")
    boxes = []
    for code, (edges, *turned) in _parts(label, classes, *keys):
        boxes.append(Box(code, *_numbers(edges, 4), *(each.number() for each in turned)))
    return Boxes(tuple(boxes), size)


def _shapes(label: Field, classes: Classes) -> tuple[Shape, ...]:
    return tuple(
        Shape(code, tuple((x, y) for x, y in (_numbers(point, 2) for point in vertices.each())))
        for code, (vertices,) in _parts(label, classes, "vertices")
    )


def _points(label: Field, classes: Classes, size: ImageSize | None) -> Keypoints:
    found = _parts(label, classes, "point")
    return Keypoints(tuple(Keypoint(code, *_numbers(each, 2)) for code, (each,) in found), size)


def _spans(label: Field, classes: Classes, _: object) -> Spans:
    return Spans(
        tuple(
            Span(code, (at := start.whole()), end.whole(at + 1))
            for code, (start, end) in _parts(label, classes, "start", "end")
        )
    )


def _label_set(label: Field, classes: Classes, _: object) -> LabelSet:
    return LabelSet(tuple(dict.fromkeys(_code(each, classes) for each in label.each())))


@dataclass(frozen=True)
class _Form:
    """Where a task type stands: the column, and the member of it that shows it where it has some.

    ``value(label, classes, size)`` reads the column; ``classes``: whether it has any.
    """

    column: str
    member: str | None
    value: Callable[[Field, Classes, ImageSize | None], Any]
    classes: bool = True

    def is_in(self, table: pa.Table) -> bool:
        """Whether the table has the column with that member."""
        if self.column not in table.column_names:
            return False
        type_ = table.schema.field(self.column).type
        names = [type_.field(place).name for place in range(type_.num_fields)]
        return self.member is None or self.member in names

    def categories(self, row: Field) -> Iterator[Field]:
        """The names of classes in a row that has them instead of numbers."""
        label = row.get(self.column)
        if label is not None and self.member is not None:
            yield from label["category"].each()
        elif label is not None:
            yield from label.each() if isinstance(label.value, list) else (label,)


_CLASS = _Form("label", None, lambda label, classes, _: SingleClass(_code(label, classes)))
_CLASSES = _Form("labels", None, _label_set)
_FORMS = {
    "BoundingBox": _Form("objects", "bbox", _boxes),
    "Polygon": _Form(
        "objects", "vertices", lambda o, names, size: Polygons(_shapes(o, names), size)
    ),
    "Polyline": _Form(
        "objects", "vertices", lambda o, names, size: Polylines(_shapes(o, names), size)
    ),
    "Keypoint": _Form("objects", "point", _points),
    "NamedEntityRecognition": _Form("entities", "start", _spans),
    "ImageClassification": _CLASS,
    "TextClassification": _CLASS,
    "ImageClassificationMultiLabel": _CLASSES,
    "TextClassificationMultiLabel": _CLASSES,
    "FreeText": _Form("label", None, lambda label, *_: Text(label.text()), classes=False),
    "Rating": _Form("label", None, lambda label, *_: Rating(label.number()), classes=False),
    "PairwisePreference": _Form(
        "label", None, lambda label, *_: Preference(label.one_of("a", "b", "tie")), classes=False
    ),
}
