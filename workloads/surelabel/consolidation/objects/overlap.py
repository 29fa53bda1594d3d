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
_MANY, _LONG = 20_000_000, 500
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
        chunk = order[at : at + max(1, _CELLS // int(n_edges[order[at]]) ** 3)]
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
    x0, y0, x1, y1 = np.moveaxis(edges, 2, 0)
    heights = np.sort(np.concatenate((y0, _crossings(edges)), axis=1), axis=1)
    middle = (heights[:, 1:] + heights[:, :-1]) / 2
    low, high = np.minimum(y0, y1)[:, None], np.maximum(y0, y1)[:, None]
    spans = (low <= middle[..., None]) & (middle[..., None] < high)
    rise = np.where(np.abs(y1 - y0) < LEAST, 1.0, y1 - y0)
    x = x0[:, None] + (middle[..., None] - y0[:, None]) * ((x1 - x0) / rise)[:, None]
    # Edges that are not there come last, where nothing is inside any more.
    x = np.where(spans, x, np.abs(edges).max(axis=(1, 2))[:, None, None] + 1)
    order = np.argsort(x, axis=2, kind="stable")
    x = np.take_along_axis(x, order, axis=2)
    spans = np.take_along_axis(spans, order, axis=2)
    mine = np.take_along_axis(np.broadcast_to(of_b[:, None], x.shape), order, axis=2)
    in_a = (np.cumsum(spans & ~mine, axis=2) % 2 == 1)[..., :-1]
    in_b = (np.cumsum(spans & mine, axis=2) % 2 == 1)[..., :-1]
    area = np.diff(x, axis=2) * np.diff(heights, axis=1)[..., None]
    common = (area * (in_a & in_b)).sum(axis=(1, 2))
    union = (area * (in_a | in_b)).sum(axis=(1, 2))
    found: Floats = np.divide(common, union, out=np.zeros_like(union), where=union > 0)
    return found


def _crossings(edges: Floats) -> Floats:
    """(n_pairs, most): heights at which two edges of a pair cross, padded with its lowest."""
    first, second = np.triu_indices(edges.shape[1], 1)
    x0, y0, x1, y1 = np.moveaxis(edges[:, first], 2, 0)
    u0, v0, u1, v1 = np.moveaxis(edges[:, second], 2, 0)
    turn = (x1 - x0) * (v1 - v0) - (y1 - y0) * (u1 - u0)
    parallel = np.abs(turn) < LEAST
    turn = np.where(parallel, 1.0, turn)
    along = ((u0 - x0) * (v1 - v0) - (v0 - y0) * (u1 - u0)) / turn
    other = ((u0 - x0) * (y1 - y0) - (v0 - y0) * (x1 - x0)) / turn
    cross = ~parallel & (along > 0) & (along < 1) & (other > 0) & (other < 1)
    height = y0 + along * (y1 - y0)
    lowest = edges[:, :, 1].min(axis=1)[:, None]
    most = int(cross.sum(axis=1).max(initial=0))
    front = np.argsort(~cross, axis=1, kind="stable")[:, :most]
    taken = np.take_along_axis(np.where(cross, height, lowest), front, axis=1)
    return taken
