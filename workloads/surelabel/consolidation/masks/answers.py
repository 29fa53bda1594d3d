"""Masks of several people, checked once; their pixels are read tile by tile, when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answers import Answers, Codes

Pixels = NDArray[Any]
MAX_CLASSES = 65_536


class MaskSource(Protocol):
    """A mask that need not be in memory: an array, a memory map, or a ``MaskReader``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width in pixels."""
        ...

    def __getitem__(self, window: Any, /) -> Any:
        """The pixels of ``rows, columns`` (two slices)."""
        ...


@dataclass(frozen=True)
class MaskReader:
    """A mask behind a function: ``read(rows, columns)`` gives the pixels of two slices."""

    shape: tuple[int, int]
    read: Callable[[slice, slice], Pixels]

    def __getitem__(self, window: tuple[slice, slice], /) -> Pixels:
        """The pixels of ``rows, columns``."""
        return self.read(*window)


@dataclass(frozen=True)
class MaskAnswers:
    """One mask per answer: sorted by item and annotator, at most one per pair.

    ``item``, ``annotator``: (n_answers,). ``mask``: one source per answer, of (height, width);
    a pixel holds its class, 0 is the background, True is class 1. An annotator who saw an item
    and marked nothing gives a mask of zeros. All masks of an item have one size.
    """

    item: Codes
    annotator: Codes
    mask: tuple[MaskSource, ...]
    n_items: int
    n_annotators: int
    n_classes: int
    # Somebody among the annotators who is always right; see ``with_gold``.
    oracle: int | None = None

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        mask: Sequence[MaskSource],
        n_items: int,
        n_annotators: int,
        n_classes: int = 2,
    ) -> MaskAnswers:
        """Keep the last answer of each (item, annotator).

        ``n_classes`` counts the background, so that binary masks have 2. Raises ValueError for
        codes out of range, masks that are not two-dimensional, have no pixel or differ in size
        from the others of their item. Classes of pixels are checked when they are read.
        """
        if not 2 <= n_classes <= MAX_CLASSES:
            raise ValueError(
                f"n_classes must lie in 2 .. {MAX_CLASSES}, the background counted; "
                f"got {n_classes}."
            )
        # The row stands in for the label: the rows that are left are the answers that count.
        rows = np.arange(len(mask))
        kept = Answers.of(item, annotator, rows, n_items, n_annotators, max(len(mask), 1))
        masks = tuple(mask[row] for row in kept.label)
        shapes: dict[int, tuple[int, ...]] = {}
        for who, where, source in zip(kept.annotator, kept.item, masks, strict=True):
            _check(source, int(where), int(who), shapes)
        return cls(kept.item, kept.annotator, masks, n_items, n_annotators, n_classes)

    def with_gold(self, gold: Mapping[int, MaskSource]) -> MaskAnswers:
        """The same answers, and the known masks of some items as those of one more annotator, the
        last, who is always right. ValueError as from ``of``, and for masks of another size than
        the item's."""
        if not gold:
            return self
        for item, source in gold.items():
            rows = self.rows_of(item)
            theirs = {tuple(each.shape) for each in self.mask[rows]}
            if theirs - {tuple(source.shape)}:
                raise ValueError(
                    f"gold must have the size of the item's masks, {theirs.pop()}; got "
                    f"{tuple(source.shape)} for item {item}. Scale it to the size of the image."
                )
        found = MaskAnswers.of(
            np.concatenate((self.item, np.array(list(gold), np.int64))),
            np.concatenate((self.annotator, np.full(len(gold), self.n_annotators))),
            (*self.mask, *gold.values()),
            self.n_items,
            self.n_annotators + 1,
            self.n_classes,
        )
        return replace(found, oracle=self.n_annotators)

    def rows_of(self, item: int) -> slice:
        """The answers to one item."""
        first, last = np.searchsorted(self.item, [item, item + 1])
        return slice(int(first), int(last))

    def window(self, rows: slice, tile: tuple[slice, slice]) -> list[Pixels]:
        """(height, width) of one tile in each of these answers' masks; integers or bool.

        ValueError for a reader that gives another shape, and for classes out of range.
        """
        read = []
        for row in range(rows.start, rows.stop):
            pixels = np.asarray(self.mask[row][tile])
            size = (tile[0].stop - tile[0].start, tile[1].stop - tile[1].start)
            whose = f"mask of annotator {self.annotator[row]} for item {self.item[row]}"
            if pixels.shape != size:
                raise ValueError(f"{whose} must give {size} pixels for a tile; got {pixels.shape}.")
            if pixels.dtype != np.bool_:
                _check_classes(pixels, self.n_classes, whose, tile)
            read.append(pixels)
        return read


def _check(source: MaskSource, item: int, annotator: int, shapes: dict[int, Any]) -> None:
    shape = tuple(source.shape)
    whose = f"mask of annotator {annotator} for item {item}"
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"{whose} must have (height, width), both at least 1; got shape {shape}.")
    expected = shapes.setdefault(item, shape)
    if shape != expected:
        raise ValueError(
            f"{whose} must have the size of the item's other masks, {expected}; got {shape}. "
            "Scale it to the size of the image first."
        )


def _check_classes(pixels: Pixels, n_classes: int, whose: str, tile: tuple[slice, slice]) -> None:
    if not np.issubdtype(pixels.dtype, np.integer):
        raise ValueError(
            f"{whose} must hold classes as integers, or bool; got {pixels.dtype}. "
            "Pass mask > 0 for a binary mask."
        )
    signed = np.issubdtype(pixels.dtype, np.signedinteger)
    if pixels.max() < n_classes and not (signed and pixels.min() < 0):
        return
    row, column = np.argwhere((pixels >= n_classes) | (pixels < 0))[0]
    place = (int(row) + tile[0].start, int(column) + tile[1].start)
    raise ValueError(
        f"{whose} must hold classes in 0 .. {n_classes - 1}; got {pixels[row, column]} at "
        f"(row, column) {place}. Pass mask > 0 for a binary mask."
    )
