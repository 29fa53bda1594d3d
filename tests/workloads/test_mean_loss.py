"""Bounds of a mean loss: against grids, against what is known exactly, and how often they break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from surelabel.certify import upper_bound
from surelabel.mean_loss import LossError, betting, hoeffding_bentkus

REGION = 1_000


def bounds_of(losses, risk=0.05, target=0.05, n_region=REGION):
    return (
        hoeffding_bentkus(n_region, losses, risk),
        betting(n_region, losses, risk, target),
    )


@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_hoeffding_bentkus_is_the_largest_mean_of_a_grid_that_is_not_refuted(data):
    n = data.draw(st.integers(1, 40))
    losses = np.array(
        data.draw(st.lists(st.sampled_from([0, 0.25, 0.5, 1]), min_size=n, max_size=n))
    )
    risk = data.draw(st.sampled_from([0.01, 0.05, 0.2]))
    m = losses.mean()
    x = np.linspace(m, 1, 20_001)[1:-1]
    a = np.minimum(m, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        h = np.where(a > 0, a * np.log(a / x), 0) + (1 - a) * np.log((1 - a) / (1 - x))
    p = np.minimum(np.exp(-n * h), np.e * binom.cdf(np.ceil(n * m - 1e-9), n, x))
    likely = x[p > risk]
    expected = likely.max() if len(likely) else m
    assert hoeffding_bentkus(100, losses, risk) == pytest.approx(expected, abs=1e-4)


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_betting_is_the_largest_mean_of_a_grid_against_which_nobody_grew_rich(data):
    n = data.draw(st.integers(1, 30))
    losses = data.draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=n, max_size=n))
    target = data.draw(st.sampled_from([0.05, 0.2, 0.6]))
    n_region, risk = 50, 0.05
    likely = []
    for mean in np.linspace(0, 1, 2_001):
        wealth, most = 1.0, 1.0
        total, made_up = 0.0, [0.0, target]
        for t, loss in enumerate(losses):
            known = np.array(made_up + losses[:t])
            gap = max(target - known.mean(), 0.0)
            spread = known.var() + gap * gap
            bet = min(gap / spread, 0.99) if spread > 0 else 0.0
            growth = 1 + bet * ((mean * n_region - total) / (n_region - t) - loss)
            if growth <= 0:
                break
            wealth *= growth
            most = max(most, wealth)
            total += loss
        if most < 1 / risk:
            likely.append(mean)
    assert betting(n_region, losses, risk, target) == pytest.approx(max(likely), abs=1e-3)


def test_of_a_complete_sample_betting_knows_the_mean_to_what_is_still_uncertain():
    # All 200 of 200 were seen: no mean much above theirs is left, though losses differ.
    losses = np.tile([0.0, 0.0, 0.1, 0.3], 50)
    assert betting(200, losses, 0.05, 0.2) < 0.16
    assert losses.mean() == pytest.approx(0.1)


@pytest.mark.parametrize("errors", [0, 2, 9])
def test_neither_is_below_the_exact_bound_of_right_or_wrong(errors):
    rng = np.random.default_rng(errors)
    losses = rng.permutation(np.repeat([1.0, 0.0], [errors, 200 - errors]))
    exact = upper_bound(REGION, 200, errors, 0.05) / REGION
    for bound in bounds_of(losses, target=0.08):
        assert bound >= exact - 1e-6
        assert bound < 3 * exact + 0.05


@pytest.mark.parametrize("bound", ["HoeffdingBentkus", "betting"])
@pytest.mark.parametrize("kind", ["right or wrong", "few large", "small for all"])
def test_the_bound_is_broken_less_often_than_the_risk_says(bound, kind):
    rng = np.random.default_rng(7)
    made = {
        "right or wrong": (rng.random(300) < 0.1).astype(float),
        "few large": np.where(rng.random(300) < 0.05, rng.random(300), 0.0),
        "small for all": rng.beta(1, 12, 300),
    }[kind]
    risk, times, broken = 0.2, 400, 0
    for _ in range(times):
        losses = rng.permutation(made)[:60]
        if bound == "betting":
            found = betting(300, losses, risk, 0.15)
        else:
            found = hoeffding_bentkus(300, losses, risk)
        broken += found < made.mean()
    # The chance of more at a risk of exactly .2 is below 1e-4.
    assert broken <= binom.isf(1e-4, times, risk)
    assert broken < times


def test_small_losses_of_many_are_bounded_more_tightly_than_if_each_were_an_error():
    losses = np.full(300, 0.03)
    hoeffding, bet = bounds_of(losses, risk=0.03, target=0.05)
    assert 0.03 < bet < 0.05
    assert 0.03 < hoeffding < 0.09


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_larger_loss_never_makes_hoeffding_bentkus_smaller_nor_does_more_trust_in_a_bound(data):
    losses = data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=30))
    at = data.draw(st.integers(0, len(losses) - 1))
    more = list(losses)
    more[at] = data.draw(st.floats(losses[at], 1))
    assert hoeffding_bentkus(100, more, 0.05) >= hoeffding_bentkus(100, losses, 0.05) - 1e-12
    for low, high in zip(bounds_of(losses, 0.05), bounds_of(losses, 0.01), strict=True):
        assert high >= low - 1e-12


def test_the_region_cannot_be_bounded_below_what_was_found_in_it():
    losses = [1.0] * 5
    for bound in bounds_of(losses, n_region=10):
        assert bound >= 0.5


@pytest.mark.parametrize(
    ("losses", "words"),
    [([], "1 to 10"), ([0.1] * 11, "1 to 10"), ([0.5, 1.5], "1.5 at 1"), ([float("nan")], "nan")],
)
def test_other_losses_are_refused_with_the_rule(losses, words):
    for bound in (
        lambda: hoeffding_bentkus(10, losses, 0.05),
        lambda: betting(10, losses, 0.05, 0.1),
    ):
        with pytest.raises(LossError, match=words):
            bound()
