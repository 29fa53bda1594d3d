"""What machines may label, and the proof: how an attempt is committed, drawn and decided.

The promise: P(share of wrong machine labels > eps) <= delta, at every moment of the job. "Wrong":
differs from the label that the job's own people would have given. An attempt commits a region of
the pool, a model's labels for it and a uniform sample, people answer the sample blind, and an
exact hypergeometric bound says how many errors are left at most. Each attempt spends a part of
the risk, each accepted region charges its bound to one account, and the account must stay within
eps (reference/algorithms.md, "Auto-labeling with a guarantee", has theorem and proof).

Nothing here is estimated and nothing depends on how a region was chosen; that is ``proposing``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from surelabel.account import (
    Account,
    AccountError,
    Attempt,
    Correction,
    Level,
    LossBound,
    Proposal,
    attempt_risk,
)
from surelabel.mean_loss import betting, hoeffding_bentkus
from surelabel.nested import check_levels, levels_passed, open_levels
from surelabel.sampling import checked_region, draw, draw_order, region_digest, upper_bound

__all__ = [
    "Account",
    "AccountError",
    "Attempt",
    "Correction",
    "Level",
    "Proposal",
    "abandon",
    "attempt_risk",
    "correct",
    "decide",
    "decide_losses",
    "draw",
    "open_attempt",
    "region_digest",
    "upper_bound",
    "withdraw_until_it_holds",
]


def open_attempt(
    account: Account,
    region: ArrayLike,
    n_sample: int,
    *,
    seed: int,
    model: str,
    round_: int,
    level: ArrayLike | None = None,
    label: int | None = None,
    loss: LossBound | None = None,
    opened: int = 0,
) -> Proposal:
    """Commit a region and draw its sample; store it before anybody is asked.

    ``region``: lines of the items, none of them labeled, queried or tested before. ``level``: for
    several thresholds, the nested region in which each line is first, from 0 (strictest).
    ``label``: the predicted class, where each has its own promise. ``loss``: the bound of the mean
    loss, where labels are not right or wrong. ``opened``: attempts (of other classes) that were
    opened together with this one, before it.
    """
    _check_label(account, label)
    lines = checked_region(region)
    attempt = account.next_attempt + opened
    sample = draw(lines, n_sample, seed, attempt)
    levels: dict[str, Any] = {}
    if level is not None:
        levels = open_levels(account, lines, np.asarray(level), sample, label)
    target = None
    if loss == "Betting":
        target = min(max(account.room(lines.size - n_sample, label), 0) / lines.size, 1.0)
    return Proposal(
        attempt=attempt,
        round=round_,
        model=model,
        region_sha256=region_digest(lines),
        region_items=lines.size,
        sample_items=n_sample,
        seed=seed,
        risk=account.next_risk(label),
        sample=tuple(sample.tolist()),
        label=label,
        **levels,
        loss=loss,
        loss_target=target,
    )


def decide(account: Account, proposal: Proposal, wrong: Iterable[int]) -> tuple[Attempt, Account]:
    """Test a proposal on its complete sample; the attempt, and the account with it.

    ``wrong``: lines of the sample whose machine label differs from the reference label, or that
    have no usable reference label.
    """
    errors = tuple(sorted({int(line) for line in wrong}))
    outside = set(errors) - set(proposal.sample)
    if outside:
        raise AccountError(f"line {min(outside)} is counted as wrong but is not in the sample.")
    _check_next(account, proposal)
    if proposal.loss is not None:
        raise AccountError("the proposal is about a mean loss; it is decided by losses.")
    n_region, n_sample = proposal.region_items, proposal.sample_items
    bound = upper_bound(n_region, n_sample, len(errors), proposal.risk) - len(errors)
    passed = 0
    if proposal.levels:
        check_levels(account, proposal)
        passed = levels_passed(proposal, errors)
        accepted = passed > 0
        if 0 < passed < len(proposal.levels):
            # Only this charge is proved: what the level would be bounded by alone is not.
            bound = proposal.levels[passed - 1].allowed
    else:
        accepted = account.accepts(n_region, n_sample, bound, proposal.label)
    attempt = Attempt(
        proposal=proposal,
        outcome="Accepted" if accepted else "Refused",
        wrong=errors,
        passed=passed,
        bound=bound,
    )
    return attempt, _with(account, attempt)


def decide_losses(
    account: Account, proposal: Proposal, losses: Sequence[float]
) -> tuple[Attempt, Account]:
    """``decide`` for a mean loss: the bound is N times that of the mean, less the losses found.

    ``losses``: (n,), from 0 to 1, in the order of the sample; 1 where there is no usable reference
    label. The bound is charged rounded up, so that the account stays one of whole numbers.
    """
    _check_next(account, proposal)
    n_region, n_sample = proposal.region_items, proposal.sample_items
    if proposal.loss is None or len(losses) != n_sample:
        raise AccountError(
            f"a proposal about a mean loss needs {n_sample} losses, one for each item of its "
            f"sample; got {len(losses)}, and a proposal about "
            f"{proposal.loss or 'right and wrong labels'}."
        )
    if proposal.loss == "Betting":
        # A bet needs an order that says nothing.
        order = draw_order(n_sample, proposal.seed, proposal.attempt)
        drawn = np.asarray(losses, np.float64)[order]
        mean = betting(n_region, drawn, proposal.risk, proposal.loss_target or 0.0)
    else:
        mean = hoeffding_bentkus(n_region, losses, proposal.risk)
    left = n_region * mean - math.fsum(losses)
    bound = min(max(math.ceil(left), 0), n_region - n_sample)
    accepted = account.accepts(n_region, n_sample, bound, proposal.label)
    attempt = Attempt(
        proposal=proposal,
        outcome="Accepted" if accepted else "Refused",
        losses=tuple(float(loss) for loss in losses),
        bound=bound,
    )
    return attempt, _with(account, attempt)


def abandon(account: Account, proposal: Proposal) -> Account:
    """Give up a proposal whose sample was cut off by a limit; its risk counts as spent."""
    _check_next(account, proposal)
    return _with(account, Attempt(proposal=proposal, outcome="NotTested"))


def correct(account: Account, attempt: int, items: int, wrong: int) -> Account:
    """People answered ``items`` more machine labels of an attempt, of which ``wrong`` were.

    Of losses ``wrong`` is their sum, rounded down.
    """
    old = account.attempts[attempt - 1]
    if not 0 <= wrong <= items <= old.machine_labels:
        raise AccountError(
            f"attempt {attempt} has {old.machine_labels} machine labels; "
            f"cannot correct {items} with {wrong} wrong."
        )
    correction = Correction(after=len(account.attempts), items=items, wrong=wrong)
    return _replaced(
        account, old.model_copy(update={"corrections": (*old.corrections, correction)})
    )


def withdraw_until_it_holds(account: Account) -> tuple[Account, tuple[int, ...]]:
    """Withdraw whole regions, latest first, while B > floor(eps M); the attempts withdrawn.

    With a promise per class only regions of classes that do not hold.
    """
    withdrawn: list[int] = []
    for attempt in reversed(account.attempts):
        if account.holds_for(attempt.proposal.label):
            continue
        if attempt.machine_labels or attempt.charge:
            now = len(account.attempts)
            account = _replaced(account, attempt.model_copy(update={"withdrawn_after": now}))
            withdrawn.append(attempt.proposal.attempt)
    return account, tuple(withdrawn)


def _check_next(account: Account, proposal: Proposal) -> None:
    if proposal.attempt != account.next_attempt:
        raise AccountError(
            f"attempt {account.next_attempt} is next; got a proposal for {proposal.attempt}."
        )
    if len(set(proposal.sample)) != proposal.sample_items:
        raise AccountError(
            f"the sample must have {proposal.sample_items} different items; "
            f"got {len(set(proposal.sample))}."
        )
    _check_label(account, proposal.label)
    expected = account.next_risk(proposal.label)
    if not proposal.risk <= expected * (1 + 1e-12):
        raise AccountError(
            f"risk may be at most {expected!r} in this attempt; got {proposal.risk}."
        )


def _check_label(account: Account, label: int | None) -> None:
    n = account.n_classes
    if label is None and n is None:
        return
    if label is None or n is None or not 0 <= label < n:
        promise = "one promise for all" if n is None else f"a promise for each of {n}"
        raise AccountError(f"the account has {promise} classes; got an attempt of class {label}.")


def _with(account: Account, attempt: Attempt) -> Account:
    return account.model_copy(update={"attempts": (*account.attempts, attempt)})


def _replaced(account: Account, attempt: Attempt) -> Account:
    attempts = list(account.attempts)
    attempts[attempt.proposal.attempt - 1] = attempt
    return account.model_copy(update={"attempts": tuple(attempts)})
