"""A folder that Hugging Face's ``datasets`` loads as it is: one Parquet file, split ``train``.

The item stands in ``image`` (its URI; the image itself is not copied) or ``text``, an image's size
in ``width`` and ``height``. Classes are ``ClassLabel`` everywhere, which names those that nothing
has too. The metadata of the file has the task type, which columns do not always tell.
`hugging_face_reading` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import (
    Boxes,
    Keypoints,
    LabelSet,
    Polygons,
    Polylines,
    Preference,
    Rating,
    SingleClass,
    Spans,
    Text,
)

FILE = "data/train-00000-of-00001.parquet"
# Beside the description by datasets; what datasets saves again has lost it.
TASK_TYPE = "surelabel-task-type"


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; nothing is lost."""
    # Late: it takes a while, and no other format needs it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {example.is_text for example in data.examples}
    if len(kinds) > 1:
        raise ExportError("the manifest has texts and files; convert them one after the other.")
    place = "text" if True in kinds else "image"
    columns = {place: (_STRING, [example.source for example in data.examples]), **_columns(data)}
    table = pa.table({name: _typed(rows, type_) for name, (type_, rows) in columns.items()})
    features = {name: _feature(type_) for name, (type_, _) in columns.items()}
    info = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    file = folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"huggingface": info, TASK_TYPE: data.task_type}
    pq.write_table(table.replace_schema_metadata(about), file)
    return []


# -- types: a name, Classes for codes of these, [type] for a list, {name: type} for a struct

_NUMBER, _WHOLE, _STRING = "float64", "int64", "string"
_Column = tuple[Any, list[Any]]


def _typed(rows: list[Any], type_: Any) -> Any:
    """A column with its type, which empty lists and unknown confidences would not show."""
    import pyarrow as pa

    def of(each: Any) -> pa.DataType:
        if isinstance(each, dict):
            return pa.struct([(name, of(inner)) for name, inner in each.items()])
        if isinstance(each, list):
            return pa.list_(of(each[0]))
        return pa.type_for_alias(_WHOLE if isinstance(each, Classes) else each)

    return pa.array(rows, of(type_))


def _feature(type_: Any) -> Any:
    """The same type in the words of ``datasets``."""
    if isinstance(type_, dict):
        return {name: _feature(inner) for name, inner in type_.items()}
    if isinstance(type_, list):
        return {"feature": _feature(type_[0]), "_type": "Sequence"}
    if isinstance(type_, Classes):
        return {"names": list(type_.names), "_type": "ClassLabel"}
    return {"dtype": type_, "_type": "Value"}


# -- columns


def _columns(data: LabeledData) -> dict[str, _Column]:
    """Columns of the labels by name: their type and their rows."""
    values = [example.label.value for example in data.examples]
    sure = (_NUMBER, [data.confidence(example, 0) for example in data.examples])
    if all(isinstance(value, SingleClass) for value in values):
        return {"label": (data.classes, [value.label for value in values]), "confidence": sure}
    if all(isinstance(value, LabelSet) for value in values):
        each_sure = [
            _sure(example, data, len(example.label.value.labels)) for example in data.examples
        ]
        return {
            "labels": ([data.classes], [list(value.labels) for value in values]),
            "confidence": ([_NUMBER], each_sure),
        }
    for kind, column, entries, own in _PARTS:
        if all(isinstance(value, kind) for value in values):
            rows = [entries(example, data) for example in data.examples]
            types = {**own, "category": [data.classes], "confidence": [_NUMBER]}
            return {**(_sizes(data) if column == "objects" else {}), column: (types, rows)}
    if all(isinstance(value, Text | Rating | Preference) for value in values):
        type_ = _NUMBER if data.task_type == "Rating" else _STRING
        return {"label": (type_, [_plain(value) for value in values]), "confidence": sure}
    raise ExportError(f"--to: huggingface has no {data.task_type}.")


def _sizes(data: LabeledData) -> dict[str, _Column]:
    sizes = [example.size for example in data.examples]
    return {
        "width": (_WHOLE, [size and size.width for size in sizes]),
        "height": (_WHOLE, [size and size.height for size in sizes]),
    }


def _boxes(example: Example, data: LabeledData) -> dict[str, Any]:
    boxes = example.label.value.boxes
    return {
        "bbox": [[float(n) for n in (b.left, b.top, b.width, b.height)] for b in boxes],
        "rotation": [float(box.rotation) for box in boxes],
        **_classified(example, data, [box.label for box in boxes]),
    }


def _shapes(example: Example, data: LabeledData) -> dict[str, Any]:
    shapes = example.label.value.shapes
    vertices = [[[float(x), float(y)] for x, y in shape.vertices] for shape in shapes]
    return {"vertices": vertices, **_classified(example, data, [shape.label for shape in shapes])}


def _points(example: Example, data: LabeledData) -> dict[str, Any]:
    points = example.label.value.points
    where = [[float(point.x), float(point.y)] for point in points]
    return {"point": where, **_classified(example, data, [point.label for point in points])}


def _spans(example: Example, data: LabeledData) -> dict[str, Any]:
    spans = example.label.value.spans
    edges = {"start": [span.start for span in spans], "end": [span.end for span in spans]}
    return edges | _classified(example, data, [span.label for span in spans])


def _classified(example: Example, data: LabeledData, codes: list[int]) -> dict[str, Any]:
    return {"category": codes, "confidence": _sure(example, data, len(codes))}


def _sure(example: Example, data: LabeledData, n: int) -> list[float | None]:
    return [data.confidence(example, part) for part in range(n)]


def _plain(value: Text | Rating | Preference) -> Any:
    if isinstance(value, Text):
        return value.text
    return float(value.value) if isinstance(value, Rating) else value.choice


_PARTS: tuple[tuple[Any, str, Callable[[Example, LabeledData], dict[str, Any]], Any], ...] = (
    (Boxes, "objects", _boxes, {"bbox": [[_NUMBER]], "rotation": [_NUMBER]}),
    (Polygons | Polylines, "objects", _shapes, {"vertices": [[[_NUMBER]]]}),
    (Keypoints, "objects", _points, {"point": [[_NUMBER]]}),
    (Spans, "entities", _spans, {"start": [_WHOLE], "end": [_WHOLE]}),
)
