"""What Polygon and Polyline share: marks that are chains of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from surelabel.consolidation.objects import Geometry
from surelabel.consolidation.objects.outlines import Outlines
from surelabel.tasks.base import Random
from surelabel.tasks.object_task import ObjectTask, outline_columns, rounded
from surelabel.tasks.people import moved_points, other_class, shifted_points, vary_objects
from surelabel.tasks.values import ImageSize, Polygons, Polylines, Shape

S = TypeVar("S", Polygons, Polylines)


@dataclass(frozen=True)
class ShapeTask(ObjectTask[S]):
    """``outlines``: the columns of such shapes; ``made``: the value of them."""

    outlines: ClassVar[type[Outlines]]
    made: ClassVar[Any]

    def marks(self, value: S) -> tuple[Shape, ...]:
        """See ``ObjectTask``."""
        return value.shapes

    def image(self, value: S) -> ImageSize | None:
        """See ``ObjectTask``."""
        return value.image

    def geometry(self, values: Sequence[S]) -> Geometry:
        """See ``ObjectTask``."""
        shapes = [shape.vertices for value in values for shape in value.shapes]
        return self.outlines.of(*outline_columns(shapes))

    def value(self, geometry: Any, labels: Sequence[int], image: ImageSize | None) -> S:
        """See ``ObjectTask``."""
        shapes = (
            Shape(label, tuple((rounded(x), rounded(y)) for x, y in geometry.outline(row)))
            for row, label in enumerate(labels)
        )
        made: S = self.made(tuple(shapes), image)
        return made

    def vary(self, truth: S, accuracy: float, rng: Random, n_classes: int) -> S:
        """See ``ValueTask``."""
        shapes = vary_objects(
            truth.shapes,
            accuracy,
            rng,
            n_classes,
            mistake=lambda shape, by: Shape(
                other_class(shape.label, by, n_classes), shape.vertices
            ),
            move=lambda shape, share, rng: Shape(
                shape.label, moved_points(shape.vertices, share, rng)
            ),
            beside=lambda shape: Shape(shape.label, shifted_points(shape.vertices)),
        )
        made: S = self.made(shapes, truth.image)
        return made
