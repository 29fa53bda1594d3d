"""How much two areas overlap, exactly, for any polygons: concave, self-touching, degenerate.

The plane is cut into slabs at the heights of all corners and crossings. Within a slab no edges
cross, so every width is linear in height, and width at mid-height times height is the exact area.
What lies inside is decided by the even-odd rule, as browsers and image tools fill a polygon. No
case is special: edges that touch or coincide only make slabs that are thin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.geometry import Codes, Floats

# Squared edges of all pairs, and edges of one, from which compiled loops pay.
_MANY, _LONG = 50_000_000, 500
# Cells of the largest table at a time.
_CELLS = 2_000_000


# Edges that rise by less are level, and those that turn by less lie along each other: a quotient
# by it would overflow.
LEAST = 1e-250


def overlaps(
    a: Floats, a_starts: Codes, rows: Codes, b: Floats, b_starts: Codes, other_rows: Codes
) -> Floats:
    """(n_pairs,): area of the intersection over that of the union; 0 where the union has none.

    ``a``, ``b``: (n_vertices, 2); polygon i has vertices ``starts[i]`` to ``starts[i + 1]`` and
    closes by itself. ``rows``, ``other_rows``: (n_pairs,), polygons of a and b.
    """
    n_edges = np.diff(a_starts)[rows] + np.diff(b_starts)[other_rows]
    if (n_edges**2).sum() > _MANY or n_edges.max(initial=0) > _LONG:
        from surelabel.consolidation.objects.overlap_kernels import overlaps_of

        return overlaps_of(a, a_starts, rows, b, b_starts, other_rows)
    found = np.zeros(len(rows))
    # Pairs of a size together, so that little is padded.
    order = np.argsort(n_edges, kind="stable")
    at = 0
    while at < len(order):
        # Slabs times edges, if as many edges cross as usual.
        chunk = order[at : at + max(1, _CELLS // (3 * int(n_edges[order[at]]) ** 2))]
        chunk = chunk[n_edges[chunk] <= n_edges[chunk[0]] + 8]
        edges, of_b = _edges(a, a_starts, rows[chunk], b, b_starts, other_rows[chunk])
        found[chunk] = _overlaps(edges, of_b)
        at += len(chunk)
    return found


def _edges(
    a: Floats, a_starts: Codes, rows: Codes, b: Floats, b_starts: Codes, other_rows: Codes
) -> tuple[Floats, NDArray[np.bool_]]:
    """(n_pairs, n_edges, 4): x, y of both ends, padded with points; and which are b's."""
    n_a, n_b = np.diff(a_starts)[rows], np.diff(b_starts)[other_rows]
    longest = int((n_a + n_b).max())
    k = np.arange(longest)
    of_b = k >= n_a[:, None]
    there = k < (n_a + n_b)[:, None]
    place = np.where(of_b, k - n_a[:, None], k)
    size = np.where(of_b, n_b[:, None], n_a[:, None])
    start = np.where(of_b, b_starts[other_rows][:, None], a_starts[rows][:, None])
    place = np.where(there, place, 0)
    both = np.concatenate((a, b))
    start = np.where(of_b, start + len(a), start)
    here, there_ = both[start + place], both[start + (place + 1) % np.maximum(size, 1)]
    there_ = np.where(there[..., None], there_, here)
    return np.concatenate((here, there_), axis=2), of_b


def _overlaps(edges: Floats, of_b: NDArray[np.bool_]) -> Floats:
    # Near the origin, since products of large coordinates lose digits.
    edges = edges - np.tile(edges[:, :, :2].min(axis=1, keepdims=True), 2)
    n_pairs = len(edges)
    x0, y0, x1, y1 = np.ascontiguousarray(np.moveaxis(edges, 2, 0))
    rise = y1 - y0
    run = (x1 - x0) / np.where(np.abs(rise) < LEAST, 1.0, rise)
    heights = np.sort(np.concatenate((y0, _crossings(edges)), axis=1), axis=1)
    middle = (heights[:, 1:] + heights[:, :-1]) / 2
    low, high = np.minimum(y0, y1)[:, None], np.maximum(y0, y1)[:, None]
    # Few of the edges cross a slab: what follows is of those alone, slab by slab.
    pair, slab, edge = np.nonzero((low <= middle[..., None]) & (middle[..., None] < high))
    edge, slab = pair * edges.shape[1] + edge, pair * middle.shape[1] + slab
    x = x0.take(edge) + (middle.take(slab) - y0.take(edge)) * run.take(edge)
    order = _from_left(slab, x)
    x, mine = x[order], of_b.take(edge)[order]
    # A closed outline crosses every height an even number of times: no slab leaves anything open.
    in_a, in_b = np.cumsum(~mine) % 2 == 1, np.cumsum(mine) % 2 == 1
    area = np.diff(x, append=0.0) * np.diff(heights, axis=1).take(slab)
    common = np.bincount(pair, np.where(in_a & in_b, area, 0.0), n_pairs)
    union = np.bincount(pair, np.where(in_a | in_b, area, 0.0), n_pairs)
    found: Floats = np.divide(common, union, out=np.zeros(n_pairs), where=union > 0)
    return found


def _from_left(number: Codes, x: Floats) -> Codes:
    """The order by number, which ascends already, and of equal numbers by x."""
    start = np.flatnonzero(np.diff(number, prepend=-1))
    size = np.diff(start, append=len(number))
    place = np.arange(int(size.max(initial=0)))
    there = place < size[:, None]
    # Rows of a few numbers are sorted faster than all of them together.
    table = np.full(there.shape, np.inf)
    table[there] = x
    ordered: Codes = (start[:, None] + np.argsort(table, axis=1, kind="stable"))[there]
    return ordered


def _crossings(edges: Floats) -> Floats:
    """(n_pairs, most): heights at which two edges of a pair cross, padded with its lowest."""
    n_pairs, n = edges.shape[:2]
    low = np.minimum(edges[:, :, :2], edges[:, :, 2:])
    high = np.maximum(edges[:, :, :2], edges[:, :, 2:])
    near = np.broadcast_to(np.triu(np.ones((n, n), dtype=bool), 1), (n_pairs, n, n)).copy()
    for axis in (0, 1):
        near &= low[:, :, None, axis] <= high[:, None, :, axis]
        near &= low[:, None, :, axis] <= high[:, :, None, axis]
    # Few of the edges are near another: what follows is of those alone.
    pair, first, second = np.nonzero(near)
    flat = edges.reshape(-1, 4)
    x0, y0, x1, y1 = flat.take(pair * n + first, axis=0).T
    u0, v0, u1, v1 = flat.take(pair * n + second, axis=0).T
    turn = (x1 - x0) * (v1 - v0) - (y1 - y0) * (u1 - u0)
    parallel = np.abs(turn) < LEAST
    turn = np.where(parallel, 1.0, turn)
    along = ((u0 - x0) * (v1 - v0) - (v0 - y0) * (u1 - u0)) / turn
    other = ((u0 - x0) * (y1 - y0) - (v0 - y0) * (x1 - x0)) / turn
    cross = ~parallel & (along > 0) & (along < 1) & (other > 0) & (other < 1)
    pair, height = pair[cross], (y0 + along * (y1 - y0))[cross]
    n_crossings = np.bincount(pair, minlength=n_pairs)
    before = np.cumsum(n_crossings) - n_crossings
    lowest = edges[:, :, 1].min(axis=1, keepdims=True)
    found = np.tile(lowest, int(n_crossings.max(initial=0)))
    found[pair, np.arange(len(pair)) - before[pair]] = height
    return found
