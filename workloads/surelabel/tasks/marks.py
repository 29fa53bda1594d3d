"""The format of labels that are marks in an image: boxes, polygons, polylines, key points.

An answer and a label both have a list of marks, each with a class (by name in answers, by number in
labels) and its geometry, and the image's size. Ground Truth has a task type for boxes alone; for
the others it has crowd elements for custom jobs, whose answers are read in their own shape. Its
manifests say ``groundTruth/custom`` then; what stands under that is ours, in the manner of its
boxes::

    {"image_size": [{"width": 1280, "height": 853, "depth": 3}],
     "polygons": [{"class_id": 0, "vertices": [{"x": 570, "y": 239}, ...]}]}

with ``objects`` (confidences) and ``class-map`` in the metadata. A worker's answer that was passed
through unchanged is read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
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
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    Polygons,
    Polylines,
    Shape,
)

V = TypeVar("V", Boxes, Polygons, Polylines, Keypoints)
M = TypeVar("M", Box, Shape, Keypoint)


@dataclass(frozen=True)
class MarksFormat(Format[V], Generic[V, M]):
    """What the kinds of marks differ in.

    ``keys``: of the list in answers, ``label_keys`` in labels; all are read, the first is written.
    ``make``: the value of marks and an image's size; ``marks``: the marks of a value, in order.
    ``read_mark``: a mark of its entry and class code, FieldError; ``write_mark``: its geometry.
    """

    name: str
    crowd_element: str
    keys: tuple[str, ...]
    label_keys: tuple[str, ...]
    make: Callable[[tuple[M, ...], ImageSize | None], V]
    marks: Callable[[V], tuple[M, ...]]
    read_mark: Callable[[Field, int], M]
    write_mark: Callable[[M], dict[str, Any]]
    manifest_type: str = CUSTOM_TYPE
    metadata_order: tuple[str, ...] = Format.metadata_order
    own_keys = ("objects", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> V:
        """See ``Format``."""
        marks = (
            self.read_mark(each, each["label"].class_of_name(classes))
            for each in _listed(inner, self.keys)
        )
        return self.make(tuple(marks), read_image_size(inner))

    def answer(self, value: V, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        marks = [
            {"label": classes.names[each.label], **self.write_mark(each)}
            for each in self.marks(value)
        ]
        return {self.keys[0]: marks, **answer_image_size(value.image)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[V]:
        """See ``Format``."""
        inner = passed_through(value, self.label_keys)
        marks = tuple(
            self.read_mark(each, read_class_of(each, classes))
            for each in _listed(inner, self.label_keys)
        )
        return Label(
            self.make(marks, read_image_size(inner)),
            read_confidences(metadata, "objects", len(marks)),
            named=read_class_map(metadata, classes),
        )

    def write(self, label: Label[V], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        marks = self.marks(label.value)
        listed = [{"class_id": each.label, **self.write_mark(each)} for each in marks]
        value = {**label_image_size(label.value.image), self.label_keys[0]: listed}
        own: dict[str, Any] = {
            "objects": write_confidences(label),
            **write_class_map(label, (each.label for each in marks), classes),
        }
        return value, own


def passed_through(value: Field, keys: tuple[str, ...]) -> Field:
    """Where the content stands: in the label itself, or under the one key of an answer in it."""
    return value if any(key in value for key in keys) or not value.value else value.only()


def read_class_of(entry: Field, classes: Classes) -> int:
    """A class by number (``class_id``) or, as workers' answers have it, by name (``label``)."""
    number = entry.get("class_id", "class-id")
    if number is not None:
        return number.class_of_number(classes)
    return entry["label"].class_of_name(classes)


def _listed(inner: Field, keys: tuple[str, ...]) -> Iterator[Field]:
    found = inner.get(*keys)
    return (inner[keys[0]] if found is None else found).each()
