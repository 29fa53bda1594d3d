"""Labels that give every pixel a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from surelabel.tasks.classes import Classes, is_background
from surelabel.tasks.fields import Field, FieldError, plain
from surelabel.tasks.label_format import Format, Label, check_class_name
from surelabel.tasks.pixels import (
    BACKGROUND,
    PixelError,
    color_of_class,
    decode_colors,
    decode_indices,
    encode_colors,
    encode_indices,
    from_base64,
    palette_of,
    to_base64,
)
from surelabel.tasks.values import Mask, PaletteEntry, SemanticMask


@dataclass(frozen=True)
class SemanticSegmentationFormat(Format[SemanticMask]):
    """A PNG of colors in answers, the URI of an indexed PNG in manifests.

    The pixel value of a class is its code plus 1; 0 is the background. A color map that says
    otherwise is followed. ``Label.confidences`` has one entry for each of the palette.
    """

    name: str = "SemanticSegmentation"
    manifest_type: str = "groundtruth/semantic-segmentation"
    crowd_element: str = "crowd-semantic-segmentation"
    needs_ref: bool = True
    own_keys = ("internal-color-map",)

    def parse(self, inner: Field, classes: Classes) -> SemanticMask:
        """See ``Format``."""
        colors: dict[str, int] = {}
        for name, entry in inner["labelMappings"].members():
            code = Field(name, f"the key {name!r}", entry.parent).class_of_name(classes)
            colors[entry["color"].text()] = code
        image = inner["labeledImage"]
        ref = image.get("ref")
        if ref is not None:
            return SemanticMask(ref=ref.text())
        data = image["pngImageData"]
        try:
            return SemanticMask(decode_colors(from_base64(data.text()), colors))
        except PixelError as error:
            raise FieldError("BrokenMask", f"{data.path}: {error}") from None

    def answer(self, value: SemanticMask, classes: Classes) -> dict[str, Any]:
        """See ``Format``; the mask must be in memory."""
        if value.mask is None:
            raise ValueError("mask: must be in memory to be an answer; read it from its ref first.")
        codes = [int(code) for code in np.unique(value.mask) if code >= 0]
        colors = [color_of_class(code, classes) for code in range(len(classes))]
        png = to_base64(encode_colors(value.mask, colors))
        return {
            "labelMappings": {classes.names[code]: {"color": colors[code]} for code in codes},
            "labeledImage": {"pngImageData": png},
        }

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[SemanticMask]:
        """See ``Format``; the PNG is not read: ``read_mask`` does that."""
        ref = value.text()
        palette: list[PaletteEntry] = []
        confidences: list[float] = []
        color_map = metadata.get("internal-color-map")
        entries = [] if color_map is None else list(color_map.members())
        for pixel, entry in entries:
            if not (pixel.isascii() and pixel.isdigit() and len(pixel) < 6):
                raise Field(pixel, f"the key {pixel!r}", color_map).wrong("a pixel value")
            color = entry.get("hex-color")
            palette.append(
                PaletteEntry(
                    int(pixel),
                    _class_of(entry["class-name"], int(pixel), classes),
                    "" if color is None else color.text(),
                )
            )
            confidence = entry.get("confidence")
            confidences += [] if confidence is None else [confidence.number()]
        if len(confidences) not in (0, len(palette)):
            raise metadata["internal-color-map"].wrong("with a confidence in every entry, or none")
        return Label(SemanticMask(None, ref, tuple(palette)), tuple(confidences))

    def write(self, label: Label[SemanticMask], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``; ValueError without a ``ref``."""
        if label.value.ref is None:
            raise ValueError(
                "ref: a label needs the URI of its PNG; write `mask_png` somewhere and give it."
            )
        color_map: dict[str, Any] = {}
        for place, each in enumerate(label.value.palette or palette_of(classes)):
            entry: dict[str, Any] = {
                "class-name": BACKGROUND if each.label < 0 else classes.names[each.label]
            }
            if label.confidences:
                entry["confidence"] = plain(label.confidences[place])
            color_map[str(each.pixel)] = entry | ({"hex-color": each.color} if each.color else {})
        return label.value.ref, {"internal-color-map": color_map}


def mask_png(mask: Mask, classes: Classes) -> bytes:
    """The indexed PNG of a mask, pixel values as ``palette_of`` has them."""
    return encode_indices(mask + 1, [each.color for each in palette_of(classes)])


def read_mask(value: SemanticMask, png: bytes, classes: Classes) -> SemanticMask:
    """The same label with its mask in memory; PixelError for a pixel value of no class."""
    indices = decode_indices(png)
    palette = value.palette or palette_of(classes)
    codes = {each.pixel: each.label for each in palette}
    unknown = [pixel for pixel in np.unique(indices).tolist() if pixel not in codes]
    if unknown:
        raise PixelError(
            f"{value.ref}: pixel values must be those of the color map ({sorted(codes)}); got "
            f"{unknown[0]}. Give the labels of the job that wrote it."
        )
    lookup = np.array([codes.get(pixel, -1) for pixel in range(max(codes) + 1)], np.int32)
    return SemanticMask(lookup[indices], value.ref, value.palette)


def _class_of(name: Field, pixel: int, classes: Classes) -> int:
    # A job may have a class of its own by that name.
    if is_background(name.value) and classes.code(name.text()) is None:
        return -1
    code = name.class_of_name(classes)
    check_class_name(name, code, classes)
    return code
