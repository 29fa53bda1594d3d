"""Boxes at an angle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.objects.boxes import LEAST_SIZE
from surelabel.consolidation.objects.geometry import (
    Aligned,
    Codes,
    Floats,
    Geometry,
    Pairs,
    check_not_negative,
    checked,
)
from surelabel.consolidation.objects.medoids import medoids
from surelabel.consolidation.objects.overlap import overlaps

_COLUMNS = ("left", "top", "width", "height", "rotation")


@dataclass(frozen=True)
class RotatedBoxes(Geometry):
    """``boxes``: (n_marks, 5), centre x, centre y, width, height, angle.

    Angles in degrees, from the x axis towards the y axis: clockwise on screen, where y points
    down. A box is an area and has no direction: turned by a quarter with width and height swapped
    it is the same. Of a cluster's, the form is kept that the mark most like the others has.
    """

    boxes: Floats

    @classmethod
    def of(cls, boxes: ArrayLike) -> Self:
        """Boxes from (n, 5) left, top, width, height, rotation.

        Left and top are those of the box before it is turned about its centre by ``rotation``
        degrees, as an answer of Ground Truth's form carries it.
        """
        given = checked("boxes", boxes, _COLUMNS)
        for column in (2, 3):
            check_not_negative("boxes", given[:, column], _COLUMNS[column])
        centre = given[:, :2] + given[:, 2:4] / 2
        return cls(np.hstack((centre, given[:, 2:])))

    def to_ground_truth(self) -> Floats:
        """(n, 5): left, top, width, height, rotation in [0, 360)."""
        corner = self.boxes[:, :2] - self.boxes[:, 2:4] / 2
        return np.hstack((corner, self.boxes[:, 2:4], self.boxes[:, 4:] % 360))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Codes) -> Self:
        return type(self)(self.boxes[rows])

    @cached_property
    def corners(self) -> Floats:
        """(n, 4, 2): in order round the box."""
        angle = np.deg2rad(self.boxes[:, 4])
        axis = np.stack((np.cos(angle), np.sin(angle)), axis=1) * self.boxes[:, 2:3] / 2
        across = np.stack((-np.sin(angle), np.cos(angle)), axis=1) * self.boxes[:, 3:4] / 2
        turned = np.stack((-axis - across, axis - across, axis + across, across - axis), axis=1)
        return self.boxes[:, None, :2] + turned

    def joined(self, *others: Self) -> Self:
        """One after the other."""
        return type(self)(np.concatenate([each.boxes for each in (self, *others)]))

    def bounds(self) -> Floats:
        """Of the corners."""
        return np.hstack((self.corners.min(axis=1), self.corners.max(axis=1)))

    def order(self) -> tuple[Floats, ...]:
        """(n_marks,) each; a box in its circle has the bounds of another, size and angle tell."""
        return (self.boxes[:, 4], self.boxes[:, 2], *super().order())

    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """Area of the intersection over that of the union; 0 where the union has none."""
        return overlaps(*self._outlines, rows, *other._outlines, other_rows)

    @property
    def _outlines(self) -> tuple[Floats, Codes]:
        return self.corners.reshape(-1, 2), 4 * np.arange(len(self) + 1)

    @property
    def error_names(self) -> tuple[str, ...]:
        """Of the angle: by how much the longer side's end is off."""
        return ("x", "y", "width", "height", "angle")

    def aligned(self, cluster: Codes, n_clusters: int, pairs: Pairs) -> Aligned:
        """The boxes, each written as that of its four forms which is nearest to its medoid's."""
        reference = medoids(cluster, n_clusters, pairs)
        form = self.boxes[reference][cluster]
        best = np.full(len(self), np.inf)
        values = self.boxes.copy()
        for quarter in range(4):
            turned = self.boxes.copy()
            if quarter % 2:
                turned[:, [2, 3]] = self.boxes[:, [3, 2]]
            turned[:, 4] += 90 * quarter
            # To within half a turn of the reference.
            turned[:, 4] -= 360 * np.round((turned[:, 4] - form[:, 4]) / 360)
            size = np.maximum(form[:, 2:4].max(axis=1), LEAST_SIZE)
            off = np.abs(turned[:, 2:4] - form[:, 2:4]).sum(axis=1) / size
            off += np.abs(np.deg2rad(turned[:, 4] - form[:, 4]))
            nearer = off < best - 1e-9
            best[nearer] = off[nearer]
            values[nearer] = turned[nearer]
        size = np.maximum(values[:, 2:4], LEAST_SIZE)
        # An angle puts the end of the longer side off by half that side times it.
        angle = np.rad2deg(2 * np.sqrt(size.prod(axis=1)) / size.max(axis=1))
        typical = np.sqrt(size.prod(axis=1))
        scale = np.stack((typical, typical, size[:, 0], size[:, 1], angle), axis=1)
        return Aligned(values, scale, reference)

    def rebuilt(self, values: Floats, aligned: Aligned) -> Self:
        """Means of widths and heights are not negative."""
        return type(self)(values)
