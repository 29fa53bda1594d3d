"""Labels that are polygons."""

from __future__ import annotations

from surelabel.tasks.marks import MarksFormat
from surelabel.tasks.outline_marks import read_shape, write_shape
from surelabel.tasks.values import Polygons, Shape

POLYGON_FORMAT = MarksFormat[Polygons, Shape](
    name="Polygon",
    crowd_element="crowd-polygon",
    keys=("polygons",),
    label_keys=("polygons",),
    make=Polygons,
    marks=lambda value: value.shapes,
    read_mark=read_shape,
    write_mark=write_shape,
)
