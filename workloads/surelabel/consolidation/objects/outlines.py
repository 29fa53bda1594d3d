"""Marks that are chains of points: what polygons and polylines share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.objects.boxes import LEAST_SIZE
from surelabel.consolidation.objects.chains import Chains, simplified
from surelabel.consolidation.objects.correspondence import PLACES, corresponding
from surelabel.consolidation.objects.geometry import (
    Aligned,
    Codes,
    Floats,
    Geometry,
    Pairs,
    checked,
)
from surelabel.consolidation.objects.groups import starts_of
from surelabel.consolidation.objects.medoids import medoids

# A fused outline has no vertices that matter less than this share of its extent.
_DETAIL = 0.003
# Marks that are worked on at a time, so that their tables of distances fit into the cache.
CHUNK = 64


@dataclass(frozen=True)
class Outlines(Geometry):
    """``vertices``: (n_vertices, 2); mark i has rows ``starts[i]`` to ``starts[i + 1]``."""

    vertices: Floats
    starts: Codes
    # Whether the last vertex is joined to the first.
    closed = True

    @classmethod
    def of(cls, vertices: ArrayLike, mark: ArrayLike, n_marks: int) -> Self:
        """From ``vertices``, (n_vertices, 2): x and y in pixels.

        ``mark``: (n_vertices,), whose each is, ascending from 0. ValueError for other shapes, and
        for what is not finite or ascending.
        """
        given = checked("vertices", vertices, ("x", "y"))
        codes = np.asarray(mark, dtype=np.int64)
        if codes.shape != (len(given),):
            raise ValueError(
                f"mark must have one entry per vertex ({len(given)}); got shape {codes.shape}."
            )
        if len(codes) and (codes[0] < 0 or codes[-1] >= n_marks or (np.diff(codes) < 0).any()):
            raise ValueError(
                f"mark must ascend within 0 .. {n_marks - 1}; sort the vertices by mark."
            )
        starts = starts_of(codes, n_marks)
        empty = np.flatnonzero(np.diff(starts) == 0)
        if empty.size:
            raise ValueError(
                f"every mark needs at least 1 vertex; mark {empty[0]} has none. Leave it out."
            )
        return cls(given, starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: Codes) -> Self:
        size = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(size)))
        shift = np.repeat(self.starts[:-1][rows] - starts[:-1], size)
        return type(self)(self.vertices[np.arange(len(shift)) + shift], starts)

    def joined(self, *others: Self) -> Self:
        """One after the other."""
        parts = (self, *others)
        sizes = np.concatenate([np.diff(each.starts) for each in parts])
        vertices = np.concatenate([each.vertices for each in parts])
        return type(self)(vertices, np.concatenate(([0], np.cumsum(sizes))))

    def outline(self, row: int) -> Floats:
        """(n, 2): the vertices of one mark."""
        return self.vertices[self.starts[row] : self.starts[row + 1]]

    @cached_property
    def _extent(self) -> Floats:
        if not len(self):
            return np.empty((0, 4))
        low = np.minimum.reduceat(self.vertices, self.starts[:-1], axis=0)
        high = np.maximum.reduceat(self.vertices, self.starts[:-1], axis=0)
        return np.hstack((low, high))

    def bounds(self) -> Floats:
        """Of the vertices."""
        return self._extent

    def order(self) -> tuple[Floats, ...]:
        """(n_marks,) each: bounds, then the number of vertices, then the first two."""
        begin = self.starts[:-1]
        second = np.minimum(begin + 1, self.starts[1:] - 1)
        corners = (self.vertices[begin], self.vertices[second]) if len(self) else ()
        keys = [column for corner in corners for column in corner.T]
        return (*keys, np.diff(self.starts).astype(float), *super().order())

    def sizes(self) -> Floats:
        """(n_marks,): what an error is measured against, positive."""
        sides = self._extent[:, 2:] - self._extent[:, :2]
        size: Floats = np.maximum(np.sqrt(sides.prod(axis=1)), LEAST_SIZE)
        return size

    def aligned(self, cluster: Codes, n_clusters: int, pairs: Pairs) -> Aligned:
        """Points of each mark that correspond to places of its medoid, x and y in turn."""
        reference = medoids(cluster, n_clusters, pairs)
        values = np.empty((len(self), PLACES, 2))
        member, starts = np.argsort(cluster, kind="stable"), starts_of(cluster, n_clusters)
        first = 0
        while first < n_clusters:
            last = max(int(np.searchsorted(starts, starts[first] + CHUNK, "right")) - 1, first + 1)
            marks, heads = member[starts[first] : starts[last]], reference[first:last]
            of = cluster[marks] - first
            chains = self.chains(heads)
            values[marks] = corresponding(chains, self.chains(marks), of)
            # The reference itself is read where it is, not at the nearest of some points.
            values[heads] = chains.read(chains.places(PLACES))
            first = last
        return Aligned(values.reshape(len(self), 2 * PLACES), self.sizes()[:, None], reference)

    def rebuilt(self, values: Floats, aligned: Aligned) -> Self:
        """Without vertices that lie on the line between others."""
        n = len(values)
        chains = values.reshape(n, PLACES, 2)
        tolerance = _DETAIL * np.ptp(chains, axis=1).max(axis=1, initial=0.0)
        # A closed one from a corner that stays, and back to it.
        whole = np.concatenate((chains, chains[:, :1]), axis=1) if self.closed else chains
        keep = simplified(whole, tolerance)[:, :PLACES]
        return type(self)(chains[keep], np.concatenate(([0], np.cumsum(keep.sum(axis=1)))))

    def chains(self, rows: Codes) -> Chains:
        """The marks of ``rows``, (n,), some hundred."""
        return Chains.of(self.vertices, self.starts, rows, closed=self.closed)

    @property
    def error_names(self) -> tuple[str, ...]:
        """Shifts of the whole outline."""
        return ("x", "y")

    def errors(self, relative: Floats) -> Floats:
        """Means over the places."""
        shift: Floats = relative.reshape(len(relative), PLACES, 2).mean(axis=1)
        return shift
