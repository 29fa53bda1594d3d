"""Masks of polygons, by the rule of COCO: a pixel belongs to one where pycocotools says so.

An outline is drawn on a grid five times as fine, a line at a time. Where it passes the middle of a
column, the row of the crossing is a border, rounded up; between borders lies the object, down one
column after the other (rleFrPoly of COCO's maskApi.c).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from surelabel.tasks.values import Point

_FINE = 5
# Farther outside of its image no outline is drawn: the grid would be too long.
_BEYOND = 20_000
Ints = NDArray[np.int64]


def polygon_mask(points: Sequence[Point], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): the pixels of the polygon, whose last point is joined with the first.

    Edges count in x and y; where the outline crosses itself, what is inside twice is outside.
    ValueError for fewer than three points, or one far outside of the image.
    """
    corners = np.asarray(points, float).reshape(-1, 2)
    if len(corners) < 3:
        raise ValueError(f"a polygon must have 3 points; got {len(corners)}.")
    if not (np.abs(corners) < max(height, width) + _BEYOND).all():
        raise ValueError(f"a polygon must lie near its image, {width} x {height}.")
    # Towards zero, as C rounds.
    fine = np.trunc(_FINE * corners + 0.5).astype(np.int64)
    fine = np.concatenate((fine, fine[:1]))
    x, y = np.concatenate([_line(*start, *end) for start, end in pairwise(fine)]).T
    column, row = _borders(x, y, height, width)
    mask = np.zeros((height, width), bool)
    if len(column) == 0:
        return mask
    # Each border turns what is below it, and to the right, from outside to inside or back.
    first, n_columns = int(column.min()), int(np.ptp(column)) + 1
    turns = np.bincount((column - first) * height + row, minlength=n_columns * height + 1)
    inside = np.cumsum(turns[:-1]) % 2 == 1
    mask[:, first : first + n_columns] = inside.reshape(n_columns, height).T
    return mask


def _line(x0: int, y0: int, x1: int, y1: int) -> Ints:
    """(n, 2): the points of the grid on the way, both ends with them."""
    dx, dy = abs(x1 - x0), abs(y1 - y0)
    flat = dx >= dy
    n = max(dx, dy)
    if n == 0:
        return np.array([[x0, y0]], np.int64)
    # From the lower end of the longer axis, so that a line is the same both ways.
    turned = x0 > x1 if flat else y0 > y1
    if turned:
        x0, y0, x1, y1 = x1, y1, x0, y0
    step = np.arange(n + 1)
    slope = (y1 - y0) / n if flat else (x1 - x0) / n
    along = (x0 if flat else y0) + step
    across = np.trunc((y0 if flat else x0) + slope * step + 0.5).astype(np.int64)
    found = np.stack((along, across) if flat else (across, along), axis=1)
    return found[::-1] if turned else found


def _borders(x: Ints, y: Ints, height: int, width: int) -> tuple[Ints, Ints]:
    """Columns whose middle the outline passes, and the first row behind each crossing."""
    moved = np.flatnonzero(x[1:] != x[:-1])
    # The step from one grid column to the next has the place of the lower one.
    left = np.minimum(x[moved], x[moved + 1])
    upper = np.minimum(y[moved], y[moved + 1])
    column = (left + 0.5) / _FINE - 0.5
    whole = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.ceil(np.clip((upper[whole] + 0.5) / _FINE - 0.5, 0, height))
    return column[whole].astype(np.int64), row.astype(np.int64)
