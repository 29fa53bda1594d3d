"""The marks of polygons and polylines: vertices."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field, plain
from surelabel.tasks.values import Shape


def read_shape(entry: Field, label: int) -> Shape:
    """The shape of an entry; FieldError without a vertex.

    A stray click is a shape of one vertex: it must not cost the others, so consolidation judges it.
    """
    listed = entry["vertices"]
    found = tuple((each["x"].number(), each["y"].number()) for each in listed.each())
    if not found:
        raise listed.wrong("an array of at least one point")
    return Shape(label, found)


def write_shape(shape: Shape) -> dict[str, Any]:
    """Its geometry in answers and labels."""
    return {"vertices": [{"x": plain(x), "y": plain(y)} for x, y in shape.vertices]}
