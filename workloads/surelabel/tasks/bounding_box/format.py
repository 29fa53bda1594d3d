"""Labels that are boxes, upright or rotated: Ground Truth's, with ``rotation``, which is ours and
is written only where a box is rotated."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field, plain
from surelabel.tasks.marks import MarksFormat
from surelabel.tasks.values import Box, Boxes

_EDGES = ("left", "top", "width", "height")


def _read(entry: Field, label: int) -> Box:
    rotation = entry.get("rotation")
    return Box(
        label,
        entry["left"].number(),
        entry["top"].number(),
        entry["width"].number(0),
        entry["height"].number(0),
        0.0 if rotation is None else rotation.number(),
    )


def _write(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = {name: plain(getattr(box, name)) for name in _EDGES}
    return found | ({"rotation": plain(box.rotation)} if box.rotation else {})


BOUNDING_BOX_FORMAT = MarksFormat[Boxes, Box](
    name="BoundingBox",
    crowd_element="crowd-bounding-box",
    keys=("boundingBoxes",),
    label_keys=("annotations",),
    make=Boxes,
    marks=lambda value: value.boxes,
    read_mark=_read,
    write_mark=_write,
    manifest_type="groundtruth/object-detection",
    metadata_order=(
        *("objects", "class-map", "class_map"),
        *("type", "human-annotated", "creation-date", "job-name"),
    ),
)
