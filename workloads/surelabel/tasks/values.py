"""What an answer or a label says, per kind of task: frozen values, classes by their codes.

Coordinates are pixels of the upright image, x to the right and y down; (0, 0) is the upper left
corner of the first pixel. Nothing is clipped: consolidation judges what lies outside the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
# (height, width): class codes or positions of instances, -1 for none.
Mask: TypeAlias = "NDArray[np.int32]"


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Size in pixels; ``depth`` is the number of channels."""

    width: int
    height: int
    depth: int = 3


@dataclass(frozen=True, slots=True)
class SingleClass:
    """One class."""

    label: int


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Any number of classes, each at most once, in the order of the file; () is "none of them"."""

    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. ``rotation``: degrees, clockwise as seen, about the centre of the rectangle."""

    label: int
    left: float
    top: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of one image; () says that there is nothing to box."""

    boxes: tuple[Box, ...]
    image: ImageSize | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A class and the vertices of a polygon (closed by itself) or of a polyline, in order."""

    label: int
    vertices: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Polygons:
    """The polygons of one image."""

    shapes: tuple[Shape, ...]
    image: ImageSize | None = None


@dataclass(frozen=True, slots=True)
class Polylines:
    """The open lines of one image."""

    shapes: tuple[Shape, ...]
    image: ImageSize | None = None


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A point with its class."""

    label: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Keypoints:
    """The key points of one image."""

    points: tuple[Keypoint, ...]
    image: ImageSize | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: [start, end) in Unicode code points. Spans may overlap and nest."""

    label: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of one text, in the order of the file."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """What a pixel value of an indexed PNG stands for; ``label`` -1 is the background."""

    pixel: int
    label: int
    color: str


@dataclass(frozen=True, slots=True, eq=False)
class SemanticMask:
    """The class of every pixel, in memory (``mask``), in an indexed PNG (``ref``), or both.

    ``palette`` tells what the PNG's pixel values stand for; it may be empty without ``ref``.
    """

    mask: Mask | None = None
    ref: str | None = None
    palette: tuple[PaletteEntry, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SemanticMask):
            return NotImplemented
        same = (self.ref, self.palette) == (other.ref, other.palette)
        return same and _same(self.mask, other.mask)

    # Large arrays have no cheap hash, and nobody keeps masks in a set.
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """Objects with masks that do not overlap.

    ``mask`` has each pixel's position in ``labels``, the classes of the objects; ``ref`` is the
    URI of an indexed PNG whose pixel value is that position plus 1. ``image`` is told where there
    is no mask to tell it.
    """

    labels: tuple[int, ...]
    mask: Mask | None = None
    ref: str | None = None
    image: ImageSize | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instances):
            return NotImplemented
        same = (self.labels, self.ref, self.image) == (other.labels, other.ref, other.image)
        return same and _same(self.mask, other.mask)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two candidates is better."""

    choice: Literal["a", "b", "tie"]


@dataclass(frozen=True, slots=True)
class Order:
    """Candidates by their ids, the best first."""

    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words of an annotator's own."""

    text: str


@dataclass(frozen=True, slots=True)
class Rating:
    """A number on the job's scale."""

    value: float


@dataclass(frozen=True, slots=True)
class Verification:
    """A class for an earlier label (such as good or bad), and what was said about it."""

    label: int
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An earlier label as it was corrected; ``adjusted`` None: not said whether it was changed."""

    value: Value
    adjusted: bool | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """Whatever a custom task asked for, as JSON."""

    content: Any


Value: TypeAlias = (
    SingleClass
    | LabelSet
    | Boxes
    | Polygons
    | Polylines
    | Keypoints
    | Spans
    | SemanticMask
    | Instances
    | Preference
    | Order
    | Text
    | Rating
    | Verification
    | Adjustment
    | Custom
)


def _same(first: Mask | None, second: Mask | None) -> bool:
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))
