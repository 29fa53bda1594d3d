"""Labels that are key points; manifests have them as marks.py says, with x and y for vertices."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field, plain
from surelabel.tasks.marks import MarksFormat
from surelabel.tasks.values import Keypoint, Keypoints


def _read(entry: Field, label: int) -> Keypoint:
    return Keypoint(label, entry["x"].number(), entry["y"].number())


def _write(point: Keypoint) -> dict[str, Any]:
    return {"x": plain(point.x), "y": plain(point.y)}


KEYPOINT_FORMAT = MarksFormat[Keypoints, Keypoint](
    name="Keypoint",
    crowd_element="crowd-keypoint",
    keys=("keypoints",),
    label_keys=("keypoints",),
    make=Keypoints,
    marks=lambda value: value.points,
    read_mark=_read,
    write_mark=_write,
)
