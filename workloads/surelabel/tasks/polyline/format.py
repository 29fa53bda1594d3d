"""Labels that are polylines; ``lines``, which have two points, are read as such."""

from __future__ import annotations

from surelabel.tasks.marks import MarksFormat
from surelabel.tasks.outline_marks import read_shape, write_shape
from surelabel.tasks.values import Polylines, Shape

POLYLINE_FORMAT = MarksFormat[Polylines, Shape](
    name="Polyline",
    crowd_element="crowd-polyline",
    keys=("polylines", "lines"),
    label_keys=("polylines", "lines"),
    make=Polylines,
    marks=lambda value: value.shapes,
    read_mark=read_shape,
    write_mark=write_shape,
)
