"""Gold items: known instances stand, and teach who finds, names and draws them how well."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.masks import InstanceAnnotators, JudgedByGold, MatchedInstances
from workloads.consolidation.masks.drawings import iou
from workloads.consolidation.masks.test_instances import answers_of, crowd, disc, full

HERE, THERE = disc(15, 15, 9), disc(42, 60, 8)


def known(*marks):
    """Gold of one item: (label, whole mask) of each instance."""
    n = len(marks)
    return [label for label, _ in marks], [mask for _, mask in marks], np.zeros((n, 2), np.int64)


def outvoted(n_items, wrong):
    """The truth is an instance of class 0 HERE; 1 and 2 both mark ``wrong``."""
    return [
        (item, who, [(0, HERE)] if who == 0 else list(wrong))
        for item in range(n_items)
        for who in range(3)
    ]


@pytest.mark.parametrize(
    "wrong",
    [[(0, THERE)], [(1, HERE)], [], [(0, disc(17, 18, 9))]],
    ids=["another place", "another class", "nothing", "another border"],
)
def test_one_who_is_right_on_gold_outvotes_two_who_are_not(wrong):
    answers = answers_of(outvoted(16, wrong), n_items=16)
    found = MatchedInstances().fit_predict(answers)
    last = np.flatnonzero(found.item == 15)
    assert len(last) == len(wrong)
    for m, (label, mask) in zip(last, wrong, strict=True):
        assert found.label[m] == label
        assert iou(full(found, m), mask) > 0.95
    gold = dict.fromkeys(range(12), known((0, HERE)))
    told = MatchedInstances().fit_predict(answers, gold=gold)
    assert told.item.tolist() == list(range(16))
    assert told.label.tolist() == [0] * 16
    for m in range(12):
        np.testing.assert_array_equal(full(told, m), HERE)
    for m in range(12, 16):
        # The border is smoothed where people disagree.
        assert iou(full(told, m), HERE) > 0.95
    assert (told.confidence[:12] == 1).all()
    assert (told.item_confidence[:12] == 1).all()
    assert (told.confidence[12:] < 1).all()


def test_what_gold_shows_is_counted_by_hand():
    marks = [
        # Finds both and invents one; finds one, by another name; marks nothing.
        (0, 0, [(0, HERE), (1, THERE), (0, disc(42, 20, 5))]),
        (0, 1, [(2, HERE)]),
        (0, 2, []),
    ]
    gold = {0: known((0, HERE), (1, THERE))}
    result = MatchedInstances().fit_predict(answers_of(marks), gold=gold)
    hits, seen, named, false, absent = result.judged.counts.tolist()
    assert (hits, seen, named) == ([2, 1, 0], [2, 2, 2], [2, 0, 0])
    assert (false, absent) == ([1, 0, 0], [1, 1, 1])
    assert result.support.tolist() == [2, 1]
    assert result.out_of.tolist() == [3, 3]
    assert result.instance.tolist() == [0, 1, -1, 0]
    np.testing.assert_allclose(result.annotators.hit_rate, [1, 1 / 2, 0])
    np.testing.assert_allclose(result.annotators.false_rate, [1 / 3, 0, np.nan])
    assert result.judged.worth.argmin() == 2
    assert result.judged.naming.argmin() == 1


def test_known_instances_stand_that_nobody_marked_or_looked_at():
    answers = answers_of([(0, 0, [(0, THERE)]), (0, 1, [])], n_items=3)
    gold = {0: known((1, HERE)), 2: known((2, HERE)), 1: known()}
    result = MatchedInstances().fit_predict(answers, gold=gold)
    assert (result.item.tolist(), result.label.tolist()) == ([0, 2], [1, 2])
    assert (result.support.tolist(), result.out_of.tolist()) == ([0, 0], [2, 0])
    assert result.item_confidence.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(full(result, 1), HERE)


def test_with_gold_other_items_are_no_worse_and_better_in_a_poor_crowd():
    drawn, poor, gold = [], [], {}
    for item in range(40):
        marks, truth = crowd(item)
        drawn += [(item, who, own) for _, who, own in marks]
        # Four of seven mark the same two false instances.
        false = [(0, disc(28, 38, 6)), (1, disc(6, 70, 4))]
        poor += [(item, who, own if who < 3 else false) for _, who, own in marks]
        if item < 10:
            gold[item] = known(*((n % 2, mask) for n, mask in enumerate(truth)))

    def f1(answers, gold):
        result = MatchedInstances().fit_predict(answers_of(answers, n_items=40), gold=gold)
        rows = np.flatnonzero(result.item >= 10)
        right = sum(
            max(iou(full(result, m), mask) for mask in truth[result.label[m] :: 2]) > 0.5
            if result.label[m] < 2
            else 0
            for m in rows
        )
        return 2 * right / (len(rows) + 30 * len(truth))

    # In a crowd of equals there is nothing to win; one instance of 120 is chance.
    assert f1(drawn, gold) > f1(drawn, {}) - 1 / 100
    assert f1(poor, gold) > f1(poor, {}) + 0.3


def test_what_gold_showed_elsewhere_counts_as_gold_here_does():
    drawn = [(item, who, own) for item in range(6) for _, who, own in crowd(item)[0]]
    gold = {item: known(*((n % 2, m) for n, m in enumerate(crowd(item)[1]))) for item in range(3)}
    together = MatchedInstances().fit_predict(answers_of(drawn, n_items=6), gold=gold)
    parts = [
        MatchedInstances().fit_predict(
            answers_of([d for d in drawn if d[0] == item], n_items=6, n_annotators=7),
            gold={item: gold[item]},
        )
        for item in range(3)
    ]
    judged = JudgedByGold.pooled([part.judged for part in parts])
    np.testing.assert_array_equal(judged.counts, together.judged.counts)
    later = answers_of([d for d in drawn if d[0] >= 3], n_items=6, n_annotators=7)
    apart = MatchedInstances().fit_predict(later, judged=judged)
    here = np.flatnonzero(together.item >= 3)
    np.testing.assert_array_equal(apart.label, together.label[here])
    np.testing.assert_array_equal(apart.support, together.support[here])
    for m, n in enumerate(here):
        assert iou(full(apart, m), full(together, n)) > 0.98
    people = InstanceAnnotators.pooled([*(part.annotators for part in parts), apart.annotators])
    assert people.n_answers.tolist() == together.annotators.n_answers.tolist()
    np.testing.assert_allclose(people.hit_rate, together.annotators.hit_rate, atol=0.15)


def test_the_order_of_answers_and_of_gold_does_not_matter():
    drawn = [(item, who, own) for item in range(4) for _, who, own in crowd(item)[0]]
    gold = {item: known(*((n % 2, m) for n, m in enumerate(crowd(item)[1]))) for item in range(2)}
    first = MatchedInstances().fit_predict(answers_of(drawn, n_items=4), gold=gold)
    backwards = [(item, who, own[::-1]) for item, who, own in drawn[::-1]]
    turned = {
        item: (labels[::-1], masks[::-1], corner)
        for item, (labels, masks, corner) in reversed(gold.items())
    }
    second = MatchedInstances().fit_predict(answers_of(backwards, n_items=4), gold=turned)
    np.testing.assert_array_equal(first.item, second.item)
    np.testing.assert_array_equal(first.judged.counts, second.judged.counts)

    def things(result):
        return sorted(
            (result.item[m], *result.box[m], result.label[m], result.mask[m].tobytes())
            for m in range(len(result.item))
        )

    assert things(first) == things(second)
