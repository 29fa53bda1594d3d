"""Uniform samples of a region, and the exact bound that a sample puts on its errors."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom

from surelabel.account import AccountError

Lines = NDArray[np.int64]

# Sampling has a stream of its own; spawn keys of the others are in ``selection``.
_SAMPLING = 0
# More than SciPy's distribution is ever off, relatively.
_ROUNDING = 1e-9


@lru_cache(maxsize=4_096)
def upper_bound(n_region: int, n_sample: int, errors: int, risk: float) -> int:
    """The most errors that the whole region can have, refuted at ``risk`` beyond (Kup).

    max {K : errors <= K <= N - n + errors, P(at most ``errors`` in the sample | K) > risk}.
    """
    if not 0 <= errors <= n_sample <= n_region:
        raise AccountError(
            "errors <= sample <= region must hold; "
            f"got {errors} errors, {n_sample} sampled, {n_region} in the region."
        )
    low, high = errors, n_region - n_sample + errors
    # The distribution function falls as K grows, so the last K above ``risk`` is found by halving.
    while low < high:
        middle = (low + high + 1) // 2
        # Rounding must err to the safe side: what is as good as equal is not refuted.
        if hypergeom.cdf(errors, n_region, middle, n_sample) > risk * (1 - _ROUNDING):
            low = middle
        else:
            high = middle - 1
    return low


def draw(region: ArrayLike, n: int, seed: int, attempt: int) -> Lines:
    """A uniform sample of ``n`` of the region's lines without replacement, ascending.

    The n smallest of one raw 64-bit number per line (PCG64, whose stream NumPy guarantees).
    """
    lines = checked_region(region)
    if not 0 < n <= lines.size:
        raise AccountError(f"a sample needs 1 to {lines.size} items (the region); got {n}.")
    sequence = np.random.SeedSequence(seed, spawn_key=(_SAMPLING, attempt))
    keys = np.random.PCG64(sequence).random_raw(lines.size)
    return np.sort(lines[np.argsort(keys, kind="stable")[:n]])


def region_digest(region: ArrayLike) -> str:
    """SHA-256 of a region's lines (ascending, little-endian 64-bit)."""
    return hashlib.sha256(checked_region(region).astype("<i8").tobytes()).hexdigest()


def draw_order(n: int, seed: int, attempt: int) -> Lines:
    """(n,): positions of a sample in a random order; the sample is kept in that of its lines."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_SAMPLING, attempt, 1))
    return np.argsort(np.random.PCG64(sequence).random_raw(n), kind="stable")


def checked_region(region: ArrayLike) -> Lines:
    """The lines; AccountError unless they are different and ascending."""
    lines = np.asarray(region, dtype=np.int64)
    if lines.ndim != 1 or np.any(np.diff(lines) <= 0):
        raise AccountError("a region must be a list of different lines in ascending order.")
    return lines
