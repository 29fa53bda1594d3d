"""A figure of agreement with its interval, by the percentile bootstrap over items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]

# Share of bootstrap draws inside the interval.
_INSIDE = 0.95


@dataclass(frozen=True)
class Agreement:
    """``value`` with its interval; nan where nothing can be compared, or nothing ever differs by
    chance (all answers are of one class). ``n_items``: items with two answers or more."""

    value: float
    low: float
    high: float
    n_items: int
    n_answers: int


def beyond_chance(observed: float, expected: float) -> float:
    """1 - observed / expected disagreement; nan where chance would give none."""
    return float(1 - observed / expected) if expected > 0 else float("nan")


def with_interval(
    statistic: Callable[[Floats], float],
    units: sparse.csr_matrix,
    draws: int,
    seed: int,
    answers_per_item: int | None = None,
) -> Agreement:
    """``statistic`` of weights per item: 1 each, then as often as each item is drawn."""
    n = units.shape[0]
    n_answers = n * answers_per_item if answers_per_item else int(units.sum())
    if n == 0:
        return Agreement(float("nan"), float("nan"), float("nan"), 0, 0)
    rng = np.random.default_rng(seed)
    drawn = np.array([
        statistic(np.bincount(rng.integers(n, size=n), minlength=n).astype(float))
        for _ in range(draws)
    ])  # fmt: skip
    # A draw in which all answers are of one class says nothing.
    drawn = drawn[~np.isnan(drawn)]
    tails = (100 * (1 - _INSIDE) / 2, 100 * (1 + _INSIDE) / 2)
    low, high = np.percentile(drawn, tails) if drawn.size else (np.nan, np.nan)
    return Agreement(statistic(np.ones(n)), float(low), float(high), n, n_answers)
