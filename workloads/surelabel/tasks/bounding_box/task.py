"""BoundingBox: rectangles round objects of an image, upright or rotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from surelabel.consolidation.objects import Boxes as UprightBoxes
from surelabel.consolidation.objects import Geometry, RotatedBoxes
from surelabel.tasks.base import Random
from surelabel.tasks.bounding_box.format import BOUNDING_BOX_FORMAT
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.object_task import ObjectTask, rounded
from surelabel.tasks.people import other_class, vary_objects
from surelabel.tasks.values import Box, Boxes, ImageSize

_DEGREES = 45.0


@dataclass(frozen=True)
class BoundingBox(ObjectTask[Boxes]):
    """Any number of boxes in an image, also none."""

    format: LabelFormat[Boxes] = BOUNDING_BOX_FORMAT

    def marks(self, value: Boxes) -> tuple[Box, ...]:
        """See ``ObjectTask``."""
        return value.boxes

    def image(self, value: Boxes) -> ImageSize | None:
        """See ``ObjectTask``."""
        return value.image

    def geometry(self, values: Sequence[Boxes]) -> Geometry:
        """See ``ObjectTask``; upright boxes need no angles."""
        boxes = [box for value in values for box in value.boxes]
        rows = [(box.left, box.top, box.width, box.height, box.rotation) for box in boxes]
        columns = np.array(rows, np.float64).reshape(-1, 5)
        if columns[:, 4].any():
            return RotatedBoxes.of(columns)
        return UprightBoxes.of(columns[:, :4])

    def value(self, geometry: Any, labels: Sequence[int], image: ImageSize | None) -> Boxes:
        """See ``ObjectTask``."""
        rows = geometry.to_ground_truth().tolist()
        boxes = (Box(label, *map(rounded, row)) for label, row in zip(labels, rows, strict=True))
        return Boxes(tuple(boxes), image)

    def vary(self, truth: Boxes, accuracy: float, rng: Random, n_classes: int) -> Boxes:
        """See ``ValueTask``."""
        boxes = vary_objects(
            truth.boxes,
            accuracy,
            rng,
            n_classes,
            mistake=lambda box, by: replace(box, label=other_class(box.label, by, n_classes)),
            move=_move,
            beside=lambda box: replace(box, left=box.left + box.width, top=box.top + box.height),
        )
        return replace(truth, boxes=boxes)


def _move(box: Box, share: float, rng: Random) -> Box:
    left = box.left + rng.normal(0, share * box.width)
    top = box.top + rng.normal(0, share * box.height)
    right = box.left + box.width + rng.normal(0, share * box.width)
    bottom = box.top + box.height + rng.normal(0, share * box.height)
    return replace(
        box,
        left=left,
        top=top,
        width=max(right - left, 0.0),
        height=max(bottom - top, 0.0),
        rotation=box.rotation and box.rotation + rng.normal(0, share * _DEGREES),
    )
