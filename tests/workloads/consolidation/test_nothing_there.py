"""How sure it is that there is nothing, where nobody marked anything; worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.nothing_there import chance_of_nothing


def chances(item, annotator, hit_rate, empty, **more):
    return chance_of_nothing(
        np.array(item), np.array(annotator), np.array(hit_rate, float), np.array(empty), **more
    )


def test_one_answer_of_an_unknown_person_is_two_to_one():
    # Prior one half, and one half of what is there is missed: 0.5 / (0.5 + 0.5 * 0.5).
    assert chances([0], [0], [np.nan], [True]) == pytest.approx([2 / 3])


def test_the_other_items_are_the_prior():
    # Of three others one is empty: (1 + 1) / (3 + 2); the person misses a tenth.
    found = chances([0, 1, 2, 3], [0] * 4, [0.9], [True, True, False, False])
    assert found[0] == pytest.approx(0.4 / (0.4 + 0.6 * 0.1))
    # Of an item that has something the prior counts two empty ones.
    assert found[2] == pytest.approx(0.6 / (0.6 + 0.4 * 0.1))


def test_more_people_who_miss_little_make_it_sure():
    alone, five = (chances([0] * n, range(n), [0.8] * n, [True])[0] for n in (1, 5))
    assert alone == pytest.approx(0.5 / (0.5 + 0.5 * 0.2))
    assert five == pytest.approx(0.5 / (0.5 + 0.5 * 0.2**5))


def test_people_who_find_everything_still_leave_a_doubt():
    assert chances([0], [0], [1.0], [True]) == pytest.approx([1 / 1.01])


def test_without_learning_an_item_stands_for_itself():
    together = chances([0, 1, 2], [0, 0, 0], [0.7], [True, False, False], learn=False)
    alone = chances([0], [0], [0.7], [True], learn=False)
    assert together[0] == alone[0]


def test_an_item_that_nobody_saw_has_its_prior():
    assert chances([0], [0], [0.9], [False, True])[1] == pytest.approx(1 / 3)
