"""Several thresholds in one attempt: the procedure by hand, and its risk counted exactly."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from surelabel.account_check import StoredRegion, verify
from surelabel.certify import Account, AccountError, Attempt, Proposal, decide, open_attempt
from surelabel.nested import levels_passed
from surelabel.sampling import upper_bound


def account(eps: int = 50, delta: int = 50) -> Account:
    return Account(target_error_permille=eps, risk_permille=delta)


def opened(state: Account, sizes: tuple[int, ...], n_sample: int, seed: int = 1) -> Proposal:
    """Levels of these sizes over lines 0, 1, 2, ..., the first lines the strictest."""
    level = np.searchsorted(np.array(sizes), np.arange(sizes[-1]), side="right")
    return open_attempt(
        state,
        np.arange(sizes[-1]),
        n_sample,
        seed=seed,
        model="m",
        round_=1,
        level=level.astype(np.int8),
    )


def sampled(proposal: Proposal, level: int, count: int) -> list[int]:
    pairs = zip(proposal.sample, proposal.sample_level, strict=True)
    return [line for line, of in pairs if of == level][:count]


def test_what_each_level_may_be_charged_is_fixed_with_the_draw():
    proposal = opened(account(), (1_000, 1_500, 2_000), 300)
    assert [level.items for level in proposal.levels] == [1_000, 1_500, 2_000]
    assert [level.allowed for level in proposal.levels] == [35, 60, 85]
    assert len(proposal.sample_level) == 300
    assert proposal.sampled_in(3) == 300


def test_without_errors_all_levels_pass_and_the_bound_of_the_last_is_charged():
    state = account()
    proposal = opened(state, (1_000, 1_500, 2_000), 300)
    attempt, after = decide(state, proposal, [])
    assert (attempt.outcome, attempt.passed) == ("Accepted", 3)
    assert attempt.bound == upper_bound(2_000, 300, 0, proposal.risk)
    assert after.machine_labels == 1_700


def test_errors_in_the_last_level_leave_the_ones_before_it_and_charge_all_they_may_have():
    state = account()
    proposal = opened(state, (1_000, 1_500, 2_000), 300)
    attempt, after = decide(state, proposal, sampled(proposal, 2, 30))
    assert (attempt.outcome, attempt.passed) == ("Accepted", 2)
    # What the level would be bounded by alone is less, but is not proved.
    assert attempt.bound == 60 > upper_bound(1_500, proposal.sampled_in(2), 0, proposal.risk)
    assert after.machine_labels == 1_500 - proposal.sampled_in(2)
    assert after.holds


def test_found_errors_are_not_subtracted_before_a_level_is_compared():
    state = account()
    proposal = opened(state, (500, 1_000), 200)
    allowed = proposal.levels[-1].allowed
    for errors in range(20):
        wrong = sampled(proposal, 1, errors)
        attempt, _ = decide(state, proposal, wrong)
        whole = upper_bound(1_000, 200, len(wrong), proposal.risk)
        assert (attempt.passed == 2) is (whole <= allowed)


def test_the_first_level_that_fails_ends_it_whatever_later_ones_would_do():
    state = account()
    proposal = opened(state, (1_500, 3_000), 400)
    # Enough errors for the small level, few enough for the large one.
    wrong = sampled(proposal, 0, 7)
    assert upper_bound(3_000, 400, 7, proposal.risk) <= proposal.levels[1].allowed
    attempt, _ = decide(state, proposal, wrong)
    assert attempt.outcome == "Refused"


def test_the_start_is_the_strictest_level_that_passes_without_an_error():
    state = account()
    # Of the first level hardly anything is sampled: it could not pass, so it is not tested.
    proposal = opened(state, (40, 2_000), 150)
    attempt, _ = decide(state, proposal, sampled(proposal, 0, 2))
    assert attempt.passed == 2


def test_a_level_without_a_sample_does_not_pass():
    state = account(eps=500)
    proposal = opened(state, (500, 1_000), 100)
    assert levels_passed(proposal, []) == 2
    # By bad luck nothing of the first level was drawn.
    unlucky = proposal.model_copy(update={"sample_level": (1,) * 100})
    assert levels_passed(unlucky, []) == 0


def _outcomes(proposal: Proposal, sizes: tuple[int, ...], n_sample: int):
    """By the errors found in each ring: levels passed."""
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}

    def passed(level_counts: tuple[int, ...], errors: tuple[int, ...]) -> int:
        key = (level_counts, errors)
        if key not in found:
            of = [ring for ring, count in enumerate(level_counts) for _ in range(count)]
            sample = tuple(range(n_sample))
            case = proposal.model_copy(update={"sample": sample, "sample_level": tuple(of)})
            wrong, start = [], 0
            for ring, count in enumerate(level_counts):
                wrong += range(start, start + errors[ring])
                start += count
            found[key] = levels_passed(case, wrong)
        return found[key]

    return passed


@pytest.mark.parametrize(
    ("sizes", "n_sample", "allowed"),
    [((4, 7, 11), 5, (1, 2, 3)), ((5, 10), 6, (1, 2)), ((3, 6, 9, 12), 6, (1, 2, 2, 4))],
)
def test_of_all_samples_no_more_than_the_risk_end_wrongly(sizes, n_sample, allowed):
    """For every way in which errors can lie in the levels, over every possible sample."""
    risk = 0.15
    proposal = opened(account(eps=500), sizes, n_sample)
    levels = tuple(
        level.model_copy(update={"allowed": most})
        for level, most in zip(proposal.levels, allowed, strict=True)
    )
    proposal = proposal.model_copy(update={"levels": levels, "risk": risk})
    passed = _outcomes(proposal, sizes, n_sample)
    rings = np.diff((0, *sizes))
    ring_of = np.repeat(np.arange(len(sizes)), rings)
    samples = np.array(list(combinations(range(sizes[-1]), n_sample)))
    worst = 0.0
    for errors in product(*(range(int(ring) + 1) for ring in rings)):
        is_wrong = np.concatenate(
            [np.arange(int(ring)) < count for ring, count in zip(rings, errors, strict=True)]
        )
        wrong_up_to = np.cumsum(errors)
        in_ring = np.stack([(ring_of[samples] == r).sum(axis=1) for r in range(len(sizes))], axis=1)
        bad_in_ring = np.stack(
            [((ring_of[samples] == r) & is_wrong[samples]).sum(axis=1) for r in range(len(sizes))],
            axis=1,
        )
        cases, counts = np.unique(
            np.concatenate((in_ring, bad_in_ring), axis=1), axis=0, return_counts=True
        )
        broken = 0
        for case, count in zip(cases.tolist(), counts.tolist(), strict=True):
            sampled_, bad = tuple(case[: len(sizes)]), tuple(case[len(sizes) :])
            level = passed(sampled_, bad)
            if level == len(sizes):
                is_broken = wrong_up_to[-1] > upper_bound(sizes[-1], n_sample, sum(bad), risk)
            else:
                is_broken = level > 0 and wrong_up_to[level - 1] > allowed[level - 1]
            broken += count * int(is_broken)
        worst = max(worst, broken / len(samples))
    assert 0 < worst <= risk


def test_a_record_of_levels_is_verified():
    state = account()
    proposal = opened(state, (1_000, 1_500, 2_000), 300)
    _, state = decide(state, proposal, sampled(proposal, 2, 30))
    level = np.searchsorted([1_000, 1_500, 2_000], np.arange(2_000), side="right")
    region = StoredRegion(np.arange(2_000), level)
    assert verify(state, {1: region}) == []
    assert verify(state, {1: StoredRegion(region.line)}) != []
    moved = StoredRegion(region.line, np.where(region.line == 1_700, 1, level))
    assert any("levels of its region" in problem for problem in verify(state, {1: moved}))


def _forged(state: Account, **update) -> Account:
    first: Attempt = state.attempts[0]
    return state.model_copy(update={"attempts": (first.model_copy(update=update),)})


def test_a_forged_charge_or_level_is_found():
    state = account()
    proposal = opened(state, (1_000, 1_500, 2_000), 300)
    _, state = decide(state, proposal, sampled(proposal, 2, 30))
    assert any("passed is 3" in p for p in verify(_forged(state, passed=3)))
    assert any("bound is 50" in p for p in verify(_forged(state, bound=50)))
    levels = (
        *proposal.levels[:2],
        proposal.levels[2].model_copy(update={"allowed": 500}),
    )
    more = proposal.model_copy(update={"levels": levels})
    problems = verify(_forged(state, proposal=more))
    assert any("level 2 may be charged with at most 85 errors; got 500" in p for p in problems)


@pytest.mark.parametrize(
    ("level", "words"),
    [([0] * 9, "needs a level"), ([0, 2] * 5, "none of them empty"), ([-1, 0] * 5, "from 0")],
)
def test_levels_that_are_no_nested_regions_are_refused(level, words):
    with pytest.raises(AccountError, match=words):
        open_attempt(account(), np.arange(10), 3, seed=1, model="m", round_=1, level=level)


def _job(rng: np.random.Generator, eps: int, delta: int) -> bool:
    """Attempts with levels of which many are a little worse than allowed; broken at any moment?"""
    state, wrong_labels, broken = account(eps, delta), 0, False
    for _ in range(4):
        sizes = (500, 700, 900)
        proposal = opened(state, sizes, int(rng.choice([100, 150])), seed=int(rng.integers(2**31)))
        is_wrong = np.zeros(sizes[-1], bool)
        for start, end in zip((0, *sizes), sizes, strict=False):
            share = eps / 1000 * rng.choice([0.8, 1.2, 2.0])
            count = int(np.ceil(share * (end - start)))
            is_wrong[rng.choice(np.arange(start, end), count, replace=False)] = True
        sample = np.array(proposal.sample)
        attempt, state = decide(state, proposal, sample[is_wrong[sample]].tolist())
        if attempt.outcome == "Accepted":
            end = sizes[attempt.passed - 1]
            rest = np.setdiff1d(np.arange(end), sample)
            assert attempt.machine_labels == len(rest)
            wrong_labels += int(is_wrong[rest].sum())
        broken |= 1000 * wrong_labels > eps * state.machine_labels
    return broken


@pytest.mark.parametrize(("eps", "delta"), [(50, 100), (100, 50)])
def test_adversaries_break_the_promise_no_more_often_than_agreed(eps, delta):
    rng = np.random.default_rng([eps, delta])
    runs = 300
    broken = sum(_job(rng, eps, delta) for _ in range(runs))
    limit = delta / 1000 * runs + 3.1 * np.sqrt(runs * delta / 1000 * (1 - delta / 1000))
    assert broken <= limit
