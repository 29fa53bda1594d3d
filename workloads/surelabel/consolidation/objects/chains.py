"""Many chains of points at once: reading them at shares of their length, leaving out vertices.

All chains in a call lie in one array, the shorter ones filled up with their last point, so that no
loop runs over chains. A caller with many chains passes some hundred at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.geometry import Codes, Floats


@dataclass(frozen=True)
class Chains:
    """``points``: (n, longest, 2); of a closed chain the first vertex comes again at its end.

    ``share``: (n, longest), the share of the length up to each point, 0 in chains of no length.
    ``n_vertices``: (n,), without the filling and the repeated vertex.
    """

    points: Floats
    share: Floats
    n_vertices: Codes
    closed: bool

    @classmethod
    def of(cls, vertices: Floats, starts: Codes, rows: Codes, *, closed: bool) -> Self:
        """The chains of these rows; chain i has ``vertices`` ``starts[i]`` to ``starts[i + 1]``."""
        begin, n = starts[rows], starts[rows + 1] - starts[rows]
        place = np.arange(int(n.max(initial=1)) + closed)
        last = n - 1
        place = np.minimum(place, (last + closed)[:, None])
        points = vertices[begin[:, None] + np.where(place > last[:, None], 0, place)]
        step = np.diff(points, axis=1)
        at = np.zeros(points.shape[:2])
        np.cumsum(np.hypot(step[..., 0], step[..., 1]), axis=1, out=at[:, 1:])
        length = at[:, -1:]
        share = np.divide(at, length, out=np.zeros_like(at), where=length > 0)
        return cls(points, share, n, closed)

    def __len__(self) -> int:
        return len(self.points)

    def read(self, shares: Floats) -> Floats:
        """(n, m, 2): the points at ``shares`` of the length, (n, m) or (m,) in [0, 1]."""
        n, longest = self.share.shape
        shares = np.broadcast_to(shares, (n, shares.shape[-1]))
        if longest == 1:
            return np.repeat(self.points, shares.shape[1], axis=1)
        row = np.arange(n)[:, None]
        # Of all chains at once: a chain's shares and its number, which is twice as far from others.
        ascending = (self.share + 2 * row).ravel()
        found = np.searchsorted(ascending, (shares + 2 * row).ravel(), side="right")
        left = np.clip(found.reshape(shares.shape) - 1 - row * longest, 0, longest - 2)
        # Exactly, whatever the chain's number did to the last digits.
        left = np.maximum(left - (self.share[row, left] > shares), 0)
        left = np.minimum(left + (self.share[row, left + 1] <= shares), longest - 2)
        here, there = self.share[row, left], self.share[row, left + 1]
        width = there - here
        part = np.divide(shares - here, width, out=np.zeros_like(width), where=width > 0)
        # Beyond the last point, which a sum of steps may miss by a digit.
        part = np.clip(part, 0.0, 1.0)[..., None]
        points: Floats = (1 - part) * self.points[row, left] + part * self.points[row, left + 1]
        return points

    def places(self, m: int) -> Floats:
        """(n, m): shares of the length with a vertex at as many as fit, the rest evenly between.

        Without a length, or with more vertices than places, all evenly.
        """
        found = np.tile(np.linspace(0, 1, m, endpoint=not self.closed), (len(self), 1))
        rows = np.flatnonzero((self.share[:, -1] > 0) & (self.n_vertices < m))
        if not rows.size:
            return found
        share, left = np.diff(self.share[rows], axis=1), m - self.n_vertices[rows]
        wanted = share * left[:, None]
        extra = np.floor(wanted).astype(np.int64)
        left -= extra.sum(axis=1)
        # One more on each of the edges that the floor took most of.
        rank = np.argsort(np.argsort(extra - wanted, axis=1, kind="stable"), axis=1)
        extra += rank < left[:, None]
        n_edges = self.n_vertices[rows] - (not self.closed)
        there = np.arange(share.shape[1]) < n_edges[:, None]
        n_places = np.where(there, extra + 1, 0).ravel()
        edge = np.repeat(np.arange(n_places.size), n_places)
        step = np.arange(len(edge)) - (np.cumsum(n_places) - n_places)[edge]
        at = self.share[rows, :-1].ravel()[edge] + share.ravel()[edge] * step / n_places[edge]
        found[rows, : m - (not self.closed)] = at.reshape(len(rows), -1)
        return found


def simplified(chains: Floats, tolerance: Floats) -> NDArray[np.bool_]:
    """(n, m): which points of (n, m, 2) chains stay, if those may go that lie within ``tolerance``,
    (n,), of the line without them.

    D. H. Douglas and T. K. Peucker (1973), doi:10.3138/FM57-6770-U75U-7727; both ends stay. The
    lines of all chains are split side by side.
    """
    n, m = chains.shape[:2]
    keep = np.zeros((n, m), dtype=bool)
    keep[:, [0, -1]] = True
    chain, begin, end = np.arange(n), np.zeros(n, np.int64), np.full(n, m - 1)
    place = np.arange(m)
    while len(chain):
        row = np.arange(len(chain))
        points = chains[chain]
        line = points[row, end] - points[row, begin]
        inner = points - points[row, begin][:, None]
        squared = (line**2).sum(axis=1)
        along = np.einsum("imc,ic->im", inner, line) / np.where(squared > 0, squared, 1.0)[:, None]
        away = inner - np.clip(along, 0, 1)[..., None] * line[:, None]
        off = np.hypot(away[..., 0], away[..., 1])
        off[(place <= begin[:, None]) | (place >= end[:, None])] = -1.0
        middle = off.argmax(axis=1)
        split = off[row, middle] > tolerance[chain]
        chain, begin, middle, end = chain[split], begin[split], middle[split], end[split]
        keep[chain, middle] = True
        chain = np.tile(chain, 2)
        begin, end = np.concatenate((begin, middle)), np.concatenate((middle, end))
    return keep
