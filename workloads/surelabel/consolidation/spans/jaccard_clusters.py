"""Clusters of spans that mean the same, and the span that speaks for each.

What the article on Ground Truth describes, with every choice by rule: spans are put together by
their Jaccard index, a cluster that enough annotators are in is kept, its start and end are the
commonest ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans import linkage
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.base import Learned, SpanMethod
from surelabel.consolidation.spans.overlap import Marks, overlaps
from surelabel.consolidation.spans.result import SpanAnnotators

_TIE = 1e-9
# From so many pairs of overlapping spans on, compiling the loop pays.
_COMPILE_FROM = 20_000


@dataclass
class JaccardClusters(SpanMethod):
    """``threshold``: mean Jaccard index from which two clusters are one. ``least``: the weight of
    a cluster's annotators, over that of all who answered the item, from which it is kept.

    Ties: between two commonest starts or ends the lower weighted median; of two equally heavy
    clusters that overlap the longer stays, then the earlier, then the lower label.

    ``weighted``: annotators count as much as they agree with the others (relaxed F1 with the
    unweighted result), else all alike.
    """

    threshold: float = 0.5
    least: float = 0.5
    weighted: bool = True

    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        if not len(answers.start):
            nothing = np.empty(0, np.int64)
            marks = Marks(nothing, nothing, nothing, nothing)
            return Learned.without_model(marks, np.empty(0), answers)
        cluster = cluster_spans(answers, np.arange(len(answers.start)), self.threshold)
        weight = np.ones(answers.n_annotators)
        if frozen is not None:
            weight = _weights(frozen.agreement)
        elif self.weighted:
            even = JaccardClusters(self.threshold, self.least, weighted=False)
            weight = _weights(even.fit_predict(answers).annotators.agreement)
        marks, confidence = _speak(answers, cluster, weight, self.least)
        return Learned.without_model(marks, confidence, answers)


def cluster_spans(answers: SpanAnswers, rows: Codes, threshold: float) -> Codes:
    """(len(rows),): the cluster of each of these spans, numbered from 0.

    Spans of one item and label, at most one of each answer; pairs are joined from the highest
    Jaccard index down, while the mean index between the two clusters is ``threshold`` or more.
    Equal pairs go by their offsets.
    """
    start, end, answer = answers.start[rows], answers.end[rows], answers.answer[rows]
    own = Marks(answers.item[answer], start, end, answers.label[rows])
    pairs = overlaps(own, own)
    jaccard = pairs.jaccard(own, own)
    kept = (pairs.first < pairs.second) & (jaccard > 0)
    kept &= answer[pairs.first] != answer[pairs.second]
    first, second, jaccard = pairs.first[kept], pairs.second[kept], jaccard[kept]
    low = np.minimum(start[first], start[second])
    high = np.maximum(end[first], end[second])
    order = np.lexsort((second, first, high, low, -jaccard))
    root = np.arange(len(rows))
    last, following = root.copy(), np.full(len(rows), -1, np.int64)
    link = _compiled_link() if len(order) >= _COMPILE_FROM else linkage.link
    link(first[order], second[order], start, end, answer, threshold, root, following, last)
    return np.unique(root, return_inverse=True)[1]


@cache
def _compiled_link() -> Callable[..., None]:
    from surelabel.consolidation.compiled import compiled

    return compiled(linkage.link)


def _weights(agreement: Floats) -> Floats:
    """Nobody counts for nothing, and who is not known counts as the others do."""
    known = agreement[~np.isnan(agreement)]
    usual = float(known.mean()) if len(known) else 1.0
    return np.maximum(np.nan_to_num(agreement, nan=usual), 0.05)


def _speak(
    answers: SpanAnswers, cluster: Codes, weight: Floats, least: float
) -> tuple[Marks, Floats]:
    """One span for each cluster that is kept, and its share of the weight."""
    n = int(cluster.max()) + 1
    own = weight[answers.span_annotator]
    item, label = np.zeros(n, np.int64), np.zeros(n, np.int64)
    item[cluster], label[cluster] = answers.span_item, answers.label
    everybody = np.bincount(answers.item, weight[answers.annotator], minlength=answers.n_items)
    share = np.bincount(cluster, own, minlength=n) / everybody[item]
    start, start_unique = _mode(cluster, answers.start, own, n)
    end, end_unique = _mode(cluster, answers.end, own, n)
    middle = _median(cluster, answers.start, own, n), _median(cluster, answers.end, own, n)
    start, end = np.where(start_unique, start, middle[0]), np.where(end_unique, end, middle[1])
    # Modes of start and end may come from different answers and cross; medians never do.
    crossed = end <= start
    start[crossed], end[crossed] = middle[0][crossed], middle[1][crossed]
    marks = Marks(item, start, end, label)
    kept = np.flatnonzero(share >= least - _TIE)
    kept = kept[_heaviest(answers, cluster, marks, share, kept)]
    # Two clusters may come to the same span; the heavier speaks for both.
    kept = kept[np.lexsort((-share[kept], label[kept], end[kept], start[kept], item[kept]))]
    same = np.zeros(len(kept), dtype=bool)
    rows = np.stack([column[kept] for column in marks])
    same[1:] = (rows[:, 1:] == rows[:, :-1]).all(axis=0)
    kept = kept[~same]
    return Marks(*(column[kept] for column in marks)), np.minimum(share[kept], 1.0)


def _mode(cluster: Codes, value: Codes, weight: Floats, n: int) -> tuple[Codes, np.ndarray]:
    """The heaviest value of each cluster, and whether no other is as heavy."""
    values, rank = np.unique(value, return_inverse=True)
    keys, of = np.unique(cluster * len(values) + rank, return_inverse=True)
    total = np.bincount(of, weight)
    owner = keys // len(values)
    best = np.zeros(n)
    np.maximum.at(best, owner, total)
    top = np.flatnonzero(total >= best[owner] - _TIE)
    found = np.zeros(n, np.int64)
    found[owner[top][::-1]] = values[keys[top] % len(values)][::-1]
    return found, np.bincount(owner[top], minlength=n) == 1


def _median(cluster: Codes, value: Codes, weight: Floats, n: int) -> Codes:
    """The lower weighted median of each cluster."""
    order = np.lexsort((value, cluster))
    of, total = cluster[order], np.cumsum(weight[order])
    begins = np.searchsorted(of, np.arange(n))
    before = np.concatenate(([0.0], total))[begins]
    whole = np.bincount(cluster, weight, minlength=n)
    reached = np.flatnonzero(total - before[of] >= whole[of] / 2 - _TIE)
    found = np.zeros(n, np.int64)
    found[of[reached][::-1]] = value[order][reached][::-1]
    return found


def _heaviest(
    answers: SpanAnswers, cluster: Codes, marks: Marks, share: Floats, kept: Codes
) -> Codes:
    """Places in ``kept`` that stay: of two that overlap the heavier, unless an answer has both.

    Of equals the longer, then the earlier, then the lower label stays.
    """
    item, start, end, label = (column[kept] for column in marks)
    anything = Marks(item, start, end, np.zeros_like(label))
    pairs = overlaps(anything, anything)
    crossing = pairs.first < pairs.second
    gone = np.zeros(len(kept), dtype=bool)
    if not crossing.any():
        return np.arange(len(kept))
    weight = np.round(share[kept] / _TIE) * _TIE
    rank = np.empty(len(kept), np.int64)
    rank[np.lexsort((label, start, start - end, -weight))] = np.arange(len(kept))
    members: dict[int, set[int]] = {}
    at = np.searchsorted(kept, cluster) if len(kept) else cluster
    wanted = set(pairs.first[crossing].tolist()) | set(pairs.second[crossing].tolist())
    inside = (at < len(kept)) & (kept[np.minimum(at, len(kept) - 1)] == cluster)
    for place, answer in zip(at[inside].tolist(), answers.answer[inside].tolist(), strict=True):
        if place in wanted:
            members.setdefault(place, set()).add(answer)
    both = np.stack((pairs.first[crossing], pairs.second[crossing]), axis=1)
    strong = np.take_along_axis(both, rank[both].argmin(axis=1)[:, None], axis=1)[:, 0]
    weak = both.sum(axis=1) - strong
    for heavy, light in np.stack((strong, weak), axis=1)[np.argsort(rank[strong])].tolist():
        if not gone[heavy] and not members[heavy] & members[light]:
            gone[light] = True
    return np.flatnonzero(~gone)
