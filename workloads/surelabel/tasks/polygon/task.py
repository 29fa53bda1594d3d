"""Polygon: closed outlines of objects in an image."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.consolidation import objects
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.polygon.format import POLYGON_FORMAT
from surelabel.tasks.shape_task import ShapeTask
from surelabel.tasks.values import Polygons


@dataclass(frozen=True)
class Polygon(ShapeTask[Polygons]):
    """Any number of polygons in an image, also none."""

    format: LabelFormat[Polygons] = POLYGON_FORMAT
    outlines = objects.Polygons
    made = Polygons
