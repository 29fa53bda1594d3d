"""Which points of several outlines correspond.

People click different corners of the same outline, so vertices cannot be averaged as they are.
Every outline of a cluster is therefore read at the same places: the reference's own corners and
points between them, each matched to the nearest point of the other outline, after both are brought
to one centre and one size (a shifted outline then corresponds exactly), and only near the same
share of the length (so that the two sides of a thin shape are not mistaken).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.chains import Chains
from surelabel.consolidation.objects.geometry import Codes, Floats

# Places at which an outline is read, and points of the other among which the nearest is sought.
PLACES, _DENSE = 64, 128
# How far apart, as a share of the length, corresponding points may be.
_WINDOW = 0.1


def corresponding(reference: Chains, other: Chains, of: Codes) -> Floats:
    """(len(other), PLACES, 2): the points of ``other`` that its reference's places correspond to.

    ``of``: (len(other),), the reference of each, which need not be in order.
    """
    closed = other.closed
    even = np.arange(PLACES) / PLACES if closed else np.linspace(0, 1, PLACES)
    shares = reference.places(PLACES)
    evenly = reference.read(even)
    centre, size = _frame(evenly)
    others = other.read(even)
    other_centre, other_size = _frame(others)
    one = ((evenly - centre) / size)[of]
    turned, shift = _turn(one, (others - other_centre) / other_size, closed)
    dense = other.places(_DENSE)
    points = other.read(dense)
    wanted = ((reference.read(shares) - centre) / size)[of]
    # The other's share of the length, as the reference counts it.
    counted = np.where(turned[:, None], -dense, dense) + shift[:, None]
    if closed:
        counted %= 1.0
    apart = counted[:, None] - shares[of][..., None]
    np.abs(apart, out=apart)
    far = apart > _WINDOW
    if closed:
        # The end of the length is next to its beginning.
        far &= apart < 1 - _WINDOW
    away = _squared_distances(wanted, (points - other_centre) / other_size)
    np.copyto(away, np.inf, where=far)
    row = np.arange(len(other))
    found: Floats = points[row[:, None], away.argmin(axis=2)]
    if not closed:
        # Ends are places that people mean.
        found[:, 0] = np.where(turned[:, None], other.points[:, -1], other.points[:, 0])
        found[:, -1] = np.where(turned[:, None], other.points[:, 0], other.points[:, -1])
    return found


def _turn(one: Floats, two: Floats, closed: bool) -> tuple[NDArray[np.bool_], Floats]:
    """(n,) each: whether ``two`` runs the other way, and the shift of its shares, that fit best."""
    m = one.shape[1]
    away = _squared_distances(one, two)
    here = np.arange(m)
    if not closed:
        opposite = away[:, here, m - 1 - here].sum(axis=1)
        turned = opposite < away[:, here, here].sum(axis=1) - 1e-9
        return turned, turned.astype(np.float64)
    # Row: the step by which two is shifted against one, which may begin anywhere.
    along = (here[None] - here[:, None]) % m
    fits = np.hstack([away[:, here, way * along % m].sum(axis=2) for way in (1, -1)])
    best = (fits <= fits.min(axis=1, keepdims=True) + 1e-9).argmax(axis=1)
    return best >= m, best % m / m


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """(n, m, k) of (n, m, 2) and (n, k, 2): by a product of matrices, the fastest; to rounding."""
    squares: Floats = a @ b.transpose(0, 2, 1)
    squares *= -2
    squares += (a**2).sum(axis=2)[:, :, None]
    squares += (b**2).sum(axis=2)[:, None]
    return squares


def _frame(points: Floats) -> tuple[Floats, Floats]:
    """(n, 1, 2) centres and (n, 1, 1) sizes, 1 for chains that are one point."""
    centre = points.mean(axis=1, keepdims=True)
    size = np.sqrt(((points - centre) ** 2).sum(axis=2).mean(axis=1))[:, None, None]
    return centre, np.where(size > 0, size, 1.0)
