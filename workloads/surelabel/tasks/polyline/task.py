"""Polyline: open lines in an image."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.consolidation import objects
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.polyline.format import POLYLINE_FORMAT
from surelabel.tasks.shape_task import ShapeTask
from surelabel.tasks.values import Polylines


@dataclass(frozen=True)
class Polyline(ShapeTask[Polylines]):
    """Any number of lines in an image, also none."""

    format: LabelFormat[Polylines] = POLYLINE_FORMAT
    outlines = objects.Polylines
    made = Polylines
