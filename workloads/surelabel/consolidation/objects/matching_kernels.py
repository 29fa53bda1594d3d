"""The loops of matching in machine code, for large input."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.matching import best_first
from surelabel.consolidation.objects.threads import in_parts

_best_first = compiled(best_first)
_NONE = np.empty(0, np.int64)


def compiled_best_first(
    root: Codes,
    annotator: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    starts: Codes,
    threshold: float,
) -> None:
    """``matching.best_first``, to the bit."""

    def run(begin: int, end: int) -> None:
        items = starts[begin : end + 1]
        _best_first(root, annotator, first, second, similarity, items, threshold)

    in_parts(run, len(starts) - 1)


def overlapping(bounds: Floats, annotator: Codes, starts: Codes) -> tuple[Codes, Codes]:
    """Pairs of marks of one item and different annotators whose bounds are not apart, sorted."""
    n_items = len(starts) - 1

    # Counting first costs less than pairs that are thrown away, and far less memory.
    def count(begin: int, end: int) -> tuple[int, int, int]:
        return begin, end, _walk(bounds, annotator, starts[begin : end + 1], _NONE, _NONE)

    parts = in_parts(count, n_items)
    ends = np.cumsum([n for _, _, n in parts])
    first, second = np.empty(ends[-1], np.int64), np.empty(ends[-1], np.int64)
    into = {begin: slice(last - n, last) for (begin, _, n), last in zip(parts, ends, strict=True)}

    def write(begin: int, end: int) -> None:
        place = into[begin]
        _walk(bounds, annotator, starts[begin : end + 1], first[place], second[place])

    in_parts(write, n_items)
    return first, second


@compiled
def _walk(bounds: Floats, annotator: Codes, starts: Codes, first: Codes, second: Codes) -> int:
    n = 0
    writes = len(first) > 0
    for item in range(len(starts) - 1):
        for i in range(starts[item], starts[item + 1]):
            top, right, bottom = bounds[i, 1], bounds[i, 2], bounds[i, 3]
            for j in range(i + 1, starts[item + 1]):
                # Marks are sorted by their left end.
                if bounds[j, 0] > right:
                    break
                if bounds[j, 1] > bottom or bounds[j, 3] < top or annotator[i] == annotator[j]:
                    continue
                if writes:
                    first[n] = i
                    second[n] = j
                n += 1
    return n
