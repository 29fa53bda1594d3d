"""Arithmetic on groups: rows that belong together by a code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def first_of_each(code: Codes, n: int) -> Codes:
    """(n,): the first row of each code; every code occurs."""
    first = np.empty(n, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first


def starts_of(code: Codes, n: int) -> Codes:
    """(n + 1,): where each code begins in rows that are sorted by it, and their end."""
    return np.concatenate(([0], np.cumsum(np.bincount(code, minlength=n))))


def distinct(code: Codes) -> tuple[Codes, Codes]:
    """The codes that occur, ascending, and (n,) the place of each among them.

    As ``numpy.unique`` has it, which sorts; these codes are small.
    """
    there = np.bincount(code) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[code]


def pairs_within(starts: Codes) -> tuple[Codes, Codes]:
    """All pairs first < second of rows of the same group, sorted; groups are ``starts`` slices."""
    end = np.repeat(starts[1:], np.diff(starts))
    n = int(starts[-1])
    later = end - np.arange(n) - 1
    first = np.repeat(np.arange(n), later)
    before = np.cumsum(later) - later
    second = np.arange(len(first)) - before[first] + first + 1
    return first, second


def sums(values: Floats, code: Codes, n: int) -> Floats:
    """(n,) or (n, columns): sums of rows by code."""
    if values.ndim == 1:
        return np.bincount(code, weights=values, minlength=n).astype(np.float64)
    columns = [np.bincount(code, weights=column, minlength=n) for column in values.T]
    # Of no rows bincount makes integers.
    return np.stack(columns, axis=1).astype(np.float64) if columns else np.zeros((n, 0))


def medians(values: Floats, code: Codes, n: int) -> Floats:
    """(n, columns): medians of rows by code, each code occurring; of an even number the middle."""
    size = np.bincount(code, minlength=n)
    start = np.cumsum(size) - size
    low, high = start + (size - 1) // 2, start + size // 2
    found = np.empty((n, values.shape[1]))
    for k, column in enumerate(values.T):
        ordered = column[np.lexsort((column, code))]
        found[:, k] = (ordered[low] + ordered[high]) / 2
    return found
