"""The smoothing of ``smoothing.py`` at the pixels that are asked for, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.compiled import compiled

Array = NDArray[Any]


@compiled
def twiced_at(box: Array, row: Array, column: Array, near: Array, far: Array) -> Array:
    """(n,): twice the narrow Gaussian less the wide one, at pixels in ascending order.

    ``box`` reaches ``len(far) - 1`` pixels beyond them on each side. Pixels that lie close in a
    row are done together, first down, then across, in the same order as with whole arrays.
    """
    reach = len(far) - 1
    n = len(row)
    found = np.empty(n, np.float32)
    down_near = np.empty(box.shape[1], np.float32)
    down_far = np.empty(box.shape[1], np.float32)
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
        i = row[first] + reach
        begin, end = column[first], column[last] + 2 * reach + 1
        for j in range(begin, end):
            down_near[j] = near[0] * box[i, j]
            down_far[j] = far[0] * box[i, j]
        for k in range(1, len(near)):
            for j in range(begin, end):
                down_near[j] += near[k] * (box[i - k, j] + box[i + k, j])
        for k in range(1, len(far)):
            for j in range(begin, end):
                down_far[j] += far[k] * (box[i - k, j] + box[i + k, j])
        for p in range(first, last + 1):
            j = column[p] + reach
            narrow = near[0] * down_near[j]
            for k in range(1, len(near)):
                narrow += near[k] * (down_near[j - k] + down_near[j + k])
            wide = far[0] * down_far[j]
            for k in range(1, len(far)):
                wide += far[k] * (down_far[j - k] + down_far[j + k])
            found[p] = two * narrow - wide
        first = last + 1
    return found
