"""What consolidation wants to know of the items themselves: their texts, and how large images are.

A source that cannot be read costs its item the words or the check of sizes, nothing else; a store
that cannot be reached ends the stage.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PIL import Image

from surelabel.items import Item, ItemReader
from surelabel.stages.context import StageContext
from surelabel.stages.media import MediaFailure, read_source
from surelabel.tasks.text_classification.features import BrokenTextError, read_text

_READERS = 16
# EXIF orientations that lie on their side.
_TURNED = frozenset({5, 6, 7, 8})
_ORIENTATION = 0x0112

T = TypeVar("T")


def item_texts(context: StageContext, items: Mapping[int, Item]) -> dict[int, str]:
    """The text of each item, inline or by reference; without those that cannot be read."""
    found: dict[int, str] = {}
    broken: list[str] = []
    for line, source in _read_all(context, items.values(), _text):
        if isinstance(source, MediaFailure):
            broken.append(f"line {line + 1}: {source.message}")
        else:
            found[line] = source
    if broken:
        context.notice(
            "TextsNotRead",
            f"the texts of {len(broken)} items cannot be read, so that their answers are "
            f"consolidated without words; the first: {broken[0]}",
        )
    return found


def image_sizes(
    context: StageContext, reader: ItemReader, lines: list[int]
) -> dict[int, tuple[int, int]]:
    """Width and height of the upright images on these lines; without those that cannot be read."""
    items = reader.items(lines)
    images = [item for item in items.values() if item.source_ref is not None]
    found = _read_all(context, images, size_of)
    return {line: size for line, size in found if not isinstance(size, MediaFailure)}


def _read_all(
    context: StageContext, items: Iterable[Item], look: Callable[[int, bytes | str], T]
) -> list[tuple[int, T | MediaFailure]]:
    """What ``look`` sees of each source, a few sources in memory at a time."""

    def one(item: Item) -> tuple[int, T | MediaFailure]:
        source = read_source(context, item.line, item)
        if isinstance(source, MediaFailure):
            return item.line, source
        return item.line, look(*source)

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(one, items))


def _text(line: int, content: bytes | str) -> str | MediaFailure:
    try:
        return read_text(content)
    except BrokenTextError as error:
        return MediaFailure(line, "BrokenMedia", str(error))


def size_of(line: int, content: bytes | str) -> tuple[int, int] | MediaFailure:
    """Width and height as people see the image that is the source of a line."""
    data = content if isinstance(content, bytes) else content.encode()
    try:
        with warnings.catch_warnings():
            # The header alone is read, however large the image says that it is.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                turned = image.getexif().get(_ORIENTATION) in _TURNED
    # Pillow's readers raise whatever their formats suggest; all of it means no image.
    except Exception as error:  # noqa: BLE001
        return MediaFailure(line, "BrokenMedia", f"no image: {error}")
    return (height, width) if turned else (width, height)
