"""Matching against a twin that tries everything the slow way, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.objects import Boxes, ObjectAnswers, disagreement, matching
from surelabel.consolidation.objects.matching import match
from workloads.consolidation.objects.scenes import KINDS, made_up_scene

kinds = pytest.mark.parametrize("kind", KINDS)


def answers_of(marks, n_annotators, label=None):
    """One item; ``marks``: (annotator, left, top, width, height)."""
    marks = np.array(marks, dtype=float)
    who = marks[:, 0].astype(int)
    label = np.zeros(len(marks), int) if label is None else np.array(label)
    return ObjectAnswers.of(
        np.zeros(n_annotators, int), np.arange(n_annotators), who, Boxes.of(marks[:, 1:]), label,
        1, n_annotators, int(label.max()) + 1,
    )  # fmt: skip


def clusters(answers, threshold=0.4):
    """Sets of the input rows that were joined."""
    cluster, _, _ = match(answers, threshold)
    return {frozenset(answers.row[cluster == c].tolist()) for c in np.unique(cluster)}


def slow_match(answers, threshold):
    """The rule as it is written, over all pairs of the whole input, with sets."""
    n = len(answers.answer)
    who, item = answers.mark_annotator, answers.mark_item
    a, b = np.nonzero(item[:, None] == item[None])
    similarity = answers.geometry.similarity(a, answers.geometry, b)
    other = answers.label[a] != answers.label[b]
    table = np.zeros((n, n))
    table[a, b] = np.where(other, similarity * answers.geometry.other_label, similarity)
    pairs = [
        (-table[i, j], i, j) for i in range(n) for j in range(i + 1, n)
        if item[i] == item[j] and who[i] != who[j] and table[i, j] >= threshold
    ]  # fmt: skip
    found = {i: {i} for i in range(n)}
    for _, i, j in sorted(pairs):
        one, two = found[i], found[j]
        if one is two or {who[m] for m in one} & {who[m] for m in two}:
            continue
        if np.mean([table[min(m, k), max(m, k)] for m in one for k in two]) >= threshold:
            both = one | two
            for m in both:
                found[m] = both
    return {frozenset(answers.row[sorted(group)].tolist()) for group in found.values()}


@kinds
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_clusters_are_those_of_the_slow_way(kind, seed, threshold):
    answers = made_up_scene(kind, seed, n_items=5, jitter=0.12).coded
    assert clusters(answers, threshold) == slow_match(answers, threshold)


@pytest.mark.parametrize("seed", range(3))
def test_compiled_matching_equals_the_plain_one(monkeypatch, seed):
    answers = made_up_scene("Boxes", seed, n_items=30, jitter=0.15).coded
    plain, heads, _ = match(answers, 0.3)
    monkeypatch.setattr(matching, "_MANY", 0)
    compiled, compiled_heads, _ = match(answers, 0.3)
    np.testing.assert_array_equal(plain, compiled)
    np.testing.assert_array_equal(heads, compiled_heads)


def test_only_marks_that_hang_together_without_all_being_alike_are_contested():
    # Three that agree; three in a chain, whose ends are not alike enough; one by itself.
    marks = [(0, 0, 0), (1, 0, 1), (2, 1, 0), (0, 50, 0), (1, 54, 0), (2, 58, 0), (0, 90, 0)]
    answers = answers_of([(*mark, 10, 10) for mark in marks], 3)
    pairs, starts = matching.alike(answers), answers.mark_starts
    of_item = np.searchsorted(pairs.first, starts)
    head, contested = matching.cliques(starts, of_item, *pairs, 0.4)
    assert head.tolist() == [0, 0, 0, 3, 4, 5, 6]
    assert contested.tolist() == [False] * 3 + [True] * 3 + [False]


def test_nobody_marks_an_object_twice():
    # Annotator 0 drew two boxes over the same place; only one of them is annotator 1's.
    answers = answers_of([(0, 0, 0, 10, 10), (0, 1, 0, 10, 10), (1, 1, 0, 10, 10)], 2)
    assert clusters(answers) == {frozenset({0}), frozenset({1, 2})}


def test_a_mark_between_two_objects_does_not_chain_them():
    # Each neighbour overlaps by more than .4, the ends hardly.
    answers = answers_of([(0, 0, 0, 10, 10), (1, 4, 0, 10, 10), (2, 8, 0, 10, 10)], 3)
    assert frozenset({0, 1, 2}) not in clusters(answers)


def test_people_who_mistake_the_class_mean_the_same_object_but_the_right_class_comes_first():
    same = [(0, 0, 0, 10, 10), (1, 0, 0, 10, 10)]
    assert clusters(answers_of(same, 2, [0, 1])) == {frozenset({0, 1})}
    # A rider and a horse: each finds its own kind, though the boxes of both overlap.
    both = [(0, 0, 0, 10, 10), (0, 0, 1, 10, 10), (1, 0, 0.5, 10, 10), (1, 0, 1.5, 10, 10)]
    found = clusters(answers_of(both, 2, [0, 1, 1, 0]))
    assert found == {frozenset({0, 3}), frozenset({1, 2})}


def test_two_answers_differ_by_what_is_not_matched():
    a = Boxes.of([[0, 0, 10, 10], [100, 0, 10, 10]])
    one, two = np.array([0, 1]), np.array([0, 0])
    nothing, none = Boxes.of([]), np.empty(0, int)
    assert disagreement(a, one, a, one) == 0
    assert disagreement(nothing, none, nothing, none) == 0
    assert disagreement(a, one, nothing, none) == disagreement(nothing, none, a, one) == 1
    # The second box has another label: one of two pairs is left.
    assert disagreement(a, one, a, two) == pytest.approx(0.5)
    # Half a box, and one box too many: 1 - 2 (1/2) / 3.
    half = Boxes.of([[0, 0, 10, 5]])
    assert disagreement(a, two, half, np.array([0])) == pytest.approx(1 - 2 * 0.5 / 3)
