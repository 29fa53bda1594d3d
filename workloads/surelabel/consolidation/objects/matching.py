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
    settled, join = cliques, best_first
    if _is_large(answers):
        from surelabel.consolidation.objects import matching_kernels

        settled, join = matching_kernels.compiled_cliques, matching_kernels.compiled_best_first
    known = np.arange(len(answers.answer))
    taken = np.zeros(len(known), dtype=bool)
    if answers.oracle is not None:
        taken = join_known(known, answers, Pairs(first, second, similarity), threshold)
        free = ~(taken[first] | taken[second])
        first, second, similarity = first[free], second[free], similarity[free]
    marks = answers.mark_starts
    of_item = np.searchsorted(first, marks)
    root, contested = settled(marks, of_item, first, second, similarity, threshold)
    if contested.any():
        who = answers.mark_annotator
        join(root, contested, marks, of_item, who, first, second, similarity, threshold)
    root[taken] = known[taken]
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


def cliques(
    marks: Codes,
    of_item: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    threshold: float,
) -> tuple[Codes, NDArray[np.bool_]]:
    """(n_marks,) the first mark of each mark's cluster, and which marks are left to ``best_first``.

    Marks that hang together and are all alike enough in pairs are one cluster in whichever order
    they are joined; so are most objects on which people agree. A contested mark stands for itself.
    ``marks``, ``of_item``: (n_items + 1,), where each item's marks and pairs begin.
    """
    n = int(marks[-1])
    enough = similarity >= threshold
    first, second = first[enough], second[enough]
    head = np.arange(n)
    # Pairs are sorted; of several for one place NumPy keeps the last, here the smallest.
    head[second[::-1]] = first[::-1]
    one, other = head[first], head[second]
    across = one != other
    size = np.bincount(head, minlength=n)
    spoiled = np.bincount(one, minlength=n) != size * (size - 1) // 2
    spoiled[one[across]] = spoiled[other[across]] = True
    contested = spoiled[head]
    return np.where(contested, np.arange(n), head), contested


def best_first(
    root: Codes,
    contested: NDArray[np.bool_],
    marks: Codes,
    of_item: Codes,
    annotator: Codes,
    first: Codes,
    second: Codes,
    similarity: Floats,
    threshold: float,
) -> None:
    """Write into ``root`` (n_marks,) the first mark of each contested mark's cluster; now itself.

    ``marks``, ``of_item``: (n_items + 1,), where each item's marks and pairs begin. Plain loops:
    small input runs them as they are, large input compiled, with the same result to the bit.
    """
    for item in range(len(marks) - 1):
        here = marks[item]
        if not contested[here : marks[item + 1]].any():
            continue
        begin, end = of_item[item], of_item[item + 1]
        after = np.full(marks[item + 1] - here, -1)
        row = first[begin:end]
        open_ = (similarity[begin:end] >= threshold) & contested[row]
        enough = begin + np.flatnonzero(open_)
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
                    k = begin + np.searchsorted(row, low)
                    # Pairs ascend; one that is not among them has nothing alike.
                    while k < end and first[k] == low and second[k] < high:
                        k += 1
                    if k < end and first[k] == low and second[k] == high:
                        total += similarity[k]
                    n_pairs += 1
                    c = after[c - here]
                a = after[a - here]
            if not fits or total < threshold * n_pairs:
                continue
            a = head
            while after[a - here] >= 0:
                a = after[a - here]
            after[a - here] = tail
            c = tail
            while c >= 0:
                root[c] = head
                c = after[c - here]


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
