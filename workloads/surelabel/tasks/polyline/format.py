"""Labels that are polylines; ``lines``, which have two points, are read as such."""

from __future__ import annotations

from surelabel.tasks.shapes import ShapeFormat
from surelabel.tasks.values import Polylines

POLYLINE_FORMAT = ShapeFormat("Polyline", "crowd-polyline", ("polylines", "lines"), Polylines)
