"""The format of polygons and polylines: a class and vertices.

Ground Truth has no such task type, only crowd elements for custom jobs, whose answers are read in
their own shape. Its manifests say ``groundTruth/custom``; what stands under that is ours, in the
manner of its boxes::

    {"image_size": [{"width": 1280, "height": 853, "depth": 3}],
     "polygons": [{"class_id": 0, "vertices": [{"x": 570, "y": 239}, ...]}]}

with ``objects`` (confidences) and ``class-map`` in the metadata. A worker's answer that was passed
through unchanged is read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, plain
from surelabel.tasks.label_format import (
    CLASS_MAP,
    CUSTOM_TYPE,
    Format,
    Label,
    answer_image_size,
    label_image_size,
    read_class_map,
    read_confidences,
    read_image_size,
    write_class_map,
    write_confidences,
)
from surelabel.tasks.values import Point, Polygons, Polylines, Shape

S = TypeVar("S", Polygons, Polylines)


@dataclass(frozen=True)
class ShapeFormat(Format[S], Generic[S]):
    """Shapes under the first of ``keys`` (all are read).

    A stray click is a shape of one vertex: it must not cost the others, so consolidation judges it.
    """

    name: str
    crowd_element: str
    keys: tuple[str, ...]
    make: type[S]
    manifest_type: str = CUSTOM_TYPE
    own_keys = ("objects", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> S:
        """See ``Format``."""
        shapes = (
            Shape(each["label"].class_of_name(classes), self._vertices(each))
            for each in self._listed(inner).each()
        )
        return self.make(tuple(shapes), read_image_size(inner))

    def answer(self, value: S, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        shapes = [
            {"label": classes.names[shape.label], "vertices": _points(shape.vertices)}
            for shape in value.shapes
        ]
        return {self.keys[0]: shapes, **answer_image_size(value.image)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[S]:
        """See ``Format``."""
        inner = passed_through(value, self.keys)
        shapes = tuple(
            Shape(read_class_of(each, classes), self._vertices(each))
            for each in self._listed(inner).each()
        )
        return Label(
            self.make(shapes, read_image_size(inner)),
            read_confidences(metadata, "objects", len(shapes)),
            named=read_class_map(metadata, classes),
        )

    def write(self, label: Label[S], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        shapes = label.value.shapes
        listed = [{"class_id": each.label, "vertices": _points(each.vertices)} for each in shapes]
        value = {**label_image_size(label.value.image), self.keys[0]: listed}
        own: dict[str, Any] = {
            "objects": write_confidences(label),
            **write_class_map(label, (each.label for each in shapes), classes),
        }
        return value, own

    def _listed(self, inner: Field) -> Field:
        found = inner.get(*self.keys)
        return inner[self.keys[0]] if found is None else found

    def _vertices(self, entry: Field) -> tuple[Point, ...]:
        listed = entry["vertices"]
        found = tuple((each["x"].number(), each["y"].number()) for each in listed.each())
        if not found:
            raise listed.wrong("an array of at least one point")
        return found


def passed_through(value: Field, keys: tuple[str, ...]) -> Field:
    """Where the content stands: in the label itself, or under the one key of an answer in it."""
    return value if any(key in value for key in keys) or not value.value else value.only()


def read_class_of(entry: Field, classes: Classes) -> int:
    """A class by number (``class_id``) or, as workers' answers have it, by name (``label``)."""
    number = entry.get("class_id", "class-id")
    if number is not None:
        return number.class_of_number(classes)
    return entry["label"].class_of_name(classes)


def _points(vertices: tuple[Point, ...]) -> list[dict[str, int | float]]:
    return [{"x": plain(x), "y": plain(y)} for x, y in vertices]
