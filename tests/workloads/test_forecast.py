"""What going on with models is predicted to save, and when it is said that it does not pay."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.certify import Account
from surelabel.forecast import predicted_saving
from surelabel.learning_curve import LearningPoint, PowerLaw, fit_power_law

ACCOUNT = Account(target_error_permille=50, risk_permille=50)
RNG = np.random.default_rng(0)
# Sure of most of 2,000 items, and right about as often: 2.4 % wrong.
EASY = RNG.beta(0.2, 8, 2_000)
# 30 % wrong, and nowhere less than a few percent.
HARD = RNG.beta(3, 7, 2_000)


def law(*counts: tuple[int, int, int]) -> PowerLaw:
    return fit_power_law(
        [
            LearningPoint(round=k, labels=labels, items=items, wrong=wrong)
            for k, (labels, items, wrong) in enumerate(counts, start=1)
        ]
    )


LEARNS = law((200, 50, 5), (400, 100, 6), (600, 150, 6))
PLATEAU = law((200, 50, 15), (400, 100, 31), (600, 150, 46))


def test_a_good_model_saves_most_of_the_pool() -> None:
    found = predicted_saving(EASY, ACCOUNT, LEARNS, n_labeled=600, batch=200)
    assert 0 < found.low <= found.likely <= found.high < 2_000
    assert found.likely > 1_200
    assert found.may_pay(2_600)


def test_a_plateau_far_above_the_target_does_not_pay() -> None:
    found = predicted_saving(HARD, ACCOUNT, PLATEAU, n_labeled=600, batch=200)
    assert (found.low, found.likely, found.high) == (0, 0, 0)
    assert not found.may_pay(2_600)


@pytest.mark.parametrize("models", [1, 2])
def test_nothing_is_concluded_from_fewer_than_three_models(models: int) -> None:
    curve = law(*[(200 * k, 50 * k, 15 * k) for k in range(1, models + 1)])
    found = predicted_saving(HARD, ACCOUNT, curve, n_labeled=200 * models, batch=200)
    assert found.high == 0
    assert found.may_pay(2_600)


def test_a_curve_that_still_falls_goes_on() -> None:
    """Nothing would pass now, but later something may."""
    pool = np.random.default_rng(1).beta(2, 8, 20_000)
    curve = law((200, 50, 20), (400, 100, 27), (600, 150, 31))
    now = predicted_saving(pool, ACCOUNT, curve, n_labeled=600, batch=200, rounds_left=0)
    later = predicted_saving(pool, ACCOUNT, curve, n_labeled=600, batch=200)
    assert now.likely < later.likely
    assert later.may_pay(20_600)


def test_no_round_left_is_no_later() -> None:
    found = predicted_saving(EASY, ACCOUNT, LEARNS, n_labeled=600, batch=200, rounds_left=0)
    more = predicted_saving(EASY, ACCOUNT, LEARNS, n_labeled=600, batch=200, rounds_left=8)
    assert found.likely <= more.likely


def test_a_batch_that_is_the_whole_pool_leaves_nothing_to_save_later() -> None:
    found = predicted_saving(EASY[:100], ACCOUNT, LEARNS, n_labeled=600, batch=500)
    assert found.high < 100


def test_the_order_of_the_items_does_not_matter() -> None:
    one = predicted_saving(EASY, ACCOUNT, LEARNS, n_labeled=600, batch=200)
    other = predicted_saving(EASY[::-1], ACCOUNT, LEARNS, n_labeled=600, batch=200)
    assert one == other
