"""How sure it is that an item has nothing: worked out by hand, and on made-up crowds."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.nothing_there import chance_of_nothing


def chances(item, marked, n_items=1, **more):
    return chance_of_nothing(
        np.array(item, np.int64), np.array(marked, bool), n_items, **more
    ).tolist()


def odds(nothing: float, something: float) -> float:
    return nothing / (nothing + something)


def test_without_learning_it_is_bayes_rule_on_what_is_taken_for_granted():
    # Half of all items have nothing; there 5 % mark something, elsewhere a quarter misses all.
    assert chances([0], [0], learn=False) == pytest.approx([odds(0.95, 0.25)])
    # Who follows one that missed it misses it with (1/4 + 1) / (1 + 1).
    both_miss = 0.25 * 1.25 / 2
    assert chances([0, 0], [0, 0], learn=False) == pytest.approx([odds(0.95**2, both_miss)])
    # One of two: the order does not matter.
    one = odds(0.05 * 0.95, 0.25 * 0.75 / 2)
    assert chances([0, 0], [0, 1], learn=False) == pytest.approx([one])
    assert chances([0, 0], [1, 0], learn=False) == pytest.approx([one])


def test_without_learning_an_item_stands_for_itself():
    together = chances([0, 1, 1, 2, 2], [0, 1, 0, 1, 1], 3, learn=False)
    assert together[0] == chances([0], [0], learn=False)[0]


def test_one_answer_is_no_certainty_and_more_are_more():
    (alone,), (three,) = chances([0], [0]), chances([0] * 3, [0] * 3)
    assert 0.75 < alone < three < 0.97


def test_it_is_surer_where_items_without_anything_are_common():
    def first(others_empty: bool) -> float:
        item = np.repeat(np.arange(101), 3)
        marked = np.full(303, not others_empty)
        marked[:3] = False
        return chance_of_nothing(item, marked, 101).tolist()[0]

    assert 0.8 < first(others_empty=False) < 0.95 < 0.99 < first(others_empty=True)


def test_what_some_marked_is_less_sure_to_be_nothing():
    marks = [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    found = chances(np.repeat(np.arange(4), 4), np.ravel(marks), 4)
    assert found == sorted(found, reverse=True)
    assert found[3] < 0.01


# Two people's marks alone do not tell the three shares apart, so it leans on what it takes for
# granted.
@pytest.mark.parametrize(("people", "off"), [(2, 0.15), (3, 0.06), (6, 0.06)])
def test_on_a_made_up_crowd_it_is_right_as_often_as_it_says(people, off):
    rng = np.random.default_rng(4)
    n = 20_000
    empty = rng.random(n) < 0.25
    # Hard items are missed by most, easy ones by few.
    miss = rng.beta(0.1, 0.9, n)
    chance_to_mark = np.where(empty, 0.03, 1 - miss)
    marked = rng.random((n, people)) < chance_to_mark[:, None]
    found = chance_of_nothing(np.repeat(np.arange(n), people), marked.ravel(), n)
    for count in range(people + 1):
        there = marked.sum(axis=1) == count
        if there.sum() > 300:
            assert found[there].mean() == pytest.approx(empty[there].mean(), abs=off)


def test_the_order_of_items_and_answers_does_not_matter():
    rng = np.random.default_rng(1)
    item, marked = rng.integers(0, 40, 200), rng.random(200) < 0.6
    order, renamed = rng.permutation(200), rng.permutation(40)
    found = chance_of_nothing(item, marked, 40)
    again = chance_of_nothing(renamed[item[order]], marked[order], 40)
    np.testing.assert_array_equal(again[renamed], found)


def test_an_item_that_nobody_saw_has_the_share_of_all():
    seen, unseen = chances([0], [1], 2)
    assert seen < 0.1
    assert 0.1 < unseen < 0.5


def test_no_answers_and_no_items_are_no_error():
    assert chances([], [], 0) == []
    assert chances([], []) == pytest.approx([0.5])
