"""The loops of matching in machine code, for large input."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.matching import best_first

compiled_best_first = compiled(best_first)
_NONE = np.empty(0, np.int64)


def overlapping(bounds: Floats, annotator: Codes, starts: Codes) -> tuple[Codes, Codes]:
    """Pairs of marks of one item and different annotators whose bounds are not apart, sorted."""
    # Counting first costs less than pairs that are thrown away, and far less memory.
    first = np.empty(_walk(bounds, annotator, starts, _NONE, _NONE), np.int64)
    second = np.empty_like(first)
    _walk(bounds, annotator, starts, first, second)
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
