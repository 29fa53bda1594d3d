"""Which points of several outlines correspond.

People click different corners of the same outline, so vertices cannot be averaged as they are.
Every outline of a cluster is therefore read at the same places: the reference's own corners and
points between them, each matched to the nearest point of the other outline, after both are brought
to one centre and one size (a shifted outline then corresponds exactly), and only near the same
share of the length (so that the two sides of a thin shape are not mistaken).
"""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.objects.geometry import Floats

# Places at which an outline is read, and points of the other among which the nearest is sought.
PLACES, _DENSE = 64, 128
# How far apart, as a share of the length, corresponding points may be.
_WINDOW = 0.1


def read(outline: Floats, shares: Floats, closed: bool) -> Floats:
    """(n, 2): the points at ``shares`` of the length; a closed outline wraps round."""
    points = np.vstack((outline, outline[:1])) if closed else outline
    at = _lengths(points)
    place = (shares % 1.0 if closed else shares) * at[-1]
    return np.stack([np.interp(place, at, column) for column in points.T], axis=1)


def places(outline: Floats, n: int, closed: bool) -> Floats:
    """(n,): shares of the length with a vertex at as many as fit, the rest evenly between them."""
    points = np.vstack((outline, outline[:1])) if closed else outline
    at = _lengths(points)
    if at[-1] == 0 or len(outline) >= n:
        return np.linspace(0, 1, n, endpoint=not closed)
    share = np.diff(at) / at[-1]
    wanted = share * (n - len(outline))
    extra = np.floor(wanted).astype(int)
    left = n - len(outline) - extra.sum()
    extra[np.argsort(-(wanted - extra), kind="stable")[:left]] += 1
    edge = np.repeat(np.arange(len(share)), extra + 1)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(extra + 1) - extra - 1, extra + 1)
    found = (at[edge] / at[-1]) + share[edge] * step / (extra[edge] + 1)
    return found if closed else np.append(found, 1.0)


def corresponding(reference: Floats, shares: Floats, other: Floats, closed: bool) -> Floats:
    """(n, 2): the points of ``other`` that the reference's at ``shares`` correspond to."""
    even = np.arange(PLACES) / PLACES if closed else np.linspace(0, 1, PLACES)
    centre, size = _frame(read(reference, even, closed))
    other_centre, other_size = _frame(read(other, even, closed))
    one = (read(reference, even, closed) - centre) / size
    two = (read(other, even, closed) - other_centre) / other_size
    turned, shift = _turn(one, two, closed)
    dense = places(other, _DENSE, closed)
    points = read(other, dense, closed)
    wanted = (read(reference, shares, closed) - centre) / size
    there = (points - other_centre) / other_size
    # The other's share of the length, as the reference counts it.
    counted = (-dense if turned else dense) + shift
    apart = counted[None] - shares[:, None]
    apart = np.abs(apart - np.round(apart)) if closed else np.abs(apart)
    away = _squared_distances(wanted, there)
    away = np.where(apart <= _WINDOW, away, np.inf)
    found: Floats = points[away.argmin(axis=1)]
    if not closed:
        # Ends are places that people mean.
        found[[0, -1]] = other[[-1, 0]] if turned else other[[0, -1]]
    return found


def simplified(outline: Floats, tolerance: float) -> Floats:
    """The outline without the vertices that lie within ``tolerance`` of the line without them.

    D. H. Douglas and T. K. Peucker (1973), doi:10.3138/FM57-6770-U75U-7727; both ends stay.
    """
    keep = np.zeros(len(outline), dtype=bool)
    keep[[0, -1]] = True
    open_ = [(0, len(outline) - 1)]
    while open_:
        begin, end = open_.pop()
        if end - begin < 2:
            continue
        line = outline[end] - outline[begin]
        inner = outline[begin + 1 : end] - outline[begin]
        squared = float(line @ line)
        along = np.clip(inner @ line / squared, 0, 1) if squared > 0 else np.zeros(len(inner))
        off = np.linalg.norm(inner - along[:, None] * line, axis=1)
        if off.max() > tolerance:
            middle = begin + 1 + int(off.argmax())
            keep[middle] = True
            open_ += [(begin, middle), (middle, end)]
    return outline[keep]


def _turn(one: Floats, two: Floats, closed: bool) -> tuple[bool, float]:
    """Whether ``two`` runs the other way, and the shift of its shares, that fit ``one`` best."""
    n = len(one)
    away = _squared_distances(one, two)
    here = np.arange(n)
    if not closed:
        turned = bool(away[here, n - 1 - here].sum() < away[here, here].sum() - 1e-9)
        return turned, float(turned)
    # Row: the step by which two is shifted against one, which may begin anywhere.
    along = (here[None] - here[:, None]) % n
    fits = np.stack([away[here, way * along % n].sum(axis=1) for way in (1, -1)])
    best = int(np.flatnonzero(fits.ravel() <= fits.min() + 1e-9)[0])
    return best >= n, best % n / n


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """(len(a), len(b)): by a product of matrices, the fastest way; to rounding."""
    squares: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return squares


def _frame(points: Floats) -> tuple[Floats, float]:
    centre = points.mean(axis=0)
    size = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))
    return centre, size if size > 0 else 1.0


def _lengths(points: Floats) -> Floats:
    """(n,): length of the chain up to each point."""
    return np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
