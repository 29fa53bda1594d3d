"""Polygons, inside by the even-odd rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.outlines import Outlines
from surelabel.consolidation.objects.overlap import overlaps


@dataclass(frozen=True)
class Polygons(Outlines):
    """Closed outlines; a polygon of less than three vertices, or of no area, is like nothing.

    The fused polygon is the mean of corresponding points, at the corners of the mark that is most
    like the others.
    """

    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """Area of the intersection over that of the union; 0 where the union has none."""
        return overlaps(self.vertices, self.starts, rows, other.vertices, other.starts, other_rows)
