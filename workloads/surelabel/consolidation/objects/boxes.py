"""Bounding boxes along the axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.objects.geometry import (
    Aligned,
    Codes,
    Floats,
    Geometry,
    Pairs,
    check_not_negative,
    checked,
)
from surelabel.consolidation.objects.groups import first_of_each

# Errors are measured against the box, but one of zero width cannot measure any.
LEAST_SIZE = 1.0
# Pairs from which compiled loops pay.
MANY = 200_000


@dataclass(frozen=True)
class Boxes(Geometry):
    """``corners``: (n_marks, 4), left, top, right, bottom in pixels.

    A box of zero area is like nothing, itself included: it stays a mark that nobody backs. Boxes
    may lie outside the image; nobody clips them, since the image's size is not known here.
    """

    corners: Floats
    needs_pairs = False

    @classmethod
    def of(cls, boxes: ArrayLike) -> Self:
        """From ``boxes``, (n, 4): left, top, width, height in pixels, as Ground Truth has them.

        ValueError for another shape, sizes below 0, and what is not finite.
        """
        columns = ("left", "top", "width", "height")
        given = checked("boxes", boxes, columns)
        for column in (2, 3):
            check_not_negative("boxes", given[:, column], columns[column])
        return cls(np.hstack((given[:, :2], given[:, :2] + given[:, 2:])))

    def to_ground_truth(self) -> Floats:
        """(n, 4): left, top, width, height."""
        return np.hstack((self.corners[:, :2], self.corners[:, 2:] - self.corners[:, :2]))

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, rows: Codes) -> Self:
        return type(self)(self.corners[rows])

    def joined(self, *others: Self) -> Self:
        """One after the other."""
        return type(self)(np.concatenate([each.corners for each in (self, *others)]))

    def bounds(self) -> Floats:
        """The boxes themselves."""
        return self.corners

    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """Area of the intersection over that of the union; 0 where the union has none."""
        if len(rows) > MANY:
            from surelabel.consolidation.objects.box_kernels import overlaps

            return overlaps(self.corners, rows, other.corners, other_rows)
        a, b = self.corners[rows], other.corners[other_rows]
        width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
        common = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        both = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
        union = both - common
        found: Floats = np.divide(common, union, out=np.zeros_like(union), where=union > 0)
        return found

    @property
    def error_names(self) -> tuple[str, ...]:
        """Sides; positive is to the right, and down."""
        return ("left", "top", "right", "bottom")

    def aligned(self, cluster: Codes, n_clusters: int, pairs: Pairs) -> Aligned:
        """The corners; an error is measured against width or height."""
        size = self.corners[:, 2:] - self.corners[:, :2]
        np.maximum(size, LEAST_SIZE, out=size)
        reference = first_of_each(cluster, n_clusters)
        return Aligned(self.corners, size, reference)

    def rebuilt(self, values: Floats, aligned: Aligned) -> Self:
        """A mean of boxes is a box: its left is not right of its right."""
        return type(self)(values)
