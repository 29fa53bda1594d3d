"""Pixels coded by what each annotator said there: few patterns, many pixels.

What an algorithm computes for a pixel depends on its pattern alone, so it computes it once per
pattern and looks it up: with R annotators and K classes there are at most K^R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.answers import Pixels

Ints = NDArray[np.int64]
# Codes up to here are used as they are, in two bytes; with more patterns than that, each step
# numbers those that occur.
_MOST_CODES = 65_536
# Tables of this size are cheaper than sorting.
_MOST_CELLS = 1 << 22


@dataclass(frozen=True)
class Patterns:
    """``votes[p, r]``: what annotator r said; ``count[p]``: pixels of that pattern, at least 1.

    In lexicographic order, so that the same image gives the same bits whatever its tiles.
    """

    votes: Ints
    count: Ints

    def of(self, annotators: Ints) -> Patterns:
        """What these annotators said; a pattern may come more than once."""
        return Patterns(self.votes[:, annotators], self.count)

    @classmethod
    def merged(cls, parts: Sequence[Patterns]) -> Patterns:
        """The patterns of several tiles together."""
        if len(parts) == 1:
            return parts[0]
        votes, place = np.unique(
            np.concatenate([part.votes for part in parts]), axis=0, return_inverse=True
        )
        count = np.zeros(len(votes), np.int64)
        np.add.at(count, place.ravel(), np.concatenate([part.count for part in parts]))
        return cls(votes, count)


@dataclass(frozen=True)
class Coded:
    """One tile. ``code``: (height, width), a number per pattern; ``present``: those that occur.

    ``fast``: whether to look up by the compiled loops.
    """

    code: NDArray[Any]
    present: Ints
    n_codes: int
    patterns: Patterns
    fast: bool = False

    def cut(self, core: tuple[slice, slice]) -> Coded:
        """A part of the tile; patterns that do not occur there are counted 0 times."""
        code = self.code[core]
        if code.shape == self.code.shape:
            return self
        count = _histogram(code, self.n_codes, fast=self.fast)[self.present]
        patterns = Patterns(self.patterns.votes, count)
        return Coded(code, self.present, self.n_codes, patterns, self.fast)

    def table(self, values: NDArray[Any]) -> NDArray[Any]:
        """(n_codes,): what ``values``, (n_patterns,), are for each code; 0 where none occurs."""
        found = np.zeros(self.n_codes, values.dtype)
        found[self.present] = values
        return found

    def spread(self, values: NDArray[Any], into: NDArray[Any]) -> None:
        """``into`` (height, width) gets the value of each pixel's pattern."""
        if self.fast:
            from surelabel.consolidation.masks.kernels import look_up

            look_up(self.code, self.table(values), into)
        else:
            into[...] = self.table(values)[self.code]

    def where(self, flags: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Rows and columns, both (n,), of the pixels whose pattern is flagged; row by row."""
        if self.fast:
            from surelabel.consolidation.masks.kernels import marked

            found = marked(self.code, self.table(flags))
            return found[0], found[1]
        row, column = np.nonzero(self.table(flags)[self.code])
        return row, column


def coded(masks: Sequence[Pixels], n_classes: int, *, fast: bool = False) -> Coded:
    """The tile of these masks, one per annotator, of classes below ``n_classes``."""
    if n_classes ** len(masks) <= _MOST_CODES:
        return _by_place(masks, n_classes, fast=fast)
    return _by_occurrence(masks, n_classes, fast=fast)


def _histogram(code: NDArray[Any], n_codes: int, *, fast: bool) -> Ints:
    if fast:
        from surelabel.consolidation.masks.kernels import histogram

        return np.asarray(histogram(code, n_codes))
    return np.bincount(code.ravel(), minlength=n_codes)


def _by_place(masks: Sequence[Pixels], n_classes: int, *, fast: bool) -> Coded:
    """Each annotator is a digit of the code."""
    n_codes = n_classes ** len(masks)
    kind = np.uint8 if n_codes <= 256 else np.uint16
    code = masks[0].astype(kind)
    for mask in masks[1:]:
        np.multiply(code, kind(n_classes), out=code)
        np.add(code, mask, out=code, casting="unsafe", dtype=kind)
    count = _histogram(code, n_codes, fast=fast)
    present = np.flatnonzero(count)
    place = n_classes ** np.arange(len(masks) - 1, -1, -1)
    votes = (present[:, None] // place) % n_classes
    return Coded(code, present, n_codes, Patterns(votes, count[present]), fast)


def _by_occurrence(masks: Sequence[Pixels], n_classes: int, *, fast: bool) -> Coded:
    """The patterns of the first annotators are numbered anew before the next is added."""
    code = np.zeros(masks[0].shape, np.int64)
    votes = np.zeros((1, 0), np.int64)
    for mask in masks:
        code = code * n_classes + mask
        n_codes = len(votes) * n_classes
        if n_codes <= _MOST_CELLS:
            present = np.flatnonzero(np.bincount(code.ravel(), minlength=n_codes))
            number = np.zeros(n_codes, np.int64)
            number[present] = np.arange(len(present))
            code = number[code]
        else:
            present, code = np.unique(code, return_inverse=True)
            code = code.reshape(mask.shape)
        votes = np.column_stack((votes[present // n_classes], present % n_classes))
    count = _histogram(code, len(votes), fast=fast)
    return Coded(code, np.arange(len(votes)), len(votes), Patterns(votes, count), fast)
