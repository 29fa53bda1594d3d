"""Polylines: lanes, wires, borders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from surelabel.consolidation.objects.boxes import LEAST_SIZE
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.outlines import CHUNK, Outlines

# Two lines are half alike where their mean distance is this share of their mean length.
_TOLERANCE = 0.05
# Points of a line at which distances are taken, ends included.
_POINTS = 17
# An error of this many tolerances is to a line what one of its own size is to a box.
_SIZE = 3.0
# Pairs at a time, so that the table of distances fits into the cache.
_CHUNK = 256


@dataclass(frozen=True)
class Polylines(Outlines):
    """Open chains; which end comes first does not matter. A line of no length is like nothing."""

    closed = False

    @cached_property
    def _lengths(self) -> Floats:
        step = np.linalg.norm(np.diff(self.vertices, axis=0), axis=1)
        along = np.concatenate(([0.0], np.cumsum(step)))
        # Not from the last vertex of one line to the first of the next.
        return along[self.starts[1:] - 1] - along[self.starts[:-1]]

    @cached_property
    def _points(self) -> Floats:
        """(n_marks, points, 2): equally far apart along each line."""
        shares = np.linspace(0, 1, _POINTS)
        found = np.empty((len(self), _POINTS, 2))
        for first in range(0, len(self), CHUNK):
            rows = np.arange(first, min(first + CHUNK, len(self)))
            found[rows] = self.chains(rows).read(shares)
        return found

    def bounds(self) -> Floats:
        """Of the vertices, and as far about them as the tolerance reaches."""
        reach = _TOLERANCE * self._lengths[:, None]
        return self._extent + np.hstack((-reach, -reach, reach, reach))

    def sizes(self) -> Floats:
        """Three tolerances, which grow with the length."""
        return np.maximum(_SIZE * _TOLERANCE * self._lengths, LEAST_SIZE)

    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """2^-(d / t)^2, 0 beyond 2 t.

        d is the mean distance of each line's points to the other line, of both ways; t is 5 % of
        the mean length.
        """
        found = np.zeros(len(rows))
        reach = _TOLERANCE * (self._lengths[rows] + other._lengths[other_rows]) / 2
        for at in range(0, len(rows), _CHUNK):
            chunk = np.arange(at, min(at + _CHUNK, len(rows)))
            chunk = chunk[reach[chunk] > 0]
            a, b = self._points[rows[chunk]], other._points[other_rows[chunk]]
            # A box about the other line is never farther than the line.
            near = (_to_box(a, b) + _to_box(b, a)) / 2 <= 2 * reach[chunk]
            chunk, a, b = chunk[near], a[near], b[near]
            off = (_distance(a, b) + _distance(b, a)) / 2 / reach[chunk]
            found[chunk] = np.where(off <= 2, np.exp2(-(np.minimum(off, 2.0) ** 2)), 0.0)
        return found


def _to_box(a: Floats, b: Floats) -> Floats:
    """(n,): mean distance of the points of chains a to the bounds of chains b."""
    low, high = b.min(axis=1, keepdims=True), b.max(axis=1, keepdims=True)
    off = np.maximum(np.maximum(low - a, a - high), 0.0)
    mean: Floats = np.hypot(off[..., 0], off[..., 1]).mean(axis=1)
    return mean


def _distance(a: Floats, b: Floats) -> Floats:
    """(n,): mean distance of the points of chains a, (n, points, 2), to the segments of b."""
    # x and y apart: a sum over an axis of two is slow.
    away_x = a[:, :, None, 0] - b[:, None, :-1, 0]
    away_y = a[:, :, None, 1] - b[:, None, :-1, 1]
    line = np.diff(b, axis=1)[:, None]
    line_x, line_y = line[..., 0], line[..., 1]
    squared = line_x**2 + line_y**2
    along = (away_x * line_x + away_y * line_y) / np.where(squared > 0, squared, 1.0)
    np.clip(along, 0, 1, out=along)
    away_x -= along * line_x
    away_y -= along * line_y
    mean: Floats = np.sqrt((away_x**2 + away_y**2).min(axis=2)).mean(axis=1)
    return mean
