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
    """One tile. ``code``: (height, width), a number per pattern; ``present``: those that occur."""

    code: NDArray[Any]
    present: Ints
    n_codes: int
    patterns: Patterns

    def table(self, values: NDArray[Any]) -> NDArray[Any]:
        """(n_codes,): what ``values``, (n_patterns,), are for each code; 0 where none occurs."""
        found = np.zeros(self.n_codes, values.dtype)
        found[self.present] = values
        return found

    def within(self, core: tuple[slice, slice]) -> tuple[NDArray[Any], Ints]:
        """The codes of a part of the tile, and (n_patterns,) how often each occurs there."""
        code = self.code[core]
        if code.shape == self.code.shape:
            return code, self.patterns.count
        return code, np.bincount(code.ravel(), minlength=self.n_codes)[self.present]


def coded(masks: Sequence[Pixels], n_classes: int) -> Coded:
    """The tile of these masks, one per annotator, of classes below ``n_classes``."""
    if n_classes ** len(masks) <= _MOST_CODES:
        return _by_place(masks, n_classes)
    return _by_occurrence(masks, n_classes)


def _by_place(masks: Sequence[Pixels], n_classes: int) -> Coded:
    """Each annotator is a digit of the code."""
    n_codes = n_classes ** len(masks)
    kind = np.uint8 if n_codes <= 256 else np.uint16
    code = masks[0].astype(kind)
    digit = np.empty_like(code)
    for mask in masks[1:]:
        np.multiply(code, kind(n_classes), out=code)
        np.copyto(digit, mask, casting="unsafe")
        np.add(code, digit, out=code)
    count = np.bincount(code.ravel(), minlength=n_codes)
    present = np.flatnonzero(count)
    place = n_classes ** np.arange(len(masks) - 1, -1, -1)
    votes = (present[:, None] // place) % n_classes
    return Coded(code, present, n_codes, Patterns(votes, count[present]))


def _by_occurrence(masks: Sequence[Pixels], n_classes: int) -> Coded:
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
    count = np.bincount(code.ravel(), minlength=len(votes))
    everything = np.arange(len(votes))
    return Coded(code, everything, len(votes), Patterns(votes, count))
