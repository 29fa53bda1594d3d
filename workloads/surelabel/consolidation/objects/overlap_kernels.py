"""The loops of overlapping areas in machine code, for large input; equal to rounding."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.threads import in_parts

# As in overlap.py, which kernels cannot import late.
_LEAST = 1e-250


def overlaps_of(
    a: Floats, a_starts: Codes, rows: Codes, b: Floats, b_starts: Codes, other_rows: Codes
) -> Floats:
    """(n_pairs,): IoU of polygons, as ``overlap.overlaps`` has it."""
    found = np.zeros(len(rows))

    def run(begin: int, end: int) -> None:
        part = slice(begin, end)
        _overlaps(a, a_starts, rows[part], b, b_starts, other_rows[part], found[part])

    in_parts(run, len(rows))
    return found


@compiled
def _overlaps(
    a: Floats,
    a_starts: Codes,
    rows: Codes,
    b: Floats,
    b_starts: Codes,
    other_rows: Codes,
    found: Floats,
) -> None:
    for pair in range(len(rows)):
        one = a[a_starts[rows[pair]] : a_starts[rows[pair] + 1]]
        two = b[b_starts[other_rows[pair]] : b_starts[other_rows[pair] + 1]]
        found[pair] = _overlap(one, two)


@compiled
def _overlap(a: Floats, b: Floats) -> float:
    n = len(a) + len(b)
    x0, y0, x1, y1 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    _edges(a, b, x0, y0, x1, y1)
    heights = _heights(x0, y0, x1, y1)
    x, mine = np.empty(n), np.empty(n, np.bool_)
    common = union = 0.0
    for slab in range(len(heights) - 1):
        thick = heights[slab + 1] - heights[slab]
        if thick == 0:
            continue
        middle = (heights[slab + 1] + heights[slab]) / 2
        found = 0
        for k in range(n):
            if min(y0[k], y1[k]) <= middle < max(y0[k], y1[k]):
                rise = y1[k] - y0[k]
                if abs(rise) < _LEAST:
                    rise = 1.0
                at = x0[k] + (middle - y0[k]) * ((x1[k] - x0[k]) / rise)
                j = found
                while j > 0 and x[j - 1] > at:
                    x[j], mine[j] = x[j - 1], mine[j - 1]
                    j -= 1
                x[j], mine[j] = at, k >= len(a)
                found += 1
        in_a = in_b = False
        for k in range(found - 1):
            if mine[k]:
                in_b = not in_b
            else:
                in_a = not in_a
            if in_a and in_b:
                common += (x[k + 1] - x[k]) * thick
            if in_a or in_b:
                union += (x[k + 1] - x[k]) * thick
    return common / union if union > 0 else 0.0


@compiled
def _edges(a: Floats, b: Floats, x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> None:
    """Both ends of every edge, near the origin, where products lose no digits."""
    left = min(a[:, 0].min(), b[:, 0].min())
    top = min(a[:, 1].min(), b[:, 1].min())
    for k in range(len(x0)):
        if k < len(a):
            here, there = a[k], a[(k + 1) % len(a)]
        else:
            here, there = b[k - len(a)], b[(k - len(a) + 1) % len(b)]
        x0[k], y0[k], x1[k], y1[k] = here[0] - left, here[1] - top, there[0] - left, there[1] - top


@compiled
def _heights(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Floats:
    """Heights of corners and crossings, ascending."""
    n = len(x0)
    heights = np.empty(2 * n)
    heights[:n] = y0
    size = n
    for i in range(n):
        for j in range(i + 1, n):
            turn = (x1[i] - x0[i]) * (y1[j] - y0[j]) - (y1[i] - y0[i]) * (x1[j] - x0[j])
            if abs(turn) < _LEAST:
                continue
            dx, dy = x0[j] - x0[i], y0[j] - y0[i]
            along = (dx * (y1[j] - y0[j]) - dy * (x1[j] - x0[j])) / turn
            other = (dx * (y1[i] - y0[i]) - dy * (x1[i] - x0[i])) / turn
            if 0 < along < 1 and 0 < other < 1:
                if size == len(heights):
                    longer = np.empty(2 * size)
                    longer[:size] = heights
                    heights = longer
                heights[size] = y0[i] + along * (y1[i] - y0[i])
                size += 1
    return np.sort(heights[:size])
