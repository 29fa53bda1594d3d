"""Spans of one answer that overlap, sorted into layers within which none do.

A sequence of tags holds no two spans at one place. So spans that mean the same, across annotators,
form clusters; two clusters that one annotator's overlapping spans lie in must go into different
layers, and each layer is a sequence of its own. Answers without overlaps, nearly all as a rule,
need one layer, and then nothing is done.
"""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.checked import Codes
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.jaccard_clusters import cluster_spans
from surelabel.consolidation.spans.overlap import Marks, overlaps


def assign_layers(answers: SpanAnswers, *, threshold: float = 0.5) -> Codes:
    """(n_spans,): the layer of each span, from 0.

    Clusters (``threshold``: Jaccard index; same label) are placed by the number of annotators
    that they have, then the longer, then the earlier, then the lower label: each into the first
    layer where no annotator's span in it overlaps another of that annotator. So of nested spans of
    equal support the outer one comes into layer 0.
    """
    layer = np.zeros(len(answers.start), dtype=np.int64)
    crossing = _crossing(answers)
    if not len(crossing):
        return layer
    items = np.unique(answers.span_item[crossing[:, 0]])
    rows = np.flatnonzero(np.isin(answers.span_item, items))
    cluster = cluster_spans(answers, rows, threshold)
    of_span = np.full(len(layer), -1, dtype=np.int64)
    of_span[rows] = cluster
    conflicts: dict[int, set[int]] = {}
    for one, other in of_span[crossing].tolist():
        conflicts.setdefault(one, set()).add(other)
        conflicts.setdefault(other, set()).add(one)
    placed = np.zeros(cluster.max() + 1, dtype=np.int64)
    done: set[int] = set()
    for each in _by_weight(answers, rows, cluster).tolist():
        taken = {int(placed[other]) for other in conflicts.get(each, set()) & done}
        placed[each] = next(number for number in range(len(taken) + 1) if number not in taken)
        done.add(each)
    layer[rows] = placed[cluster]
    return layer


def _crossing(answers: SpanAnswers) -> Codes:
    """(n, 2): rows of two spans of one answer that overlap, whatever their labels."""
    one_label = np.zeros(len(answers.start), dtype=np.int64)
    own = Marks(answers.answer, answers.start, answers.end, one_label)
    pairs = overlaps(own, own)
    twice = pairs.first < pairs.second
    return np.stack((pairs.first[twice], pairs.second[twice]), axis=1)


def _by_weight(answers: SpanAnswers, rows: Codes, cluster: Codes) -> Codes:
    """Clusters in the order in which they are placed."""
    n = int(cluster.max()) + 1
    size = np.bincount(cluster, minlength=n)
    length = np.bincount(cluster, (answers.end - answers.start)[rows], minlength=n) / size
    start = np.bincount(cluster, answers.start[rows], minlength=n) / size
    label = np.zeros(n, dtype=np.int64)
    label[cluster] = answers.label[rows]
    return np.lexsort((label, start, -length, -size))
