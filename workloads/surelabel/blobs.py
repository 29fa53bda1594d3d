"""Images of people's answers: objects of their own, named by their content, never inside an answer.

In an answer ``"labeledImage": {"pngImageData": "<base64>"}`` becomes ``{"ref":
"blobs/<sha256>.png"}``, a path from the step that the answer belongs to, so that a job's folder can
be copied. Blobs are created before the segment that refers to them, and the name proves the
content. Refuses to know task types.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from surelabel_contract.model import sha256_hex

# Where all of Ground Truth's crowd elements have an image.
_IMAGE = "labeledImage"
INLINE, REF = "pngImageData", "ref"
_NAME = re.compile(r"blobs/[0-9a-f]{64}\.png")


class ForeignRefError(ValueError):
    """An answer refers to something that is no blob of its step."""

    reason = "ForeignRef"


def blob_name(data: bytes) -> str:
    """``blobs/<sha256>.png``."""
    return f"blobs/{sha256_hex(data)}.png"


def check_name(name: Any) -> str:
    """The name, if it is that of a blob; ForeignRefError otherwise.

    Whoever answers must not be able to name any other object of the store.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ForeignRefError(
            f"ref: must be blobs/<sha256>.png, an image of the same step; got {name!r:.80}. Put "
            "the image there, or give it as pngImageData."
        )
    return name


def refs_of(content: Any) -> list[Any]:
    """What each image of an answer refers to that is not inside it."""
    found: list[Any] = []

    def note(image: dict[str, Any]) -> dict[str, Any]:
        found.append(image[REF])
        return image

    _mapped(content, REF, note)
    return found


def moved_out(content: Any, write: Callable[[bytes], str]) -> Any:
    """The content with every image as ``ref``; ``write(png)`` stores it and returns the ref.

    What is no base64 stays where it is: whoever reads the answer says what is wrong with it.
    """

    def out(image: dict[str, Any]) -> dict[str, Any]:
        try:
            data = _decoded(image.get(INLINE))
        except (TypeError, ValueError, binascii.Error):
            return image
        return {REF: write(data)}

    return _mapped(content, INLINE, out)


def brought_in(content: Any, read: Callable[[str], bytes]) -> Any:
    """The content with every image inside it again; ``read(ref)`` gives the PNG."""

    def inside(image: dict[str, Any]) -> dict[str, Any]:
        return {INLINE: base64.b64encode(read(image[REF])).decode()}

    return _mapped(content, REF, inside)


def renamed(content: Any, rename: Callable[[str], str]) -> Any:
    """The content with every ``ref`` renamed."""
    return _mapped(content, REF, lambda image: {REF: rename(image[REF])})


def _mapped(content: Any, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The content with every image that has this key changed."""
    if isinstance(content, list):
        return [_mapped(each, key, change) for each in content]
    if not isinstance(content, dict):
        return content
    return {
        name: change(each)
        if name == _IMAGE and isinstance(each, dict) and key in each
        else _mapped(each, key, change)
        for name, each in content.items()
    }


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("no text")
    _, _, tail = text.rpartition(",") if text.startswith("data:") else ("", "", text)
    return base64.b64decode(tail, validate=True)
