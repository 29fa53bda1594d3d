"""Smoothing of vote shares where people disagree, without pulling borders inwards.

A Gaussian takes the jitter out of a border, but also shrinks whatever is round. Twicing (J. W.
Tukey, "Exploratory Data Analysis", 1977, chapter 16) gives back what the Gaussian took away:
G + (G - G G) = 2 G - G', where G' is the Gaussian whose sigma is sqrt(2) times as large. To the
second order a border then stays where it is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float32]
Ints = NDArray[np.int64]
# Beyond this many sigma the Gaussian is cut off.
_REACH = 3.0


def radius(sigma: float) -> int:
    """Pixels to each side that a smoothed value depends on."""
    return len(gaussian(sigma * math.sqrt(2))) - 1


def gaussian(sigma: float) -> Shares:
    """Weights at 0, 1, ... pixels; with both sides they sum to 1."""
    weights = np.exp(-0.5 * (np.arange(math.ceil(_REACH * sigma) + 1) / sigma) ** 2)
    return np.asarray(weights / (2 * weights.sum() - weights[0]), dtype=np.float32)


def smoothed(
    shares: Shares, row: Ints, column: Ints, sigma: float, *, fast: bool = False
) -> Shares:
    """(n,): smoothed ``shares`` (height, width) at these pixels, which come row by row.

    Outside the image everything is as at its edge. ``fast``: the compiled loop, same bits.
    """
    if len(row) == 0:
        return np.empty(0, np.float32)
    near, far = gaussian(sigma), gaussian(sigma * math.sqrt(2))
    if fast:
        from surelabel.consolidation.masks.kernels import twiced_at

        return np.asarray(twiced_at(shares, row, column, near, far))
    reach = len(far) - 1
    top, bottom = int(row[0]), int(row[-1]) + 1
    left, right = int(column.min()), int(column.max()) + 1
    # What the pixels depend on; beyond the image its edge is repeated.
    rows = np.clip(np.arange(top - reach, bottom + reach), 0, shares.shape[0] - 1)
    columns = np.clip(np.arange(left - reach, right + reach), 0, shares.shape[1] - 1)
    box = shares[rows[:, None], columns]
    narrow = _across(_down(box, near, reach), near, reach)
    wide = _across(_down(box, far, reach), far, reach)
    twiced = np.float32(2) * narrow - wide
    return np.asarray(twiced[row - top, column - left])


def _down(box: Shares, weights: Shares, reach: int) -> Shares:
    n = len(box) - 2 * reach
    total = weights[0] * box[reach : reach + n]
    for k in range(1, len(weights)):
        pair = box[reach - k : reach - k + n] + box[reach + k : reach + k + n]
        total += weights[k] * pair
    return np.asarray(total)


def _across(box: Shares, weights: Shares, reach: int) -> Shares:
    n = box.shape[1] - 2 * reach
    total = weights[0] * box[:, reach : reach + n]
    for k in range(1, len(weights)):
        pair = box[:, reach - k : reach - k + n] + box[:, reach + k : reach + k + n]
        total += weights[k] * pair
    return np.asarray(total)
