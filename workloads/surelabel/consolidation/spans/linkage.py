"""Average linkage with one span of an annotator per cluster: plain loops, compiled when it pays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def link(
    first: Codes,
    second: Codes,
    start: Codes,
    end: Codes,
    answer: Codes,
    threshold: float,
    root: Codes,
    following: Codes,
    last: Codes,
) -> None:
    """Unite the clusters of each pair, best pair first, where their mean Jaccard index allows it.

    ``first``, ``second``: pairs of spans, the best first. ``root``: the cluster of each span, each
    alone at first (arange); ``following``: the next member of its cluster (-1: none); ``last``:
    the last member, by root. All three are changed.
    """
    for pair in range(len(first)):
        one, other = root[first[pair]], root[second[pair]]
        if one == other:
            continue
        if one > other:
            one, other = other, one
        total, n = 0.0, 0
        apart = True
        a = one
        while a >= 0 and apart:
            c = other
            while c >= 0:
                if answer[a] == answer[c]:
                    apart = False
                    break
                shared = min(end[a], end[c]) - max(start[a], start[c])
                if shared > 0:
                    total += shared / (end[a] - start[a] + end[c] - start[c] - shared)
                n += 1
                c = following[c]
            a = following[a]
        if apart and total >= threshold * n - 1e-12:
            following[last[one]] = other
            last[one] = last[other]
            c = other
            while c >= 0:
                root[c] = one
                c = following[c]
