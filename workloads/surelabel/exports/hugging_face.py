"""A folder that Hugging Face's ``datasets`` loads as it is: one Parquet file, split ``train``.

The item stands in ``image`` (its URI; the image itself is not copied) or ``text``. Classes are
``ClassLabel`` where the label is a class or a set of classes, and names within objects and spans.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from surelabel.exports.dataset import Example, ExportError, LabeledData
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


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; nothing is lost."""
    # Late: it takes a while, and no other format needs it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {example.is_text for example in data.examples}
    if len(kinds) > 1:
        raise ExportError("the manifest has texts and files; convert them one after the other.")
    place = "text" if True in kinds else "image"
    columns, features = _columns(data)
    table = pa.table({place: [example.source for example in data.examples], **columns})
    if features:
        more = {place: {"dtype": "string", "_type": "Value"}, **features}
        info = json.dumps({"info": {"features": more}}, ensure_ascii=False)
        table = table.replace_schema_metadata({"huggingface": info})
    file = folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    return []


def _columns(data: LabeledData) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns of the labels and, where there are classes of their own, what they are."""
    confidence = {"dtype": "float64", "_type": "Value"}
    classes = {"names": list(data.classes.names), "_type": "ClassLabel"}
    values = [example.label.value for example in data.examples]
    sure = [data.confidence(example, 0) for example in data.examples]
    if all(isinstance(value, SingleClass) for value in values):
        codes = _typed([value.label for value in values], "int64")
        columns = {"label": codes, "confidence": _typed(sure, "double")}
        return columns, {"label": classes, "confidence": confidence}
    if all(isinstance(value, LabelSet) for value in values):
        codes = _typed([list(value.labels) for value in values], ["int64"])
        each_sure = [
            [data.confidence(example, part) for part in range(len(value.labels))]
            for example, value in zip(data.examples, values, strict=True)
        ]
        columns = {"labels": codes, "confidence": _typed(each_sure, ["double"])}
        return columns, {
            "labels": {"feature": classes, "_type": "Sequence"},
            "confidence": {"feature": confidence, "_type": "Sequence"},
        }
    for kind, column, entries, types in _PARTS:
        if all(isinstance(value, kind) for value in values):
            rows = [entries(example, data) for example in data.examples]
            return {column: _typed(rows, types)}, {}
    if all(isinstance(value, Text | Rating | Preference) for value in values):
        labels = [_plain(value) for value in values]
        return {"label": labels, "confidence": _typed(sure, "double")}, {}
    raise ExportError(f"--to: huggingface has no {data.task_type}.")


def _typed(rows: list[Any], types: Any) -> Any:
    """A column with its type, which empty lists and unknown confidences would not show.

    ``types``: a type's name, [type] for a list, {name: type} for a struct.
    """
    import pyarrow as pa

    def of(each: Any) -> pa.DataType:
        if isinstance(each, dict):
            return pa.struct([(name, of(inner)) for name, inner in each.items()])
        return pa.list_(of(each[0])) if isinstance(each, list) else pa.type_for_alias(each)

    return pa.array(rows, of(types))


def _boxes(example: Example, data: LabeledData) -> dict[str, Any]:
    boxes = example.label.value.boxes
    return {
        "bbox": [[float(n) for n in (b.left, b.top, b.width, b.height)] for b in boxes],
        "rotation": [float(box.rotation) for box in boxes],
        **_named(example, data, [box.label for box in boxes]),
    }


def _shapes(example: Example, data: LabeledData) -> dict[str, Any]:
    shapes = example.label.value.shapes
    vertices = [[[float(x), float(y)] for x, y in shape.vertices] for shape in shapes]
    return {"vertices": vertices, **_named(example, data, [shape.label for shape in shapes])}


def _points(example: Example, data: LabeledData) -> dict[str, Any]:
    points = example.label.value.points
    where = [[float(point.x), float(point.y)] for point in points]
    return {"point": where, **_named(example, data, [point.label for point in points])}


def _spans(example: Example, data: LabeledData) -> dict[str, Any]:
    spans = example.label.value.spans
    edges = {"start": [span.start for span in spans], "end": [span.end for span in spans]}
    return edges | _named(example, data, [span.label for span in spans])


def _named(example: Example, data: LabeledData, codes: list[int]) -> dict[str, Any]:
    names = [data.classes.names[code] for code in codes]
    sure = [data.confidence(example, part) for part in range(len(codes))]
    return {"category": names, "confidence": sure}


def _plain(value: Text | Rating | Preference) -> Any:
    if isinstance(value, Text):
        return value.text
    return value.value if isinstance(value, Rating) else value.choice


_NUMBER = "double"
_NAMED = {"category": ["string"], "confidence": [_NUMBER]}
_PARTS: tuple[tuple[Any, str, Callable[[Example, LabeledData], dict[str, Any]], Any], ...] = (
    (Boxes, "objects", _boxes, {"bbox": [[_NUMBER]], "rotation": [_NUMBER], **_NAMED}),
    (Polygons | Polylines, "objects", _shapes, {"vertices": [[[_NUMBER]]], **_NAMED}),
    (Keypoints, "objects", _points, {"point": [[_NUMBER]], **_NAMED}),
    (Spans, "entities", _spans, {"start": ["int64"], "end": ["int64"], **_NAMED}),
)
