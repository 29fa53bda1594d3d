"""Compiled loops on as many threads as Numba may use; what they write never depends on how many."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

Part = TypeVar("Part")
# Sums of so many parts are added in their order, so that they do not depend on who summed which.
PARTS = 16


def in_parts(run: Callable[[int, int], Part], n: int) -> list[Part]:
    """``run(begin, end)`` over parts of range(n), in order; they must not write the same rows."""
    n_threads = min(numba.get_num_threads(), max(n, 1))
    bounds = [n * part // n_threads for part in range(n_threads + 1)]
    if n_threads == 1:
        return [run(0, n)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, bounds[:-1], bounds[1:]))


def parts_of(n: int) -> list[int]:
    """Where each of ``PARTS`` parts of range(n) begins, and n."""
    return [n * part // PARTS for part in range(PARTS + 1)]
