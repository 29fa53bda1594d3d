"""Labels that are boxes, upright or rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, plain
from surelabel.tasks.label_format import (
    CLASS_MAP,
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
from surelabel.tasks.values import Box, Boxes


@dataclass(frozen=True)
class BoundingBoxFormat(Format[Boxes]):
    """Ground Truth's boxes; ``rotation`` is ours, written only where a box is rotated."""

    name: str = "BoundingBox"
    manifest_type: str = "groundtruth/object-detection"
    crowd_element: str = "crowd-bounding-box"
    metadata_order = (
        *("objects", "class-map", "class_map"),
        *("type", "human-annotated", "creation-date", "job-name"),
    )
    own_keys = ("objects", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> Boxes:
        """See ``Format``."""
        boxes = (_box(each, each["label"].class_of_name(classes)) for each in _list(inner))
        return Boxes(tuple(boxes), read_image_size(inner))

    def answer(self, value: Boxes, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        boxes = [{"label": classes.names[box.label], **_geometry(box)} for box in value.boxes]
        return {"boundingBoxes": boxes, **answer_image_size(value.image)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Boxes]:
        """See ``Format``."""
        boxes = tuple(
            _box(each, _number(each).class_of_number(classes))
            for each in value["annotations"].each()
        )
        return Label(
            Boxes(boxes, read_image_size(value)),
            read_confidences(metadata, "objects", len(boxes)),
            named=read_class_map(metadata, classes),
        )

    def write(self, label: Label[Boxes], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        boxes = label.value.boxes
        value = {
            **label_image_size(label.value.image),
            "annotations": [{"class_id": box.label, **_geometry(box)} for box in boxes],
        }
        own: dict[str, Any] = {
            "objects": write_confidences(label),
            **write_class_map(label, (box.label for box in boxes), classes),
        }
        return value, own


def _list(inner: Field) -> list[Field]:
    return list(inner["boundingBoxes"].each())


def _number(entry: Field) -> Field:
    found = entry.get("class_id", "class-id")
    return entry["class_id"] if found is None else found


def _box(entry: Field, label: int) -> Box:
    rotation = entry.get("rotation")
    return Box(
        label,
        entry["left"].number(),
        entry["top"].number(),
        entry["width"].number(0),
        entry["height"].number(0),
        0.0 if rotation is None else rotation.number(),
    )


def _geometry(box: Box) -> dict[str, int | float]:
    found = {name: plain(getattr(box, name)) for name in ("left", "top", "width", "height")}
    return found | ({"rotation": plain(box.rotation)} if box.rotation else {})
