"""The promise: the bound against brute force, the account's rules, and simulated adversaries."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from surelabel.account_check import verify
from surelabel.certify import (
    Account,
    AccountError,
    Attempt,
    Correction,
    abandon,
    attempt_risk,
    correct,
    decide,
    draw,
    open_attempt,
    region_digest,
    upper_bound,
    withdraw_until_it_holds,
)


def account(eps: int = 50, delta: int = 50, **more) -> Account:
    return Account(target_error_permille=eps, risk_permille=delta, **more)


def proposed(state: Account, n_region: int, n_sample: int, first: int = 0, seed: int = 1):
    region = np.arange(first, first + n_region)
    return open_attempt(state, region, n_sample, seed=seed, model="m", round_=1)


def accepted(state: Account, n_region: int = 2_000, n_sample: int = 200, first: int = 0) -> Account:
    attempt, state = decide(state, proposed(state, n_region, n_sample, first), [])
    assert attempt.outcome == "Accepted"
    return state


def exact_distribution(errors: int, n_region: int, wrong: int, n_sample: int) -> float:
    ways = sum(
        math.comb(wrong, i) * math.comb(n_region - wrong, n_sample - i) for i in range(errors + 1)
    )
    return ways / math.comb(n_region, n_sample)


@given(data=st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_bound_equals_brute_force_in_exact_integers(data):
    n_region = data.draw(st.integers(1, 60))
    n_sample = data.draw(st.integers(1, n_region))
    errors = data.draw(st.integers(0, n_sample))
    risk = data.draw(st.sampled_from([0.001, 0.0123, 0.025, 0.05, 0.2]))
    possible = range(errors, n_region - n_sample + errors + 1)
    # Equal to the risk in exact numbers counts as likely: the safe side.
    refuted = risk * (1 - 1e-9)
    likely = [k for k in possible if exact_distribution(errors, n_region, k, n_sample) > refuted]
    assert upper_bound(n_region, n_sample, errors, risk) == max(likely)


@pytest.mark.parametrize(
    ("errors", "n_region", "wrong", "n_sample"),
    [(20, 1_000_000, 11_000, 3_000), (0, 100_000, 900, 600), (300, 50_000, 6_500, 2_500)],
)
def test_the_distribution_is_exact_enough_for_large_jobs(errors, n_region, wrong, n_sample):
    scipy = hypergeom.cdf(errors, n_region, wrong, n_sample)
    ways = sum(
        math.comb(wrong, i) * math.comb(n_region - wrong, n_sample - i) for i in range(errors + 1)
    )
    exact = float(Fraction(ways, math.comb(n_region, n_sample)))
    assert scipy == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("eps", "samples"),
    [(50, (69, 106, 138, 168)), (20, (175, 268, 349, 427)), (10, (353, 543, 715, 868))],
)
def test_samples_as_large_as_published_pass_and_no_smaller_ones(eps, samples):
    risk = 6 * 0.05 / math.pi**2
    for errors, n_sample in enumerate(samples):
        for size, passes in ((n_sample, True), (n_sample - 1, False)):
            left = upper_bound(9_000, size, errors, risk) - errors
            assert (left <= eps * (9_000 - size) // 1000) is passes, (errors, size)


def test_everything_sampled_leaves_nothing_unknown():
    assert upper_bound(10, 10, 3, 0.05) == 3


def test_a_small_sample_cannot_certify_a_small_region():
    # A binomial bound would pass at .049; these 20 items it says nothing about.
    left = upper_bound(79, 59, 0, 0.05)
    assert left / 20 > 0.05


def test_all_attempts_together_spend_no_more_than_the_risk():
    assert sum(attempt_risk(a, 50) for a in range(1, 200)) <= 0.05
    assert sum(attempt_risk(a, 1) for a in range(1, 200)) <= 0.001


def test_the_sample_is_uniform_over_all_subsets():
    counts = dict.fromkeys(combinations(range(5), 2), 0)
    for seed in range(2_000):
        counts[tuple((draw([10, 11, 12, 13, 14], 2, seed, 1) - 10).tolist())] += 1
    # Ten subsets, 200 each expected; 3.9 standard deviations.
    assert all(abs(count - 200) < 53 for count in counts.values())


def test_the_sample_depends_on_seed_and_attempt_alone():
    region = np.arange(1_000)
    first = draw(region, 50, 3, 1)
    assert (first == draw(region, 50, 3, 1)).all()
    assert (np.diff(first) > 0).all()
    assert (first != draw(region, 50, 3, 2)).any()
    assert (first != draw(region, 50, 4, 1)).any()


def test_an_accepted_region_is_labeled_and_charged():
    state = account()
    proposal = proposed(state, 2_000, 200)
    attempt, state = decide(state, proposal, proposal.sample[:2])
    assert attempt.outcome == "Accepted"
    assert state.machine_labels == 1_800
    assert state.charged_errors == upper_bound(2_000, 200, 2, proposal.risk) - 2
    assert verify(state, {1: np.arange(2_000)}) == []


def test_a_refused_region_gets_nothing_but_spends_its_risk():
    state = account()
    proposal = proposed(state, 2_000, 100)
    attempt, state = decide(state, proposal, proposal.sample[:10])
    assert attempt.outcome == "Refused"
    assert (state.machine_labels, state.charged_errors) == (0, 0)
    assert proposed(state, 2_000, 100).risk == attempt_risk(2, 50)
    assert state.certificate() is None


def test_the_border_is_floored_in_integers():
    # floor(50 permille of 39) is 1, whatever 0.05 * 39 is in floats.
    assert account().allowed(39) == 1
    assert account().allowed(40) == 2
    assert account(eps=1).allowed(999) == 0


def test_one_error_more_than_allowed_is_refused():
    state = account()
    allowed = state.allowed(1_800)
    assert state.accepts(2_000, 200, allowed)
    assert not state.accepts(2_000, 200, allowed + 1)


def test_a_second_region_may_use_what_the_first_left():
    state = accepted(accepted(account()), first=5_000)
    assert state.machine_labels == 3_600
    assert len({a.charge for a in state.attempts}) == 2
    assert state.holds


def test_a_sample_that_was_cut_off_is_not_tested_and_its_risk_is_spent():
    state = account()
    state = abandon(state, proposed(state, 2_000, 200))
    assert state.attempts[0].outcome == "NotTested"
    assert state.machine_labels == 0
    assert state.next_attempt == 2
    assert verify(state) == []


def test_corrections_take_labels_and_found_errors_off_the_account():
    state = accepted(account())
    charged = state.charged_errors
    state = correct(state, 1, items=30, wrong=4)
    assert state.machine_labels == 1_770
    assert state.charged_errors == charged - 4
    state = correct(state, 1, items=100, wrong=100)
    assert state.charged_errors == 0
    with pytest.raises(AccountError, match="has 1670 machine labels; cannot correct 9999"):
        correct(state, 1, items=9_999, wrong=0)


def test_withdrawing_begins_with_the_latest_region_and_stops_when_it_holds():
    state = accepted(accepted(account()), first=5_000)
    # People take correct labels away until the bound no longer fits the rest.
    state = correct(state, 2, items=1_700, wrong=0)
    state = correct(state, 1, items=1_200, wrong=0)
    assert not state.holds
    assert any("exceed" in problem for problem in verify(state))
    state, withdrawn = withdraw_until_it_holds(state)
    assert withdrawn[0] == 2
    assert state.holds
    assert state.attempts[1].machine_labels == 0


def history_with_corrections() -> Account:
    """The second region needed what the first had left; then people looked at the first again."""
    state = accepted(account())
    proposal = proposed(state, 2_000, 200, first=5_000)
    attempt, state = decide(state, proposal, proposal.sample[:7])
    assert attempt.outcome == "Accepted"
    assert attempt.bound > state.allowed(1_800)
    state = correct(state, 1, items=900, wrong=0)
    assert not state.holds
    state, withdrawn = withdraw_until_it_holds(state)
    assert withdrawn == (2,)
    return state


def test_decisions_are_verified_as_things_stood_then():
    state = history_with_corrections()
    assert verify(state, {1: np.arange(2_000), 2: np.arange(5_000, 7_000)}) == []


def test_a_correction_counts_for_later_decisions_alone():
    state = correct(accepted(account()), 1, items=900, wrong=0)
    proposal = proposed(state, 2_000, 200, first=5_000)
    attempt, state = decide(state, proposal, proposal.sample[:7])
    assert attempt.outcome == "Refused"
    assert verify(state, {1: np.arange(2_000), 2: np.arange(5_000, 7_000)}) == []


def _first(state: Account, **update) -> Account:
    first, *rest = state.attempts
    return state.model_copy(update={"attempts": (first.model_copy(update=update), *rest)})


def _second(state: Account, **update) -> Account:
    first, second = state.attempts
    return state.model_copy(update={"attempts": (first, second.model_copy(update=update))})


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        # As if people had looked before the second decision, which then was no acceptance.
        (lambda s: _first(s, corrections=(Correction(after=1, items=900, wrong=0),)), "outcome"),
        (lambda s: _first(s, corrections=(Correction(after=0, items=900, wrong=0),)), "after"),
        (lambda s: _first(s, corrections=(Correction(after=3, items=900, wrong=0),)), "after"),
        (lambda s: _first(s, corrections=(Correction(after=2, items=1_801, wrong=0),)), "1801"),
        (lambda s: _first(s, corrections=(Correction(after=2, items=5, wrong=6),)), "6 wrong"),
        (lambda s: _first(s, corrections=(Correction(after=2, items=-5, wrong=-6),)), "-5"),
        (lambda s: _first(s, withdrawn_after=1), "outcome"),
        (lambda s: _second(s, withdrawn_after=1), "after"),
        (lambda s: _second(s, withdrawn_after=3), "after"),
        (lambda s: _second(s, withdrawn_after=None), "exceed"),
        (lambda s: _second(s, outcome="Refused"), "outcome"),
    ],
)
def test_a_forged_order_is_found(tamper, message):
    problems = verify(tamper(history_with_corrections()))
    assert any(message in problem for problem in problems), problems


def test_a_region_with_an_item_that_was_tested_before_is_found():
    state = account()
    first = proposed(state, 2_000, 200)
    _, state = decide(state, first, first.sample[:100])
    region = np.insert(np.arange(3_000, 5_000), 0, first.sample[0])
    again = open_attempt(state, region, 200, seed=1, model="m", round_=2)
    _, state = decide(state, again, [])
    problems = verify(state, {1: np.arange(2_000), 2: region})
    assert any("of its region was tested before" in problem for problem in problems)


def test_nothing_is_withdrawn_while_the_account_holds():
    state = accepted(account())
    assert withdraw_until_it_holds(state) == (state, ())


def test_the_certificate_never_understates():
    state = accepted(account())
    certificate = state.certificate()
    assert certificate.error_bound_permille * 1_800 >= 1000 * state.charged_errors
    assert (certificate.error_bound_permille - 1) * 1_800 < 1000 * state.charged_errors
    assert certificate.validated_items == 200
    assert certificate.attempts == 1


def test_an_error_outside_the_sample_is_refused():
    state = account()
    proposal = proposed(state, 2_000, 200)
    outside = next(line for line in range(2_000) if line not in proposal.sample)
    with pytest.raises(AccountError, match=f"line {outside} is counted as wrong"):
        decide(state, proposal, [outside])


def test_a_proposal_is_decided_once():
    state = account()
    proposal = proposed(state, 2_000, 200)
    _, state = decide(state, proposal, [])
    with pytest.raises(AccountError, match="attempt 2 is next; got a proposal for 1"):
        decide(state, proposal, [])


def test_a_region_with_a_line_twice_is_refused():
    with pytest.raises(AccountError, match="different lines in ascending order"):
        region_digest([1, 2, 2])


def test_the_account_survives_the_store():
    state = correct(accepted(account()), 1, items=3, wrong=1)
    assert Account.from_json(state.to_json()) == state


def _changed(state: Account, **update) -> Account:
    first: Attempt = state.attempts[0]
    return state.model_copy(update={"attempts": (first.model_copy(update=update),)})


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda s: _changed(s, bound=s.attempts[0].bound - 1), "bound is"),
        (lambda s: _changed(s, wrong=s.attempts[0].proposal.sample[:20]), "must be"),
        (lambda s: _changed(s, wrong=(99_999,)), "not in the sample"),
        (
            lambda s: _changed(
                s, proposal=s.attempts[0].proposal.model_copy(update={"risk": 0.04})
            ),
            "risk may be at most",
        ),
        (
            lambda s: _changed(s, proposal=s.attempts[0].proposal.model_copy(update={"seed": 2})),
            "not the one that seed 2 draws",
        ),
        (
            lambda s: _changed(
                s, proposal=s.attempts[0].proposal.model_copy(update={"region_sha256": "00"})
            ),
            "not the one that was committed",
        ),
        (
            lambda s: _changed(
                s,
                proposal=s.attempts[0].proposal.model_copy(
                    update={"sample": s.attempts[0].proposal.sample[1:]}
                ),
            ),
            "200 different items; got 199",
        ),
    ],
)
def test_verify_finds_what_was_changed_afterwards(tamper, message):
    state = accepted(account())
    assert verify(state, {1: np.arange(2_000)}) == []
    assert any(message in p for p in verify(tamper(state), {1: np.arange(2_000)}))


def _adversarial_job(rng: np.random.Generator, eps: int, delta: int) -> bool:
    """A job that tries as hard as it can to break the promise; was it broken at any moment?

    It knows the true share of errors, chooses regions right at the border and small samples,
    tries again and again, and stops where it likes.
    """
    state, wrong_labels = account(eps, delta), 0
    pool = 3_000
    broken = False
    for _ in range(6):
        # Few sizes, so that bounds are computed once.
        n_region = int(rng.choice([450, 800, 1_400]))
        if n_region > pool:
            break
        share = eps / 1000 * rng.choice([1.05, 1.3, 1.8, 3.0])
        n_wrong = int(np.ceil(share * n_region))
        n_sample = int(rng.choice([60, 100, 150]))
        proposal = open_attempt(
            state,
            np.arange(n_region),
            n_sample,
            seed=int(rng.integers(2**31)),
            model="m",
            round_=1,
        )
        is_wrong = np.zeros(n_region, bool)
        is_wrong[rng.choice(n_region, n_wrong, replace=False)] = True
        sample = np.array(proposal.sample)
        attempt, state = decide(state, proposal, sample[is_wrong[sample]].tolist())
        pool -= n_region if attempt.outcome == "Accepted" else n_sample
        if attempt.outcome == "Accepted":
            wrong_labels += n_wrong - len(attempt.wrong)
        broken |= 1000 * wrong_labels > eps * state.machine_labels
    return broken


@pytest.mark.parametrize(("eps", "delta"), [(50, 50), (20, 100), (100, 50)])
def test_adversaries_break_the_promise_no_more_often_than_agreed(eps, delta):
    rng = np.random.default_rng([eps, delta])
    runs = 400
    broken = sum(_adversarial_job(rng, eps, delta) for _ in range(runs))
    # A promise that just holds would be seen broken this often once in a thousand times.
    limit = delta / 1000 * runs + 3.1 * math.sqrt(runs * delta / 1000 * (1 - delta / 1000))
    assert broken <= limit
