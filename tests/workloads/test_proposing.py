"""When to try, and with what: forecasts only, nothing here decides anything."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from surelabel.certify import Account, attempt_risk, open_attempt, upper_bound
from surelabel.proposing import (
    MIN_CHANCE,
    Plan,
    _distribution,
    _most_errors,
    advise,
    fit_errors,
    score_of,
    with_levels,
)

ACCOUNT = Account(target_error_permille=50, risk_permille=50)


def advice(error: float | np.ndarray, n: int = 2_000, **more):
    score = np.linspace(0.5, 1, n)
    options = {"n_labeled": 300, "next_batch": 0} | more
    account = options.pop("account", ACCOUNT)
    return advise(score, np.broadcast_to(error, n).astype(float), account, **options)


def test_a_good_model_is_proposed_for_nearly_everything():
    plan = advice(0.005).plan
    assert plan is not None
    assert plan.position.size > 1_900
    assert 70 < plan.n_sample < 300
    assert plan.chance >= MIN_CHANCE


def test_a_poor_model_is_not():
    found = advice(0.08)
    assert (found.plan, found.reason) == (None, "NoRegionWouldPass")


def test_only_the_sure_part_is_proposed():
    error = np.where(np.arange(2_000) < 600, 0.3, 0.005)
    plan = advice(error).plan
    assert plan is not None
    assert 1_200 < plan.position.size <= 1_410
    assert plan.position.min() >= 590


def test_a_pool_too_small_to_save_anything_is_left_to_people():
    easy = Account(target_error_permille=300, risk_permille=300)
    assert advice(0.0, n=20, account=easy).plan is None
    assert advice(0.0, n=120).plan is None
    assert advise(np.empty(0), np.empty(0), ACCOUNT, n_labeled=9, next_batch=5).plan is None


def test_it_waits_while_another_batch_saves_more():
    error = np.where(np.arange(2_000) < 600, 0.1, 0.012)
    assert advice(error, n_labeled=60, next_batch=60).reason == "AnotherBatchSavesMore"
    assert advice(error, n_labeled=60, next_batch=0).reason != "AnotherBatchSavesMore"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.02])
def test_what_is_likely_to_pass_passes_as_often(share):
    plan = advice(share).plan
    assert plan is not None
    n_region = plan.position.size
    risk = attempt_risk(1, 50)
    passed = 0
    runs = 150
    wrong = round(share * n_region)
    for k in hypergeom.rvs(n_region, wrong, plan.n_sample, size=runs, random_state=3):
        bound = upper_bound(n_region, plan.n_sample, int(k), risk) - int(k)
        passed += ACCOUNT.accepts(n_region, plan.n_sample, bound)
    assert passed / runs >= MIN_CHANCE - 0.05


def test_ties_at_the_border_are_decided_by_the_items_ids():
    score, error = np.full(2_000, 0.9), np.full(2_000, 0.001)
    error[:200] = 0.5  # Some must stay out, but the score cannot tell which.
    ids = [f"item-{i}" for i in range(2_000)]
    first = advise(score, error, ACCOUNT, n_labeled=300, next_batch=0, item_ids=ids)
    order = np.random.default_rng(0).permutation(2_000)
    second = advise(
        score,
        error,
        ACCOUNT,
        n_labeled=300,
        next_batch=0,
        item_ids=[ids[i] for i in order],
    )
    if first.plan is not None:
        assert second.plan is not None
        assert {ids[i] for i in first.plan.position} == {
            ids[order[i]] for i in second.plan.position
        }


def test_levels_lie_around_the_plan_and_take_the_surest_items_first():
    score = np.linspace(0.5, 1, 2_000)
    plan = advice(np.where(np.arange(2_000) < 600, 0.3, 0.005)).plan
    assert plan is not None
    nested = with_levels(plan, score)
    assert nested.n_sample == plan.n_sample
    assert nested.level is not None
    sizes = [int((nested.level <= level).sum()) for level in range(4)]
    assert sizes == sorted(set(sizes))
    assert sizes[1] < len(plan.position) < sizes[2]
    for level in range(3):
        inside, outside = (
            score[nested.position[nested.level <= level]],
            score[nested.position[nested.level > level]],
        )
        assert inside.min() > outside.max()


def test_a_plan_of_too_few_items_has_one_threshold():
    plan = Plan(np.arange(100), n_sample=70, chance=0.9, people=70)
    assert with_levels(plan, np.linspace(0.5, 1, 101)) is plan


def test_a_plan_can_be_opened_as_an_attempt():
    plan = advice(0.005).plan
    proposal = open_attempt(ACCOUNT, plan.position, plan.n_sample, seed=1, model="m", round_=2)
    assert proposal.region_items == plan.position.size


def test_the_quick_distribution_equals_scipys():
    generator = np.random.default_rng(0)
    for _ in range(200):
        n_region = int(generator.integers(2, 500))
        wrong, sample = (int(generator.integers(0, n_region + 1)) for _ in range(2))
        errors = int(generator.integers(0, 39))
        expected = hypergeom.cdf(errors, n_region, wrong, sample)
        got = float(_distribution(errors, n_region, wrong, sample))
        # Above 39 errors the quick sum is cut off, which only makes a forecast too low.
        if min(errors, sample) <= 39:
            assert got == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("sample", [40, 100, 180, 300])
def test_the_most_errors_that_pass_agree_with_the_test_itself(sample):
    risk = attempt_risk(1, 50)
    most = int(_most_errors(1_000, np.array([sample]), ACCOUNT)[0])
    for errors in range(12):
        bound = upper_bound(1_000, sample, errors, risk) - errors
        assert ACCOUNT.accepts(1_000, sample, bound) is (errors <= most)


def test_without_uniform_items_the_models_own_word_stands():
    errors = fit_errors(np.empty(0), np.empty(0, bool))
    np.testing.assert_allclose(errors(np.array([0.9, 0.6])), [0.1, 0.4], atol=1e-6)


def test_many_uniform_items_overrule_the_model():
    generator = np.random.default_rng(2)
    score = generator.uniform(0.7, 1, 4_000)
    wrong = generator.random(4_000) < 3 * (1 - score)  # Three times as bad as it says.
    errors = fit_errors(score, wrong)(score)
    assert errors.mean() == pytest.approx(wrong.mean(), rel=0.08)


def test_what_is_not_known_of_the_errors_makes_the_sample_larger():
    known, guessed = (advice(0.01, spread=spread).plan for spread in (0.2, 0.8))
    assert known is not None and guessed is not None
    assert guessed.n_sample > known.n_sample


def test_the_curve_says_how_well_it_is_known():
    generator = np.random.default_rng(2)
    score = generator.uniform(0.7, 1, 4_000)
    wrong = generator.random(4_000) < 1 - score
    few, many = (fit_errors(score[:n], wrong[:n]).spread(score) for n in (20, 4_000))
    assert few > 0.4 > 0.25 > many


def test_it_may_pay_to_wait_for_more_than_one_batch():
    error = np.where(np.arange(2_000) < 600, 0.1, 0.012)
    assert advice(error, n_labeled=60, next_batch=10).reason == "AnotherBatchSavesMore"


def test_the_score_is_the_likeliest_classes_probability():
    assert score_of(np.array([[0.2, 0.8]])).tolist() == [0.8]
