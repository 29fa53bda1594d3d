"""Masks as PNG: colours of workers' answers, indexed images of consolidated labels.

Media are decoded under limits: an image that claims to be huge is refused before it is unpacked.
"""

from __future__ import annotations

import base64
import binascii
import colorsys
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surelabel.tasks.classes import Classes
from surelabel.tasks.values import Mask, PaletteEntry

MAX_PIXELS = 100_000_000  # Ground Truth's limit for an image.
BACKGROUND = "BACKGROUND"
BACKGROUND_COLOR = "#ffffff"
# Stands in a mask for a color that means nothing.
_STRANGE = -2
# Up to so many colors it is faster to look for each.
_FEW = 16
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class PixelError(ValueError):
    """A PNG or colour that cannot be read; the message says why and what to do."""


def decode_colors(png: bytes, colors: Mapping[str, int]) -> Mask:
    """(height, width): the number that each pixel's colour stands for, -1 for the background.

    ``colors``: ``#rrggbb`` to number. Background is what is transparent, and what is white or black
    where no label has that colour; any other colour is an error, since it would be a lost label.
    """
    rgba = np.asarray(_open(png).convert("RGBA"))
    # One number a pixel, the alpha in its highest byte.
    packed = np.ascontiguousarray(rgba).view("<u4")[..., 0]
    rgb: NDArray[np.uint32] = packed & np.uint32(0xFFFFFF)
    numbers = {0x000000: -1, 0xFFFFFF: -1}
    numbers |= {_little(_rgb(color)): number for color, number in colors.items()}
    mask = _numbered(rgb, numbers)
    mask[packed < 1 << 24] = -1
    strange = mask == _STRANGE
    if strange.any():
        row, column = np.argwhere(strange)[0].tolist()
        red, green, blue, _ = rgba[row, column].tolist()
        raise PixelError(
            f"the PNG must have the colors of its labels ({', '.join(sorted(colors))}); got "
            f"#{red:02x}{green:02x}{blue:02x} at x {column}, y {row}. Write it without smoothing."
        )
    return mask


def decode_indices(png: bytes) -> NDArray[np.int32]:
    """(height, width): the pixel values of an indexed (or grey) PNG."""
    image = _open(png)
    if image.mode not in ("P", "L", "1", "I", "I;16"):
        raise PixelError(
            f"the PNG must be indexed or grey; got the mode {image.mode}. Write class numbers, not "
            "colors."
        )
    return np.asarray(image).astype(np.int32)


def decode_rgb(png: bytes) -> Mask:
    """(height, width): red + 256 green + 65,536 blue of each pixel."""
    pixels = np.asarray(_open(png).convert("RGB")).astype(np.int32)
    numbers: Mask = pixels[..., 0] | pixels[..., 1] << 8 | pixels[..., 2] << 16
    return numbers


def encode_indices(indices: NDArray[Any], colors: Sequence[str] = ()) -> bytes:
    """An indexed PNG of values 0 .. 255 with a palette; for larger values a grey one of 16 bits."""
    highest = int(indices.max(initial=0))
    if int(indices.min(initial=0)) < 0 or highest > 65_535:
        raise PixelError(f"pixel values must be in 0 .. 65535; got up to {highest}.")
    buffer = io.BytesIO()
    if highest > 255:
        Image.fromarray(indices.astype(np.uint16)).save(buffer, "PNG")
        return buffer.getvalue()
    image = Image.fromarray(indices.astype(np.uint8)).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    given = [_rgb(color) for color in colors[:256]]
    others = [_rgb(color_of(number)) for number in range(len(given), 256)]
    image.putpalette([part for rgb in (*given, *others) for part in rgb])
    image.save(buffer, "PNG")
    return buffer.getvalue()


def encode_colors(mask: Mask, colors: Sequence[str]) -> bytes:
    """A PNG of colours, transparent where the mask is -1; ``colors[number]`` is the color."""
    table = np.zeros((len(colors) + 1, 4), np.uint8)
    for number, color in enumerate(colors):
        table[number] = (*_rgb(color), 255)
    buffer = io.BytesIO()
    # The last row is the background's: -1 finds it.
    Image.fromarray(table[mask], "RGBA").save(buffer, "PNG")
    return buffer.getvalue()


def from_base64(text: str) -> bytes:
    """The bytes of a ``pngImageData``, with or without the head of a data URL."""
    _, _, tail = text.rpartition(",") if text.startswith("data:") else ("", "", text)
    try:
        return base64.b64decode(tail, validate=True)
    except binascii.Error as error:
        raise PixelError(f"must be base64: {error}.") from None


def to_base64(data: bytes) -> str:
    """Bytes as ``pngImageData`` has them."""
    return base64.b64encode(data).decode()


def palette_of(classes: Classes) -> tuple[PaletteEntry, ...]:
    """Pixel 0 for the background and pixel ``code + 1`` for each class, as Ground Truth has it."""
    return (
        PaletteEntry(0, -1, BACKGROUND_COLOR),
        *(
            PaletteEntry(code + 1, code, color_of_class(code, classes))
            for code in range(len(classes))
        ),
    )


def color_of_class(code: int, classes: Classes) -> str:
    """The class's own color, or one that is always the same for the number."""
    return classes.colors.get(classes.names[code], color_of(code))


def color_of(number: int) -> str:
    """A color for a number; neighbouring numbers have colors far apart (golden ratio)."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618_033_988_75 % 1, 0.65, 0.85)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _open(png: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # We check the size ourselves.
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(png), formats=("PNG",))
            _check_size(*image.size)
            image.load()
    except PixelError:
        raise
    # Pillow's decoder raises whatever it likes; all of it means a broken file.
    except Exception as error:
        raise PixelError(f"must be a PNG; it begins with {png[:8]!r} ({error}).") from error
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PixelError(f"an image may have {MAX_PIXELS} pixels; got {width} x {height}.")


def _numbered(rgb: NDArray[np.uint32], numbers: Mapping[int, int]) -> Mask:
    """(height, width): the number of each colour, ``_STRANGE`` for one that has none."""
    if len(numbers) <= _FEW:
        mask = np.full(rgb.shape, _STRANGE, np.int32)
        for color, number in numbers.items():
            mask[rgb == color] = number
        return mask
    known = np.array(sorted(numbers), np.uint32)
    values = np.array([numbers[color] for color in sorted(numbers)], np.int32)
    place = np.minimum(np.searchsorted(known, rgb), len(known) - 1)
    found: Mask = np.where(known[place] == rgb, values[place], np.int32(_STRANGE))
    return found


def _little(rgb: tuple[int, int, int]) -> int:
    red, green, blue = rgb
    return red | green << 8 | blue << 16


def _checked(color: str) -> str:
    if not _COLOR.fullmatch(color):
        raise PixelError(f"a color must be like #1f77b4; got {color!r}.")
    return color


def _rgb(color: str) -> tuple[int, int, int]:
    value = int(_checked(color)[1:], 16)
    return value >> 16, value >> 8 & 255, value & 255
