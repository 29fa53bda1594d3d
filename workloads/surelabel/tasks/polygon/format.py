"""Labels that are polygons."""

from __future__ import annotations

from surelabel.tasks.shapes import ShapeFormat
from surelabel.tasks.values import Polygons

POLYGON_FORMAT = ShapeFormat("Polygon", "crowd-polygon", ("polygons",), Polygons)
