"""Histograms of oriented gradients.

N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005,
doi:10.1109/CVPR.2005.177.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 9


def hog(grey: NDArray[np.floating], cells: int, bins: int = BINS) -> NDArray[np.float32]:
    """Features of a square image whose side is a multiple of ``cells``.

    ``cells`` per side; blocks of 2 x 2 cells overlap by one and are normalised (L2-Hys).
    """
    dy, dx = np.gradient(grey)
    magnitude = np.hypot(dx, dy)
    # Directions without a sign: dark on light looks like light on dark.
    position = (np.arctan2(dy, dx) % np.pi) / np.pi * bins
    low = np.floor(position).astype(np.int64)
    share = position - low
    side = grey.shape[0] // cells
    index = np.arange(grey.shape[0]) // side
    cell = index[:, None] * cells + index[None, :]
    histogram = np.zeros(cells * cells * bins)
    for bin_, weight in ((low % bins, 1 - share), ((low + 1) % bins, share)):
        flat = (cell * bins + bin_).ravel()
        histogram += np.bincount(flat, (magnitude * weight).ravel(), cells * cells * bins)
    grid = histogram.reshape(cells, cells, bins)
    blocks = np.concatenate((grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]), axis=2)
    blocks = blocks.reshape(-1, 4 * bins)
    # A gradient of 1 % a pixel: less is the noise of a JPEG, and must not be blown up to an edge.
    noise = (0.01 * side * side) ** 2
    for limit, floor in ((0.2, noise), (None, 0.01)):
        norm = np.sqrt((blocks**2).sum(axis=1, keepdims=True) + floor)
        blocks = blocks / norm
        if limit is not None:
            blocks = np.minimum(blocks, limit)
    return blocks.ravel().astype(np.float32)
