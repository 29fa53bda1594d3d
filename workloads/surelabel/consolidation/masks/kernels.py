"""Passes over pixels in machine code; each equals the arrays of its caller to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.compiled import compiled

Array = NDArray[Any]


@compiled
def histogram(code: Array, n_codes: int) -> Array:
    """(n_codes,): how often each code occurs in ``code`` (height, width)."""
    found = np.zeros(n_codes, np.int64)
    for i in range(code.shape[0]):
        # Neighbours are mostly alike: a run is added at once, not pixel by pixel.
        start = 0
        for j in range(1, code.shape[1]):
            if code[i, j] != code[i, j - 1]:
                found[code[i, j - 1]] += j - start
                start = j
        found[code[i, code.shape[1] - 1]] += code.shape[1] - start
    return found


@compiled
def look_up(code: Array, table: Array, into: Array) -> None:
    """``into`` (height, width) gets what ``table`` says for each code."""
    for i in range(code.shape[0]):
        for j in range(code.shape[1]):
            into[i, j] = table[code[i, j]]


@compiled
def marked(code: Array, table: Array) -> tuple[Array, Array]:
    """Rows and columns, both (n,), of the pixels whose code ``table`` marks; row by row."""
    n = 0
    for i in range(code.shape[0]):
        for j in range(code.shape[1]):
            n += table[code[i, j]]
    row, column = np.empty(n, np.int64), np.empty(n, np.int64)
    n = 0
    for i in range(code.shape[0]):
        for j in range(code.shape[1]):
            if table[code[i, j]]:
                row[n], column[n] = i, j
                n += 1
    return row, column


@compiled
def twiced_at(shares: Array, row: Array, column: Array, near: Array, far: Array) -> Array:
    """(n,): twice the narrow Gaussian less the wide one, at these pixels, given row by row.

    Pixels that lie close in a row are done together, first down, then across, in the same order
    as with whole arrays. Beyond the image its edge is repeated.
    """
    height, width = shares.shape
    reach = len(far) - 1
    n = len(row)
    found = np.empty(n, np.float32)
    # Columns are shifted by ``reach``: there are as many beyond each side.
    down_near = np.empty(width + 2 * reach, np.float32)
    down_far = np.empty(width + 2 * reach, np.float32)
    two = np.float32(2)
    first = 0
    while first < n:
        # A run: pixels of one row with gaps shorter than what two of them share anyway.
        last = first
        while (
            last + 1 < n
            and row[last + 1] == row[first]
            and column[last + 1] - column[last] <= 2 * reach
        ):
            last += 1
        i = row[first]
        begin, end = max(column[first] - reach, 0), min(column[last] + reach + 1, width)
        for j in range(begin, end):
            down_near[j + reach] = near[0] * shares[i, j]
            down_far[j + reach] = far[0] * shares[i, j]
        for k in range(1, len(near)):
            above, below = shares[max(i - k, 0)], shares[min(i + k, height - 1)]
            for j in range(begin, end):
                pair = above[j] + below[j]
                down_near[j + reach] += near[k] * pair
                down_far[j + reach] += far[k] * pair
        for k in range(len(near), len(far)):
            above, below = shares[max(i - k, 0)], shares[min(i + k, height - 1)]
            for j in range(begin, end):
                down_far[j + reach] += far[k] * (above[j] + below[j])
        for j in range(column[first] - reach, begin):
            down_near[j + reach] = down_near[begin + reach]
            down_far[j + reach] = down_far[begin + reach]
        for j in range(end, column[last] + reach + 1):
            down_near[j + reach] = down_near[end - 1 + reach]
            down_far[j + reach] = down_far[end - 1 + reach]
        for p in range(first, last + 1):
            j = column[p] + reach
            narrow, wide = near[0] * down_near[j], far[0] * down_far[j]
            # The two sums in one loop: neither waits for the other.
            for k in range(1, len(near)):
                narrow += near[k] * (down_near[j - k] + down_near[j + k])
                wide += far[k] * (down_far[j - k] + down_far[j + k])
            for k in range(len(near), len(far)):
                wide += far[k] * (down_far[j - k] + down_far[j + k])
            found[p] = two * narrow - wide
        first = last + 1
    return found
