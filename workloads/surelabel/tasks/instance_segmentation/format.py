"""Labels that are objects with masks.

Ground Truth has the crowd element only. Under ``groundTruth/custom`` stands, of ours::

    {"image_size": [...], "instances": [{"class_id": 0}, ...], "labeledImage": {"ref": "s3://b/0.png"}}

where the PNG is indexed: 0 is no object, 1 the first of ``instances`` and so on. ``labeledImage``
may also have ``pngImageData``. A worker's answer that was passed through is read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import (
    CLASS_MAP,
    CUSTOM_TYPE,
    Format,
    Label,
    label_image_size,
    read_class_map,
    read_confidences,
    read_image_size,
    write_class_map,
    write_confidences,
)
from surelabel.tasks.marks import passed_through, read_class_of
from surelabel.tasks.pixels import (
    PixelError,
    color_of,
    decode_colors,
    decode_indices,
    encode_colors,
    encode_indices,
    from_base64,
    to_base64,
)
from surelabel.tasks.values import ImageSize, Instances, Mask


@dataclass(frozen=True)
class InstanceSegmentationFormat(Format[Instances]):
    """A list of objects and a PNG in which each has its color (answers) or number (manifests)."""

    name: str = "InstanceSegmentation"
    manifest_type: str = CUSTOM_TYPE
    crowd_element: str = "crowd-instance-segmentation"
    own_keys = ("objects", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> Instances:
        """See ``Format``."""
        listed = list(inner["instances"].each())
        labels = tuple(each["label"].class_of_name(classes) for each in listed)
        colors = [each["color"].text().lower() for each in listed]
        if len(set(colors)) < len(colors):
            raise inner["instances"].wrong("of different colors, one for each object")
        numbers = {color: number for number, color in enumerate(colors)}
        return _of_image(inner, labels, numbers)

    def answer(self, value: Instances, classes: Classes) -> dict[str, Any]:
        """See ``Format``; the mask must be in memory."""
        if value.mask is None:
            raise ValueError("mask: must be in memory to be an answer; read it from its ref first.")
        colors = [color_of(number) for number in range(len(value.labels))]
        height, width = value.mask.shape
        return {
            "instances": [
                {"color": color, "label": classes.names[label]}
                for color, label in zip(colors, value.labels, strict=True)
            ],
            "labeledImage": {"pngImageData": to_base64(encode_colors(value.mask, colors))},
            "inputImageProperties": {"height": height, "width": width},
        }

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Instances]:
        """See ``Format``."""
        inner = passed_through(value, ("instances",))
        listed = list(inner["instances"].each())
        labels = tuple(read_class_of(each, classes) for each in listed)
        colored = [each["color"].text().lower() for each in listed if "color" in each]
        numbers = {color: number for number, color in enumerate(colored)}
        return Label(
            _of_image(inner, labels, numbers),
            read_confidences(metadata, "objects", len(labels)),
            named=read_class_map(metadata, classes),
        )

    def write(self, label: Label[Instances], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``; the PNG stands in the label where there is no ``ref``."""
        found = label.value
        image: dict[str, Any] = {"ref": found.ref}
        if found.ref is None:
            if found.mask is None:
                raise ValueError("ref, mask: one of them must be there; got neither.")
            image = {"pngImageData": to_base64(instances_png(found.mask))}
        value = {
            **label_image_size(_size_of(found)),
            "instances": [{"class_id": code} for code in found.labels],
            "labeledImage": image,
        }
        own: dict[str, Any] = {
            "objects": write_confidences(label),
            **write_class_map(label, found.labels, classes),
        }
        return value, own


def instances_png(mask: Mask) -> bytes:
    """The indexed PNG of objects: 0 is none, 1 the first."""
    colors = ["#ffffff", *(color_of(number) for number in range(255))]
    return encode_indices(mask + 1, colors)


def read_instances(value: Instances, png: bytes) -> Instances:
    """The same label with its mask in memory; PixelError for a number of no object."""
    mask = decode_indices(png) - 1
    highest = int(mask.max(initial=-1))
    if highest >= len(value.labels):
        raise PixelError(
            f"{value.ref}: pixel values must be in 0 .. {len(value.labels)}; got {highest + 1}."
        )
    return Instances(value.labels, mask, value.ref, value.image)


def _size_of(value: Instances) -> ImageSize | None:
    if value.mask is None:
        return value.image
    height, width = value.mask.shape
    return ImageSize(width, height)


def _of_image(inner: Field, labels: tuple[int, ...], numbers: dict[str, int]) -> Instances:
    image = inner["labeledImage"]
    ref = image.get("ref")
    if ref is not None:
        return Instances(labels, None, ref.text(), read_image_size(inner))
    data = image["pngImageData"]
    try:
        png = from_base64(data.text())
        # Objects without colors are numbered, as we write them.
        if not numbers and labels:
            return read_instances(Instances(labels), png)
        return Instances(labels, decode_colors(png, numbers))
    except PixelError as error:
        raise FieldError("BrokenMask", f"{data.path}: {error}") from None
