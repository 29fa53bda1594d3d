"""The loops of matching in machine code, for large input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.matching import best_first
from surelabel.consolidation.objects.threads import in_parts

_best_first = compiled(best_first)
_NONE = np.empty(0, np.int64)


def compiled_cliques(
    marks: Codes,
    of_item: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    threshold: float,
) -> tuple[Codes, NDArray[np.bool_]]:
    """``matching.cliques``."""
    root, contested = np.arange(marks[-1]), np.zeros(marks[-1], dtype=bool)

    def run(begin: int, end: int) -> None:
        part = slice(begin, end + 1)
        _cliques(marks[part], of_item[part], first, second, similarity, threshold, root, contested)

    in_parts(run, len(marks) - 1)
    return root, contested


def compiled_best_first(
    root: Codes,
    contested: NDArray[np.bool_],
    marks: Codes,
    of_item: Codes,
    annotator: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    threshold: float,
) -> None:
    """``matching.best_first``, to the bit."""

    def run(begin: int, end: int) -> None:
        part = slice(begin, end + 1)
        _best_first(
            root,
            contested,
            marks[part],
            of_item[part],
            annotator,
            first,
            second,
            similarity,
            threshold,
        )

    in_parts(run, len(marks) - 1)


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
    near = np.empty(np.diff(starts).max(), np.int64)
    for item in range(len(starts) - 1):
        for i in range(starts[item], starts[item + 1]):
            top, right, bottom = bounds[i, 1], bounds[i, 2], bounds[i, 3]
            n_near = 0
            for j in range(i + 1, starts[item + 1]):
                # Marks are sorted by their left end.
                if bounds[j, 0] > right:
                    break
                # No branch, since half of them would be mispredicted.
                near[n_near] = j
                n_near += (
                    (bounds[j, 1] <= bottom)
                    & (bounds[j, 3] >= top)
                    & (annotator[i] != annotator[j])
                )
            if writes:
                for k in range(n_near):
                    first[n + k] = i
                    second[n + k] = near[k]
            n += n_near
    return n


@compiled
def _cliques(
    marks: Codes,
    of_item: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    threshold: float,
    head: Codes,
    contested: NDArray[np.bool_],
) -> None:
    longest = 0
    for item in range(len(marks) - 1):
        longest = max(longest, marks[item + 1] - marks[item])
    # Of each head: its marks, and pairs among them; a pair to another head spoils both.
    size, inner = np.empty(longest, np.int64), np.empty(longest, np.int64)
    spoiled = -longest * longest
    for item in range(len(marks) - 1):
        here, n = marks[item], marks[item + 1] - marks[item]
        size[:n] = 0
        inner[:n] = 0
        for pair in range(of_item[item], of_item[item + 1]):
            if similarity[pair] >= threshold and head[second[pair]] == second[pair]:
                head[second[pair]] = first[pair]
        for i in range(n):
            size[head[here + i] - here] += 1
        for pair in range(of_item[item], of_item[item + 1]):
            if similarity[pair] >= threshold:
                one, other = head[first[pair]] - here, head[second[pair]] - here
                if one == other:
                    inner[one] += 1
                else:
                    inner[one] = inner[other] = spoiled
        for i in range(n):
            k = head[here + i] - here
            if inner[k] != size[k] * (size[k] - 1) // 2:
                contested[here + i] = True
                head[here + i] = here + i
