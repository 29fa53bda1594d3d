"""Which spans of two lists overlap, and by how much: the join that the rest is built on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.units import ranges


class Marks(NamedTuple):
    """Spans in columns, (n_spans,): ``start``, ``end`` (code points, end exclusive), ``label``.

    ``group``: the item, as a rule; only spans of one group can meet.
    """

    group: Codes
    start: Codes
    end: Codes
    label: Codes


class Overlaps(NamedTuple):
    """Pairs of rows that share code points and the label, (n_pairs,) each, sorted by ``first``."""

    first: Codes
    second: Codes
    shared: Codes

    def jaccard(self, one: Marks, other: Marks) -> Floats:
        """(n_pairs,): shared code points over those of both together."""
        length = (one.end - one.start)[self.first] + (other.end - other.start)[self.second]
        return np.asarray(self.shared / (length - self.shared))


def overlaps(one: Marks, other: Marks) -> Overlaps:
    """All pairs of a span of ``one`` and a span of ``other``; neither has to be sorted."""
    values = np.unique(np.concatenate((one.start, one.end, other.start, other.end)))
    order = np.lexsort((other.end, other.start, other.group))
    # Offsets as ranks, so that group and offset fit into one number.
    n = len(values) + 1
    start = other.group[order] * n + np.searchsorted(values, other.start[order])
    end = other.group[order] * n + np.searchsorted(values, other.end[order])
    # Spans lie within each other, so ends are not sorted; their running maximum is.
    reach = np.maximum.accumulate(end) if len(end) else end
    low = np.searchsorted(reach, one.group * n + np.searchsorted(values, one.start), side="right")
    high = np.searchsorted(start, one.group * n + np.searchsorted(values, one.end), side="left")
    count = np.maximum(high - low, 0)
    first = np.repeat(np.arange(len(one.start)), count)
    second = order[ranges(low, count)]
    shared = np.minimum(one.end[first], other.end[second]) - np.maximum(
        one.start[first], other.start[second]
    )
    kept = (shared > 0) & (one.label[first] == other.label[second])
    return Overlaps(first[kept], second[kept], shared[kept])


def covered(one: Marks, other: Marks) -> Codes:
    """(len(one),): code points of each span that lie in spans of ``other`` of its label.

    Spans of ``other`` that overlap each other count once.
    """
    merged = union(other)
    pairs = overlaps(one, merged)
    total = np.zeros(len(one.start), dtype=np.int64)
    np.add.at(total, pairs.first, pairs.shared)
    return total


def union(marks: Marks) -> Marks:
    """The same code points as spans that do not overlap, by group and label."""
    order = np.lexsort((marks.end, marks.start, marks.label, marks.group))
    group, start, end, label = (column[order] for column in marks)
    if not len(group):
        return marks
    fresh = np.ones(len(group), dtype=bool)
    fresh[1:] = (group[1:] != group[:-1]) | (label[1:] != label[:-1])
    block = np.cumsum(fresh) - 1
    values, rank = np.unique(end, return_inverse=True)
    reach = values[np.maximum.accumulate(block * len(values) + rank) % len(values)]
    fresh[1:] |= start[1:] > reach[:-1]
    begins = np.flatnonzero(fresh)
    stops = np.append(begins[1:], len(group)) - 1
    return Marks(group[begins], start[begins], reach[stops], label[begins])
