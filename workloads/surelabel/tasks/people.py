"""How simulated people err on objects: they miss some, mistake the class, draw beside the edge.

A person of accuracy p gets an object right with probability p. Right means the class and edges
within a hand's tremble; an error is a missed object, another class, or edges that are well off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from surelabel.tasks.base import Random

T = TypeVar("T")
Point = tuple[float, float]

# Standard deviation of where an edge is put, as a share of the object's size.
TREMBLE = 0.02
_WELL_OFF = 0.15
# Of the errors; the rest draws beside the edge.
_MISSED, _MISTAKEN = 0.4, 0.3
# Objects seen where there are none, for each error on one that is there.
_FALSE = 0.3

Moved = Callable[[T, float, Random], T]
"""The object with its edges moved by a standard deviation, a share of its size."""


def vary_objects(
    objects: Sequence[T],
    accuracy: float,
    rng: Random,
    n_classes: int,
    *,
    mistake: Callable[[T, int], T],
    move: Moved[T],
    beside: Callable[[T], T],
) -> tuple[T, ...]:
    """What a person marks where ``objects`` are.

    ``mistake``: the object with another class, so many further on; ``beside``: the same object
    where none is, which a person sees who errs.
    """
    marked: list[T] = []
    for each in objects:
        if rng.random() < accuracy:
            marked.append(move(each, TREMBLE, rng))
        else:
            marked.extend(_erred(each, rng, n_classes, mistake, move))
        if rng.random() < (1 - accuracy) * _FALSE:
            marked.append(move(beside(each), TREMBLE, rng))
    return tuple(marked)


def _erred(
    each: T, rng: Random, n_classes: int, mistake: Callable[[T, int], T], move: Moved[T]
) -> list[T]:
    kind = rng.random()
    if kind < _MISSED:
        return []
    if kind < _MISSED + _MISTAKEN and n_classes > 1:
        return [move(mistake(each, int(rng.integers(1, n_classes))), TREMBLE, rng)]
    return [move(each, _WELL_OFF, rng)]


def other_class(label: int, further: int, n_classes: int) -> int:
    """The class that is so many further on."""
    return (label + further) % n_classes


def moved_points(points: Sequence[Point], share: float, rng: Random) -> tuple[Point, ...]:
    """Every point moved by itself; ``share`` of the size that all have together."""
    scale = share * extent(points)
    return tuple((x + rng.normal(0, scale), y + rng.normal(0, scale)) for x, y in points)


def shifted_points(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points beside where they are, by their own extent."""
    by = extent(points)
    return tuple((x + by, y + by) for x, y in points)


def extent(points: Sequence[Point]) -> float:
    """The longer side of the points' bounding box; 1 pixel at least."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return max(max(xs) - min(xs), max(ys) - min(ys), 1.0)
