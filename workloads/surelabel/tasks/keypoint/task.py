"""Keypoint: named points in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Any

import numpy as np

from surelabel.consolidation.objects import Geometry, KeyPoints
from surelabel.tasks.base import Random
from surelabel.tasks.keypoint.format import KEYPOINT_FORMAT
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.object_task import ObjectTask, rounded
from surelabel.tasks.people import extent, other_class, vary_objects
from surelabel.tasks.values import ImageSize, Keypoints
from surelabel.tasks.values import Keypoint as Point

_SHARE = 0.02


@dataclass(frozen=True)
class Keypoint(ObjectTask[Keypoints]):
    """Any number of points in an image, also none."""

    format: LabelFormat[Keypoints] = KEYPOINT_FORMAT

    def marks(self, value: Keypoints) -> tuple[Point, ...]:
        """See ``ObjectTask``."""
        return value.points

    def image(self, value: Keypoints) -> ImageSize | None:
        """See ``ObjectTask``."""
        return value.image

    def geometry(self, values: Sequence[Keypoints]) -> Geometry:
        """See ``ObjectTask``; points are alike within 2 % of the image's diagonal.

        Where the size of an image is not known, no point lies outside of one that reaches from
        the corner to the furthest point of all.
        """
        points = [(point.x, point.y) for value in values for point in value.points]
        furthest = hypot(*(max((abs(p[axis]) for p in points), default=0.0) for axis in (0, 1)))
        radii = [_radius(value, furthest) for value in values for _ in value.points]
        return KeyPoints.of(np.array(points, np.float64).reshape(-1, 2), np.array(radii))

    def value(self, geometry: Any, labels: Sequence[int], image: ImageSize | None) -> Keypoints:
        """See ``ObjectTask``."""
        points = (
            Point(label, rounded(x), rounded(y))
            for label, (x, y) in zip(labels, geometry.points.tolist(), strict=True)
        )
        return Keypoints(tuple(points), image)

    def vary(self, truth: Keypoints, accuracy: float, rng: Random, n_classes: int) -> Keypoints:
        """See ``ValueTask``; how far off is a share of what all points span."""
        size = extent([(point.x, point.y) for point in truth.points]) if truth.points else 1.0

        def move(point: Point, share: float, rng: Random) -> Point:
            scale = share * size
            return replace(
                point, x=point.x + rng.normal(0, scale), y=point.y + rng.normal(0, scale)
            )

        points = vary_objects(
            truth.points,
            accuracy,
            rng,
            n_classes,
            mistake=lambda point, by: replace(point, label=other_class(point.label, by, n_classes)),
            move=move,
            beside=lambda point: replace(point, x=point.x + size / 2, y=point.y + size / 2),
        )
        return replace(truth, points=points)


def _radius(value: Keypoints, furthest: float) -> float:
    """2 % of the diagonal of the image, or of ``furthest``; a pixel at least."""
    known = value.image
    diagonal = furthest if known is None else hypot(known.width, known.height)
    return max(_SHARE * diagonal, 1.0)
