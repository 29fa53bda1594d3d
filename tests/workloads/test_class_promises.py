"""A promise for each predicted class, and the account of losses that are not right or wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surelabel.account_check import verify
from surelabel.certify import (
    Account,
    AccountError,
    abandon,
    attempt_risk,
    correct,
    decide,
    decide_losses,
    open_attempt,
    upper_bound,
    withdraw_until_it_holds,
)
from surelabel.mean_loss import hoeffding_bentkus
from surelabel_contract.stages import ClassBound


def account(eps: int = 50, delta: int = 50, n_classes: int | None = None) -> Account:
    return Account(target_error_permille=eps, risk_permille=delta, n_classes=n_classes)


def of_class(state: Account, label: int | None, n_region=2_000, n_sample=300, opened=0, **more):
    first = 10_000 * (label or 0)
    return open_attempt(
        state,
        np.arange(first, first + n_region),
        n_sample,
        seed=1,
        model="m",
        round_=1,
        label=label,
        opened=opened,
        **more,
    )


# -- a promise for each predicted class


def test_the_risk_is_shared_by_all_classes_and_spent_by_each_for_itself():
    state = account(n_classes=4)
    assert of_class(state, 2).risk == attempt_risk(1, 50) / 4
    state = abandon(state, of_class(state, 2))
    assert of_class(state, 2).risk == attempt_risk(2, 50) / 4
    assert of_class(state, 3).risk == attempt_risk(1, 50) / 4
    total = 4 * sum(attempt_risk(n, 50) / 4 for n in range(1, 60))
    assert total <= 0.05


def test_regions_of_several_classes_are_proposed_together_and_decided_each_for_itself():
    state = account(n_classes=3)
    first, second = of_class(state, 0), of_class(state, 2, opened=1)
    assert (first.attempt, second.attempt) == (1, 2)
    good, state = decide(state, first, [])
    bad, state = decide(state, second, second.sample[:30])
    assert (good.outcome, bad.outcome) == ("Accepted", "Refused")
    assert state.of(0).machine_labels == 1_700
    assert state.of(2).machine_labels == 0
    assert verify(state, {1: np.arange(2_000), 2: np.arange(20_000, 22_000)}) == []


def test_what_one_class_has_left_does_not_help_another():
    def poor(state: Account) -> tuple[str, Account]:
        proposal = of_class(state, state.n_classes and 1, n_region=2_001)
        for errors in range(40):
            attempt, after = decide(state, proposal, proposal.sample[:errors])
            if attempt.bound > state.allowed(1_701):
                return attempt.outcome, after
        raise AssertionError

    _, apart = decide(account(n_classes=2), of_class(account(n_classes=2), 0), [])
    _, together = decide(account(), of_class(account(), None), [])
    assert poor(together)[0] == "Accepted"
    assert poor(apart)[0] == "Refused"


def test_the_certificate_has_the_bound_of_each_class_and_the_largest_of_all():
    state = account(n_classes=3)
    for label, errors in ((0, 0), (1, 3)):
        proposal = of_class(state, label)
        _, state = decide(state, proposal, proposal.sample[:errors])
    certificate = state.certificate()
    assert [each.label for each in certificate.classes] == [1, 0]
    assert certificate.error_bound_permille == certificate.classes[0].error_bound_permille
    for each in certificate.classes:
        part = state.of(each.label)
        assert isinstance(each, ClassBound)
        assert each.error_bound_permille == math.ceil(1000 * part.charged_errors / 1_700)
    assert account().certificate() is None


def test_a_certificate_names_at_most_twenty_classes_but_bounds_all():
    state = account(n_classes=40)
    for label in range(30):
        proposal = of_class(state, label, n_region=1_000, n_sample=300)
        _, state = decide(state, proposal, proposal.sample[: label == 7])
    assert len(state.class_bounds()) == 30
    certificate = state.certificate()
    assert len(certificate.classes) == 20
    assert certificate.classes[0].label == 7


def test_only_regions_of_the_class_that_does_not_hold_are_withdrawn():
    state = account(n_classes=2)
    for label in (0, 1):
        _, state = decide(state, of_class(state, label), [])
    state = correct(state, 1, items=1_600, wrong=0)
    assert not state.holds and state.holds_for(1)
    assert any("of class 0 allow" in problem for problem in verify(state))
    state, withdrawn = withdraw_until_it_holds(state)
    assert withdrawn == (1,)
    assert state.machine_labels == 1_700


@pytest.mark.parametrize(("n_classes", "label"), [(None, 1), (3, None), (3, 3), (3, -1)])
def test_an_attempt_must_be_about_a_class_of_the_account(n_classes, label):
    with pytest.raises(AccountError, match="got an attempt of class"):
        of_class(account(n_classes=n_classes), label)


# -- right or wrong: what no order, no luck and no small sample may change


@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_more_errors_never_lower_a_bound_nor_pass_what_fewer_did_not(data):
    n_region = data.draw(st.integers(50, 1_500))
    n_sample = data.draw(st.integers(1, n_region // 2))
    state = account(eps=data.draw(st.sampled_from([20, 50, 200])))
    proposal = of_class(state, None, n_region=n_region, n_sample=n_sample)
    errors = data.draw(st.integers(0, n_sample - 1))
    fewer, _ = decide(state, proposal, proposal.sample[:errors])
    more, _ = decide(state, proposal, proposal.sample[: errors + 1])
    assert more.bound >= fewer.bound
    assert not (more.outcome == "Accepted" and fewer.outcome == "Refused")


@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nothing_is_certified_by_a_sample_that_could_be_clean_by_chance(data):
    n_region = data.draw(st.integers(20, 3_000))
    n_sample = data.draw(st.integers(1, n_region // 2))
    state = account(eps=data.draw(st.sampled_from([10, 50, 100])))
    attempt, _ = decide(state, of_class(state, None, n_region=n_region, n_sample=n_sample), [])
    too_many = state.allowed(n_region - n_sample) + 1
    # P(no error in the sample | one error more than allowed), in exact integers.
    clean = math.comb(n_region - too_many, n_sample) / math.comb(n_region, n_sample)
    if attempt.outcome == "Accepted":
        assert clean <= attempt.proposal.risk
    else:
        assert clean > attempt.proposal.risk * (1 - 1e-6)


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_decision_depends_on_how_many_are_wrong_and_not_on_which_or_in_what_order(data):
    state = account()
    proposal = of_class(state, None, n_region=800, n_sample=100)
    errors = data.draw(st.integers(0, 12))
    wrong = data.draw(st.permutations(proposal.sample))[:errors]
    one, after = decide(state, proposal, wrong)
    other, _ = decide(state, proposal, reversed(wrong))
    first, _ = decide(state, proposal, proposal.sample[:errors])
    assert one == other
    assert (one.outcome, one.bound) == (first.outcome, first.bound)
    # The same region elsewhere in the manifest.
    moved = open_attempt(state, np.arange(0, 8_000, 10), 100, seed=5, model="m", round_=1)
    there, _ = decide(state, moved, moved.sample[:errors])
    assert (there.outcome, there.bound) == (one.outcome, one.bound)
    assert after.attempts[-1] == one


# -- losses between 0 and 1


def test_a_mean_loss_is_charged_with_what_its_bound_leaves_rounded_up():
    state = account(eps=200)
    proposal = of_class(state, None, loss="HoeffdingBentkus")
    losses = np.linspace(0, 0.2, 300)
    attempt, after = decide_losses(state, proposal, losses.tolist())
    assert attempt.outcome == "Accepted"
    left = 2_000 * hoeffding_bentkus(2_000, losses, proposal.risk) - losses.sum()
    assert attempt.bound == math.ceil(left)
    assert after.machine_labels == 1_700
    assert verify(after, {1: np.arange(2_000)}) == []


@pytest.mark.parametrize("loss", ["HoeffdingBentkus", "Betting"])
def test_losses_that_are_too_large_are_refused(loss):
    state = account(eps=100)
    proposal = of_class(state, None, loss=loss)
    assert decide_losses(state, proposal, [0.01] * 300)[0].outcome == "Accepted"
    assert decide_losses(state, proposal, [0.2] * 300)[0].outcome == "Refused"


def test_of_right_and_wrong_no_loss_bound_is_tighter_than_the_exact_one():
    state = account(eps=100)
    for loss in ("HoeffdingBentkus", "Betting"):
        proposal = of_class(state, None, loss=loss)
        losses = [1.0] * 4 + [0.0] * 296
        attempt, _ = decide_losses(state, proposal, losses)
        assert attempt.bound >= upper_bound(2_000, 300, 4, proposal.risk) - 4


def test_betting_is_against_what_the_account_allows_before_the_draw():
    state = account(eps=100)
    proposal = of_class(state, None, loss="Betting")
    assert proposal.loss_target == pytest.approx(170 / 2_000)


def test_changed_losses_are_found():
    state = account(eps=200)
    proposal = of_class(state, None, loss="Betting")
    attempt, state = decide_losses(state, proposal, [0.05] * 300)
    assert verify(state, {1: np.arange(2_000)}) == []
    forged = attempt.model_copy(update={"losses": (0.5,) * 300})
    assert verify(state.model_copy(update={"attempts": (forged,)})) != []


def test_a_proposal_is_decided_by_what_it_is_about():
    state = account()
    with pytest.raises(AccountError, match="decided by losses"):
        decide(state, of_class(state, None, loss="Betting"), [])
    with pytest.raises(AccountError, match="needs 300 losses"):
        decide_losses(state, of_class(state, None), [0.1] * 300)
    with pytest.raises(AccountError, match="got 299"):
        decide_losses(state, of_class(state, None, loss="Betting"), [0.1] * 299)


@pytest.mark.parametrize("loss", ["HoeffdingBentkus", "Betting"])
def test_a_job_of_losses_breaks_its_promise_no_more_often_than_agreed(loss):
    rng = np.random.default_rng(11)
    runs, delta, broken, accepted = 150, 200, 0, 0
    for _ in range(runs):
        state = account(eps=100, delta=delta)
        losses = rng.beta(0.3, 2.4, 600)
        # At the border: as much loss as is just too much.
        losses = np.minimum(losses * 0.105 / losses.mean(), 1.0)
        proposal = open_attempt(
            state,
            np.arange(600),
            150,
            seed=int(rng.integers(2**31)),
            model="m",
            round_=1,
            loss=loss,
        )
        attempt, state = decide_losses(state, proposal, losses[list(proposal.sample)].tolist())
        if attempt.outcome == "Accepted":
            accepted += 1
            rest = np.delete(losses, proposal.sample)
            broken += rest.sum() > 0.1 * len(rest)
    assert broken <= 0.1 * runs + 3.1 * math.sqrt(runs * 0.09)
