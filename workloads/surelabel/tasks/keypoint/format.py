"""Labels that are key points; manifests have them as shapes.py says, with x and y for vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from surelabel.tasks.shapes import passed_through, read_class_of
from surelabel.tasks.values import Keypoint, Keypoints


@dataclass(frozen=True)
class KeypointFormat(Format[Keypoints]):
    """Points with classes."""

    name: str = "Keypoint"
    manifest_type: str = CUSTOM_TYPE
    crowd_element: str = "crowd-keypoint"
    own_keys = ("objects", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> Keypoints:
        """See ``Format``."""
        points = (
            Keypoint(each["label"].class_of_name(classes), each["x"].number(), each["y"].number())
            for each in inner["keypoints"].each()
        )
        return Keypoints(tuple(points), read_image_size(inner))

    def answer(self, value: Keypoints, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        points = [
            {"label": classes.names[each.label], "x": plain(each.x), "y": plain(each.y)}
            for each in value.points
        ]
        return {"keypoints": points, **answer_image_size(value.image)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Keypoints]:
        """See ``Format``."""
        inner = passed_through(value, ("keypoints",))
        points = tuple(
            Keypoint(read_class_of(each, classes), each["x"].number(), each["y"].number())
            for each in inner["keypoints"].each()
        )
        return Label(
            Keypoints(points, read_image_size(inner)),
            read_confidences(metadata, "objects", len(points)),
            named=read_class_map(metadata, classes),
        )

    def write(self, label: Label[Keypoints], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        points = label.value.points
        listed = [
            {"class_id": each.label, "x": plain(each.x), "y": plain(each.y)} for each in points
        ]
        value = {**label_image_size(label.value.image), "keypoints": listed}
        own: dict[str, Any] = {
            "objects": write_confidences(label),
            **write_class_map(label, (each.label for each in points), classes),
        }
        return value, own
