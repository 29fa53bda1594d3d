"""An image as a fixed row of numbers: edge directions at several scales, colours, small pixels.

Each image stands alone and nothing is learned here, so shards can be made anywhere and in any
order. Media are decoded under limits: a file that claims to be huge is refused before its pixels
are unpacked.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from surelabel.tasks.base import BrokenSource, FeatureBatch
from surelabel.tasks.image_classification.hog import hog

MAX_PIXELS = 100_000_000  # Ground Truth's limit for an image.
FORMATS = ("PNG", "JPEG", "WEBP")
SIDE = 32
# Cells per side of the histograms of oriented gradients.
SCALES = (4, 8)
_COLOUR_SIDE = 4
_PIXEL_SIDE = 8


def image_features(sources: Sequence[bytes | str]) -> FeatureBatch:
    """Dense features, (n_items, N_FEATURES), of every image that can be decoded."""
    rows: list[int] = []
    found: list[NDArray[np.float32]] = []
    broken: list[BrokenSource] = []
    for row, source in enumerate(sources):
        try:
            image = decode(source if isinstance(source, bytes) else source.encode())
            found.append(_features(image))
            rows.append(row)
        except BrokenImageError as error:
            broken.append(BrokenSource(row, "BrokenMedia", str(error)))
    features = np.stack(found) if found else np.empty((0, N_FEATURES), np.float32)
    return FeatureBatch(np.array(rows, np.int64), features, tuple(broken))


class BrokenImageError(ValueError):
    """An image that cannot be read; the message says why."""


def decode(data: bytes, side: int = SIDE * 4) -> Image.Image:
    """The image upright, in grey ("L") or colour ("RGB"); BrokenImageError.

    ``side``: a JPEG may come smaller than it is, but not below this.
    """
    try:
        with warnings.catch_warnings():
            # We check the size ourselves, below.
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(*image.size)
            # A JPEG decodes at a fraction of its size, which is all that the features need.
            image.draft("", (side, side))
            image.load()
            image = ImageOps.exif_transpose(image)
    except BrokenImageError:
        raise
    except UnidentifiedImageError:
        raise BrokenImageError(
            f"not a {', '.join(FORMATS)} image; it begins with {data[:8]!r}."
        ) from None
    # Pillow's decoders raise whatever their formats suggest; all of it means a broken file.
    except Exception as error:
        raise BrokenImageError(f"cannot be decoded: {type(error).__name__}: {error}") from error
    return _without_alpha(image)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BrokenImageError(f"an image may have {MAX_PIXELS} pixels; got {width} x {height}.")


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in ("1", "LA", "I", "I;16", "I;16B", "F"):
        return _grey(image)
    rgba = image.convert("RGBA")
    background = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(background, rgba).convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    if image.mode == "LA":
        white = Image.new("LA", image.size, (255, 255))
        white.paste(image, mask=image.getchannel("A"))
        return white.convert("L")
    if image.mode == "1":
        return image.convert("L")
    # Sixteen bits and more do not convert by rule; scale by what the mode can hold.
    pixels = np.asarray(image, dtype=np.float64)
    top = 65_535.0 if pixels.max(initial=0) > 255 else 255.0
    return Image.fromarray(np.clip(pixels / top * 255, 0, 255).astype(np.uint8))


def _features(image: Image.Image) -> NDArray[np.float32]:
    square = _squared(image)
    grey = np.asarray(square.convert("L"), dtype=np.float32) / 255
    parts: list[NDArray[Any]] = [hog(grey, cells) for cells in SCALES]
    colour = square.convert("RGB").resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX)
    pixels = square.convert("L").resize((_PIXEL_SIDE, _PIXEL_SIDE), Image.Resampling.BOX)
    for part, weight in ((pixels, 0.25), (colour, 0.25)):
        flat = np.asarray(part, dtype=np.float32).ravel() / 255
        parts.append(flat * np.float32(weight))
    return np.concatenate(parts).astype(np.float32)


def _squared(image: Image.Image) -> Image.Image:
    """``SIDE`` x ``SIDE``; the aspect ratio is given up, as the classes rarely depend on it."""
    return image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _count() -> int:
    return int(_features(Image.new("L", (SIDE, SIDE))).size)


N_FEATURES = _count()
