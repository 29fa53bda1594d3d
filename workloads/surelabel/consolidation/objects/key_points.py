"""Key points: places with a name."""

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
    checked,
)
from surelabel.consolidation.objects.medoids import medoids

# An error of this many radii is to a point what one of its own size is to a box.
_SIZE = 3.0


@dataclass(frozen=True)
class KeyPoints(Geometry):
    """``points``: (n_marks, 2), x and y. ``radius``: (n_marks,), positive.

    The radius is the distance at which two points are half alike, a tolerance in pixels: the
    larger the object, the larger it should be (COCO's object key point similarity falls off in the
    same way). A label says which point it is, so points of different labels are never one.
    """

    points: Floats
    radius: Floats
    other_label = 0.0

    @classmethod
    def of(cls, points: ArrayLike, radius: ArrayLike) -> Self:
        """From ``points``, (n, 2): x and y, and ``radius``: one number or (n,), all in pixels.

        ValueError for other shapes, a radius that is not positive, and what is not finite.
        """
        given = checked("points", points, ("x", "y"))
        reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(given))
        wrong = np.flatnonzero(~((reach > 0) & (reach <= 1e100)))
        if wrong.size:
            row = int(wrong[0])
            raise ValueError(
                f"radius must be positive and finite; got {reach[row]} at row {row}. "
                "Take 2 % of the image's diagonal if you know nothing better."
            )
        return cls(given, reach)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: Codes) -> Self:
        return type(self)(self.points[rows], self.radius[rows])

    def joined(self, *others: Self) -> Self:
        """One after the other, each with its radius."""
        parts = (self, *others)
        return type(self)(
            np.concatenate([each.points for each in parts]),
            np.concatenate([each.radius for each in parts]),
        )

    def bounds(self) -> Floats:
        """A radius about the point."""
        reach = self.radius[:, None]
        return np.hstack((self.points - reach, self.points + reach))

    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """2^-(d / r)^2, d the distance and r the mean radius; 0 beyond 2 r."""
        reach = (self.radius[rows] + other.radius[other_rows]) / 2
        away = np.linalg.norm(self.points[rows] - other.points[other_rows], axis=1) / reach
        return np.where(away <= 2, np.exp2(-(np.minimum(away, 2.0) ** 2)), 0.0)

    @property
    def error_names(self) -> tuple[str, ...]:
        """Over three radii."""
        return ("x", "y")

    def aligned(self, cluster: Codes, n_clusters: int, pairs: Pairs) -> Aligned:
        """The points; an error is measured against the radius."""
        scale = _SIZE * self.radius[:, None]
        return Aligned(self.points, scale, medoids(cluster, n_clusters, pairs))

    def rebuilt(self, values: Floats, aligned: Aligned) -> Self:
        """With the radius of the medoid."""
        return type(self)(values, self.radius[aligned.reference])
