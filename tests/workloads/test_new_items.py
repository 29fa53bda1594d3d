"""The binomial bound for new items: against its definition, and that it decides nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from surelabel.certify import Account, decide, open_attempt
from surelabel.new_items import clopper_pearson, new_items


def account(**more) -> Account:
    return Account(target_error_permille=50, risk_permille=50, **more)


@pytest.mark.parametrize(("n_sample", "errors"), [(59, 0), (100, 3), (1_000, 41), (5, 4)])
def test_at_the_bound_so_few_errors_are_just_as_unlikely_as_the_risk(n_sample, errors):
    bound = clopper_pearson(n_sample, errors, 0.05)
    assert binom.cdf(errors, n_sample, bound) == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize("n_sample", [0, 1, 30])
def test_of_nothing_but_errors_nothing_is_known(n_sample):
    assert clopper_pearson(n_sample, n_sample, 0.05) == 1.0


def test_a_small_region_passes_by_the_binomial_bound_but_not_by_the_exact_one():
    # 20 items are left of 79 when 59 without an error were tested.
    assert clopper_pearson(59, 0, 0.05) == pytest.approx(0.049, abs=1e-3)
    state = Account(target_error_permille=50, risk_permille=100)
    proposal = open_attempt(state, np.arange(79), 59, seed=1, model="m", round_=1)
    assert proposal.risk == 0.05
    attempt, state = decide(state, proposal, [])
    assert attempt.outcome == "Refused"
    assert new_items(state) is None


def test_the_last_region_that_passed_speaks_for_new_items():
    state = account()
    assert new_items(state) is None
    for first, errors in ((0, 0), (5_000, 2)):
        region = np.arange(first, first + 2_000)
        proposal = open_attempt(state, region, 300, seed=1, model="m", round_=1)
        _, state = decide(state, proposal, proposal.sample[:errors])
    found = new_items(state)
    assert (found.attempt, found.sample_items, found.errors) == (2, 300, 2)
    assert found.error_bound_permille == np.ceil(1000 * clopper_pearson(300, 2, 0.05))


def test_of_several_thresholds_what_passed_speaks():
    state = account()
    level = (np.arange(2_000) >= 1_500).astype(np.int8)
    proposal = open_attempt(state, np.arange(2_000), 400, seed=1, model="m", round_=1, level=level)
    late = [line for line in proposal.sample if line >= 1_500][:40]
    early = [line for line in proposal.sample if line < 1_500][:1]
    attempt, state = decide(state, proposal, late + early)
    assert attempt.passed == 1
    found = new_items(state)
    assert (found.sample_items, found.errors) == (proposal.sampled_in(1), 1)
