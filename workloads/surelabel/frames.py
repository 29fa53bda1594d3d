"""Which answers to one item can be compared: those of one kind, and of one image size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Frame:
    """What all answers to an item have in common. ``kind``: the key that tells one kind of answer
    from another, "" where a task type has one kind; ``size``: width and height of a mask."""

    kind: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why an answer cannot be compared with the item or with the others; PascalCase reason."""

    reason: str
    message: str


def misfits(
    frames: Sequence[Frame | None], image: tuple[int, int] | None = None
) -> list[Misfit | None]:
    """For each of an item's answers why it does not fit, None where it does.

    ``frames``: None for an answer that fits any. ``image``: width and height of the item's image,
    None where they are not known; then the commonest size holds, of equally common ones the
    largest. Of several kinds the commonest holds, of equally common ones the first by name.
    """
    there = [frame for frame in frames if frame is not None]
    if not there:
        return [None] * len(frames)
    kinds = Counter(frame.kind for frame in there)
    kind = min(kinds, key=lambda each: (-kinds[each], each))
    sizes = Counter(f.size for f in there if f.kind == kind and f.size is not None)
    size, whose = image, "the image"
    if size is None and sizes:
        size = max(sizes, key=lambda each: (sizes[each], each[0] * each[1], each))
        whose = "most answers to this item"
    return [None if frame is None else _misfit(frame, kind, size, whose) for frame in frames]


def _misfit(frame: Frame, kind: str, size: tuple[int, int] | None, whose: str) -> Misfit | None:
    if frame.kind != kind:
        return Misfit(
            "WrongKind",
            f"an answer must have {kind!r}, as the others to this item; got {frame.kind!r}. "
            "Correct the label as it is, without turning it into another kind.",
        )
    if frame.size is None or frame.size == size or size is None:
        return None
    return Misfit(
        "WrongSize",
        f"labeledImage must have the size of {whose}, {size[0]} x {size[1]} pixels; got "
        f"{frame.size[0]} x {frame.size[1]}. Draw it on the image in full size.",
    )
