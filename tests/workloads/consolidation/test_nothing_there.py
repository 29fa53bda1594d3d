"""How sure it is that there is nothing, where nobody marked anything; worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.nothing_there import chance_of_nothing


def chances(item, marked, empty, **more):
    return chance_of_nothing(
        np.array(item, np.int64), np.array(marked, bool), np.array(empty, bool), **more
    )


def test_one_answer_of_an_unknown_person_is_four_to_one():
    # Prior one half; a quarter of what is there is missed: 0.5 / (0.5 + 0.5 / 4).
    assert chances([0], [False], [True]) == pytest.approx([0.8])


def test_the_other_items_are_the_prior():
    # Of three others one is empty: (1 + 1) / (3 + 2). Nobody looked twice, so a quarter is missed.
    found = chances([0, 1, 2, 3], [0, 0, 1, 1], [True, True, False, False])
    assert found[0] == pytest.approx(0.4 / (0.4 + 0.6 / 4))


def test_what_people_miss_shows_only_where_somebody_else_found_something():
    # Items 1 and 2, of three people: 3 and 2 found something, 1 missed it; (1 + 1) / (6 + 4).
    # Item 3 shows nothing: its only mark has nobody else's beside it, and was dropped.
    item = [0, 1, 1, 1, 2, 2, 2, 3, 3]
    marked = [0, 1, 1, 1, 1, 1, 0, 1, 0]
    found = chances(item, marked, [True, False, False, True])
    prior = (1 + 1) / (3 + 2)
    assert found[0] == pytest.approx(prior / (prior + (1 - prior) * 0.2))


def test_a_further_person_misses_half_of_what_the_first_one_missed():
    two, three = (chances([0] * n, [0] * n, [True])[0] for n in (2, 3))
    assert two == pytest.approx(0.5 / (0.5 + 0.5 * 0.25 * 1.25 / 2))
    assert three == pytest.approx(0.5 / (0.5 + 0.5 * 0.25 * 1.25 / 2 * 2.25 / 3))
    assert 0.8 < two < three < 1


def test_without_learning_an_item_stands_for_itself():
    together = chances([0, 1, 1, 2, 2], [0, 1, 0, 1, 1], [True, False, False], learn=False)
    assert together[0] == chances([0], [False], [True], learn=False)[0]


def test_an_item_that_nobody_saw_has_its_prior():
    assert chances([0], [True], [False, True])[1] == pytest.approx(1 / 3)


def test_no_answers_and_no_items_are_no_error():
    assert len(chances([], [], [])) == 0
    assert chances([], [], [True]) == pytest.approx([0.5])
