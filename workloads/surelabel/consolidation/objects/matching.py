"""Which marks of different annotators are the same object.

Marks that are alike are joined, the most alike first, where the two clusters have no annotator in
common (nobody marks an object twice) and are alike on average (average linkage): one mark between
two objects cannot chain them together. Where the objects of an item are known, a mark's likeness to
them decides alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.answers import ObjectAnswers
from surelabel.consolidation.objects.geometry import Codes, Floats, Pairs
from surelabel.consolidation.objects.groups import pairs_within

# Pairs of marks in the same item from which compiling the loops pays.
_MANY = 500_000


def match(answers: ObjectAnswers, threshold: float) -> tuple[Codes, Codes, Pairs]:
    """(n_marks,) the cluster of each mark, (n_clusters,) each cluster's first mark, ``alike``.

    Clusters are numbered in the order of their first marks, so by item. Pairs of different labels
    are as alike as ``geometry.other_label`` times their similarity. Ties: marks in the order of
    their coordinates.
    """
    pairs = alike(answers)
    first, second, similarity = pairs
    if answers.n_classes > 1:
        other = answers.label[first] != answers.label[second]
        similarity = np.where(other, similarity * answers.geometry.other_label, similarity)
    join = best_first
    if _is_large(answers):
        from surelabel.consolidation.objects.matching_kernels import compiled_best_first

        join = compiled_best_first
    root = np.arange(len(answers.answer))
    if answers.oracle is not None:
        taken = join_known(root, answers, Pairs(first, second, similarity), threshold)
        free = ~(taken[first] | taken[second])
        first, second, similarity = first[free], second[free], similarity[free]
    if len(first):
        starts = np.searchsorted(first, answers.mark_starts)
        join(root, answers.mark_annotator, first, second, similarity, starts, threshold)
    heads = np.flatnonzero(root == np.arange(len(root)))
    number = np.empty(len(root), np.int64)
    number[heads] = np.arange(len(heads))
    return number[root], heads, pairs


def join_known(
    root: Codes, answers: ObjectAnswers, pairs: Pairs, threshold: float
) -> NDArray[np.bool_]:
    """(n_marks,): which marks are known objects, or marks of one; ``root`` gets their first marks.

    A mark is of the known object that it is most like, if by ``threshold`` or more, the most alike
    first, and one of each annotator for each object. Ties: marks in the order of their coordinates.
    """
    known = ~answers.by_people
    first, second, similarity = pairs
    told = np.flatnonzero((known[first] | known[second]) & (similarity >= threshold))
    told = told[np.argsort(-similarity[told], kind="stable")]
    is_first = known[first[told]]
    objects = np.where(is_first, first[told], second[told]).tolist()
    marks = np.where(is_first, second[told], first[told])
    taken, owner = known.copy(), np.arange(len(root))
    served: set[tuple[int, int]] = set()
    people = answers.mark_annotator[marks].tolist()
    for object_, mark, who in zip(objects, marks.tolist(), people, strict=True):
        if not taken[mark] and (object_, who) not in served:
            served.add((object_, who))
            taken[mark] = True
            owner[mark] = object_
    rows = np.flatnonzero(taken)
    head = np.arange(len(root))
    np.minimum.at(head, owner[rows], rows)
    root[rows] = head[owner[rows]]
    return taken


def alike(answers: ObjectAnswers) -> Pairs:
    """All pairs of marks of the same item that overlap, whatever their labels."""
    geometry = answers.geometry
    bounds = geometry.bounds()
    overlapping = _overlapping
    if _is_large(answers):
        from surelabel.consolidation.objects import matching_kernels

        overlapping = matching_kernels.overlapping
    first, second = overlapping(bounds, answers.mark_annotator, answers.mark_starts)
    return Pairs(first, second, geometry.similarity(first, geometry, second))


def best_first(
    root: Codes,
    annotator: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    starts: Codes,
    threshold: float,
) -> None:
    """Write into ``root`` (n_marks,), now 0, 1, ..., the first mark of each mark's cluster.

    ``starts``: where each item's pairs begin. Plain loops: small input runs them as they are, large
    input compiled, with the same result to the bit.
    """
    after = np.full(len(root), -1)
    row_starts = np.zeros(len(root) + 1, np.int64)
    row_starts[1:] = np.cumsum(np.bincount(first, minlength=len(root)))
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        enough = begin + np.flatnonzero(similarity[begin:end] >= threshold)
        # The sort is stable: of equally alike pairs the first comes first.
        for pair in enough[np.argsort(-similarity[enough], kind="mergesort")]:
            one, other = root[first[pair]], root[second[pair]]
            if one == other:
                continue
            # The smaller is the head, so that clusters are numbered by their first marks.
            head, tail = min(one, other), max(one, other)
            total, n_pairs, fits = 0.0, 0, True
            a = head
            while a >= 0 and fits:
                c = tail
                while c >= 0:
                    if annotator[a] == annotator[c]:
                        fits = False
                        break
                    low, high = min(a, c), max(a, c)
                    k = row_starts[low]
                    # A row ascends; a pair that is not in it has nothing alike.
                    while k < row_starts[low + 1] and second[k] < high:
                        k += 1
                    if k < row_starts[low + 1] and second[k] == high:
                        total += similarity[k]
                    n_pairs += 1
                    c = after[c]
                a = after[a]
            if not fits or total < threshold * n_pairs:
                continue
            a = head
            while after[a] >= 0:
                a = after[a]
            after[a] = tail
            c = tail
            while c >= 0:
                root[c] = head
                c = after[c]


def _overlapping(bounds: Floats, annotator: Codes, starts: Codes) -> tuple[Codes, Codes]:
    """Pairs of marks of one item and different annotators whose bounds are not apart, sorted."""
    first, second = pairs_within(starts)
    kept = annotator[first] != annotator[second]
    first, second = first[kept], second[kept]
    a, b = bounds[first], bounds[second]
    apart = np.maximum(a[:, :2], b[:, :2]) > np.minimum(a[:, 2:], b[:, 2:])
    near = ~apart.any(axis=1)
    return first[near], second[near]


def _is_large(answers: ObjectAnswers) -> bool:
    size = np.diff(answers.mark_starts)
    return int((size * (size - 1)).sum()) // 2 > _MANY
