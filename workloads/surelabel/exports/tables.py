"""CSV for everything but masks: a line for each item, or for each of its objects or spans.

Lines name a class only where something has it; all stand beside them in ``labels.json``.
`tables_reading` reads it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from surelabel.exports.class_list import write_class_list
from surelabel.exports.dataset import Example, LabeledData
from surelabel.exports.xml_file import shown
from surelabel.tasks.values import (
    Adjustment,
    Boxes,
    Custom,
    Keypoints,
    LabelSet,
    Order,
    Polygons,
    Polylines,
    Preference,
    Rating,
    SingleClass,
    Spans,
    Text,
    Verification,
)

FILE = "labels.csv"
NUMBER = "itemNumber"
# Columns with the size of an item's image.
IMAGE = ("imageWidth", "imageHeight")


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the files. An item without objects has a line without a label."""
    rows: list[dict[str, Any]] = []
    for number, example in enumerate(data.examples, start=1):
        found = list(_rows(example, data))
        for part, row in enumerate(found or [{"label": ""}]):
            confidence = data.confidence(example, part) if found else None
            given = {"confidence": "" if confidence is None else shown(confidence)}
            human = {"humanAnnotated": "yes" if example.label.human else "no"}
            size = example.size
            image = dict(zip(IMAGE, (size.width, size.height), strict=True)) if size else {}
            # Else two lines of a manifest with one source would become one.
            place = {NUMBER: str(number)}
            rows.append({"item": example.source} | row | given | human | image | place)
    columns = list(dict.fromkeys(key for row in rows for key in row)) or ["item", "label"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    if data.classes.names:
        write_class_list(data.classes, folder)
    return []


def _rows(  # noqa: PLR0912 - one branch for each kind of value.
    example: Example, data: LabeledData
) -> Iterator[dict[str, Any]]:
    value, names = example.label.value, data.classes.names
    if isinstance(value, Adjustment):
        value = value.value
    if isinstance(value, SingleClass):
        yield {"label": names[value.label]}
    elif isinstance(value, LabelSet):
        yield from ({"label": names[code]} for code in value.labels)
    elif isinstance(value, Boxes):
        for box in value.boxes:
            keys = ("left", "top", "width", "height", "rotation")
            yield {"label": names[box.label]} | {key: shown(getattr(box, key)) for key in keys}
    elif isinstance(value, Polygons | Polylines):
        for shape in value.shapes:
            points = ";".join(f"{shown(x)},{shown(y)}" for x, y in shape.vertices)
            yield {"label": names[shape.label], "points": points}
    elif isinstance(value, Keypoints):
        for point in value.points:
            yield {"label": names[point.label], "x": shown(point.x), "y": shown(point.y)}
    elif isinstance(value, Spans):
        for span in value.spans:
            text = example.source[span.start : span.end] if example.is_text else ""
            yield {"label": names[span.label], "start": span.start, "end": span.end, "text": text}
    elif isinstance(value, Verification):
        yield {"label": names[value.label], "comments": "\n".join(value.comments)}
    else:
        yield {"label": _word(value)}


def _word(value: Any) -> str:
    if isinstance(value, Order):
        return "|".join(value.order)
    if isinstance(value, Custom):
        return json.dumps(value.content, ensure_ascii=False)
    if isinstance(value, Rating):
        return shown(value.value)
    if isinstance(value, Preference):
        return value.choice
    return value.text if isinstance(value, Text) else ""
