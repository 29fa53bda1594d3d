"""Small geometry that several formats need: corners, enclosing boxes, areas, objects of points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from surelabel.tasks.values import Box, Keypoint, Point


def corners(box: Box) -> tuple[Point, Point, Point, Point]:
    """Upper left, upper right, lower right, lower left of the upright box, each rotated with it."""
    x, y = box.left + box.width / 2, box.top + box.height / 2
    cosine, sine = math.cos(math.radians(box.rotation)), math.sin(math.radians(box.rotation))
    halves = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    found = [
        (
            x + (a * box.width * cosine - b * box.height * sine) / 2,
            y + (a * box.width * sine + b * box.height * cosine) / 2,
        )
        for a, b in halves
    ]
    return found[0], found[1], found[2], found[3]


def box_of_corners(points: Sequence[Point], label: int) -> Box:
    """The box whose corners these are, in the order of ``corners``; rotation in (-180, 180]."""
    (ax, ay), (bx, by), (cx, cy), _ = points
    width, height = math.dist((ax, ay), (bx, by)), math.dist((bx, by), (cx, cy))
    x, y = (ax + cx) / 2, (ay + cy) / 2
    angle = math.degrees(math.atan2(by - ay, bx - ax)) if width else 0.0
    # What rounding leaves of an upright box.
    rotation = 0.0 if abs(angle) < 1e-4 else angle
    return Box(label, x - width / 2, y - height / 2, width, height, rotation)


def enclosing(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, top, width, height of the upright box round the points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def area(points: Sequence[Point]) -> float:
    """Area of a polygon by the shoelace formula, whichever way round it goes."""
    shifted = [*points[1:], points[0]]
    total = sum(x * v - u * y for (x, y), (u, v) in zip(points, shifted, strict=True))
    return abs(total) / 2


def pose_objects(points: Iterable[Keypoint]) -> list[dict[int, Keypoint]]:
    """Points put together to objects that have each class once, by class.

    Images have points, other formats objects with points: the first point of each class makes up
    the first object, the second point of each the second, and so on.
    """
    objects: list[dict[int, Keypoint]] = []
    for point in points:
        place = next((each for each in objects if point.label not in each), None)
        if place is None:
            objects.append(place := {})
        place[point.label] = point
    return objects
