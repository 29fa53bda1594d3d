"""How large an image file is, from its header alone."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from surelabel.tasks.pixels import MAX_PIXELS, PixelError
from surelabel.tasks.values import ImageSize

_ORIENTATION = 0x0112
# Cameras that were held upright: width and height of the file are those of the image lying.
_TURNED = (5, 6, 7, 8)
ENDINGS = frozenset(
    (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
)


def image_size(path: Path) -> ImageSize:
    """Width and height as the image is shown, turned as its camera says; PixelError."""
    try:
        # Nothing is unpacked here, so a large image is no danger.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                turned = image.getexif().get(_ORIENTATION) in _TURNED
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise PixelError(f"is no image that can be read: {error}.") from None
    except OSError as error:
        raise PixelError(f"cannot be read: {error}.") from None
    if width * height > MAX_PIXELS:
        raise PixelError(f"must have at most {MAX_PIXELS:,} pixels; got {width} x {height}.")
    return ImageSize(height, width) if turned else ImageSize(width, height)
