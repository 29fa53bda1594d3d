"""What machines may label, and the proof: the account of one job's promise.

The promise: P(share of wrong machine labels > eps) <= delta, at every moment of the job. "Wrong":
differs from the label that the job's own people would have given. An attempt commits a region of
the pool, a model's labels for it and a uniform sample, people answer the sample blind, and an
exact hypergeometric bound says how many errors are left at most. Each attempt spends a part of
the risk, each accepted region charges its bound to one account, and the account must stay within
eps (reference/algorithms.md, "Auto-labeling with a guarantee", has theorem and proof).

Nothing here is estimated and nothing depends on how a region was chosen; that is ``proposing``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom

from surelabel_contract.model import Record
from surelabel_contract.stages import Certificate

Lines = NDArray[np.int64]

# Sampling has a stream of its own; spawn keys of the others are in ``selection``.
_SAMPLING = 0
# More than SciPy's distribution is ever off, relatively.
_ROUNDING = 1e-9


class AccountError(ValueError):
    """A step that the procedure forbids; the message names the rule and the values."""


class Proposal(Record):
    """An attempt before anybody has seen an answer: all of it is committed, nothing may change."""

    attempt: int
    round: int
    # The file and digest of the model whose labels are tested, and of the region with them.
    model: str
    region_sha256: str
    region_items: int
    sample_items: int
    seed: int
    risk: float
    # Lines of the manifest, ascending.
    sample: tuple[int, ...]


class Correction(Record):
    """Machine labels of an attempt that people answered later, and how many were wrong.

    ``after``: attempts that had been decided by then; only later decisions know of it.
    """

    after: int
    items: int
    wrong: int


class Attempt(Record):
    """A proposal with what became of it, and of the machine labels that it gave."""

    proposal: Proposal
    outcome: Literal["Accepted", "Refused", "NotTested"]
    # Lines of the sample where the model was wrong, or people gave no usable answer.
    wrong: tuple[int, ...] = ()
    # Upper bound of the errors left in the region outside the sample.
    bound: int = 0
    corrections: tuple[Correction, ...] = ()
    # Attempts that had been decided when its labels were withdrawn; None: they were not.
    withdrawn_after: int | None = None

    @property
    def corrected_items(self) -> int:
        """Machine labels that people answered later."""
        return sum(correction.items for correction in self.corrections)

    @property
    def corrected_wrong(self) -> int:
        """How many of them were wrong."""
        return sum(correction.wrong for correction in self.corrections)

    @property
    def is_withdrawn(self) -> bool:
        """Whether its labels were taken back."""
        return self.withdrawn_after is not None

    @property
    def machine_labels(self) -> int:
        """Labels of this attempt that stand."""
        if self.outcome != "Accepted" or self.is_withdrawn:
            return 0
        return self.proposal.region_items - self.proposal.sample_items - self.corrected_items

    @property
    def charge(self) -> int:
        """Errors that these labels may contain, as far as the account knows."""
        if self.outcome != "Accepted" or self.is_withdrawn:
            return 0
        return max(0, self.bound - self.corrected_wrong)


class Account(Record):
    """Every attempt of one job's promise, oldest first."""

    schema_version: Literal[1] = 1
    target_error_permille: int
    risk_permille: int
    attempts: tuple[Attempt, ...] = ()

    @property
    def machine_labels(self) -> int:
        """Machine labels of the job (M)."""
        return sum(attempt.machine_labels for attempt in self.attempts)

    @property
    def charged_errors(self) -> int:
        """Errors charged for them (B)."""
        return sum(attempt.charge for attempt in self.attempts)

    @property
    def holds(self) -> bool:
        """B <= floor(eps M)."""
        return self.charged_errors <= self.allowed(self.machine_labels)

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return len(self.attempts) + 1

    def allowed(self, machine_labels: int) -> int:
        """floor(eps M), in integers."""
        return self.target_error_permille * machine_labels // 1000

    def accepts(self, n_region: int, n_sample: int, bound: int) -> bool:
        """Would a region with this bound on its remaining errors be labeled now?"""
        total = self.machine_labels + n_region - n_sample
        return self.charged_errors + bound <= self.allowed(total)

    def certificate(self) -> Certificate | None:
        """The promise as it stands; None before a machine gave a label."""
        labels = self.machine_labels
        if labels == 0:
            return None
        standing = [a for a in self.attempts if a.machine_labels > 0]
        return Certificate(
            # Rounded up: the bound must not be understated.
            error_bound_permille=-(-1000 * self.charged_errors // labels),
            risk_permille=self.risk_permille,
            validated_items=sum(a.proposal.sample_items for a in standing),
            errors=sum(len(a.wrong) for a in standing),
            charged_errors=self.charged_errors,
            machine_labels=labels,
            attempts=len(self.attempts),
        )


def attempt_risk(attempt: int, risk_permille: int) -> float:
    """The part of delta that an attempt spends: delta / 2^a, so all of them stay below delta.

    Up to the fifth attempt each gets more than with the usual 6 delta / (pi a)^2 but the first,
    which gets a sixth less; more attempts than that are rare.
    """
    return math.ldexp(risk_permille / 1000, -attempt)


@lru_cache(maxsize=4_096)
def upper_bound(n_region: int, n_sample: int, errors: int, risk: float) -> int:
    """The most errors that the whole region can have, refuted at ``risk`` beyond (Kup).

    max {K : errors <= K <= N - n + errors, P(at most ``errors`` in the sample | K) > risk}.
    """
    if not 0 <= errors <= n_sample <= n_region:
        raise AccountError(
            "errors <= sample <= region must hold; "
            f"got {errors} errors, {n_sample} sampled, {n_region} in the region."
        )
    low, high = errors, n_region - n_sample + errors
    # The distribution function falls as K grows, so the last K above ``risk`` is found by halving.
    while low < high:
        middle = (low + high + 1) // 2
        # Rounding must err to the safe side: what is as good as equal is not refuted.
        if hypergeom.cdf(errors, n_region, middle, n_sample) > risk * (1 - _ROUNDING):
            low = middle
        else:
            high = middle - 1
    return low


def draw(region: ArrayLike, n: int, seed: int, attempt: int) -> Lines:
    """A uniform sample of ``n`` of the region's lines without replacement, ascending.

    The n smallest of one raw 64-bit number per line (PCG64, whose stream NumPy guarantees).
    """
    lines = _region(region)
    if not 0 < n <= lines.size:
        raise AccountError(f"a sample needs 1 to {lines.size} items (the region); got {n}.")
    sequence = np.random.SeedSequence(seed, spawn_key=(_SAMPLING, attempt))
    keys = np.random.PCG64(sequence).random_raw(lines.size)
    return np.sort(lines[np.argsort(keys, kind="stable")[:n]])


def region_digest(region: ArrayLike) -> str:
    """SHA-256 of a region's lines (ascending, little-endian 64-bit)."""
    return hashlib.sha256(_region(region).astype("<i8").tobytes()).hexdigest()


def open_attempt(
    account: Account,
    region: ArrayLike,
    n_sample: int,
    *,
    seed: int,
    model: str,
    round_: int,
) -> Proposal:
    """Commit a region and draw its sample; store it before anybody is asked.

    ``region``: lines of the items, none of them labeled, queried or tested before.
    """
    attempt = account.next_attempt
    sample = draw(region, n_sample, seed, attempt)
    return Proposal(
        attempt=attempt,
        round=round_,
        model=model,
        region_sha256=region_digest(region),
        region_items=_region(region).size,
        sample_items=n_sample,
        seed=seed,
        risk=attempt_risk(attempt, account.risk_permille),
        sample=tuple(sample.tolist()),
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
    n_region, n_sample = proposal.region_items, proposal.sample_items
    bound = upper_bound(n_region, n_sample, len(errors), proposal.risk) - len(errors)
    accepted = account.accepts(n_region, n_sample, bound)
    attempt = Attempt(
        proposal=proposal,
        outcome="Accepted" if accepted else "Refused",
        wrong=errors,
        bound=bound,
    )
    return attempt, _with(account, attempt)


def abandon(account: Account, proposal: Proposal) -> Account:
    """Give up a proposal whose sample was cut off by a limit; its risk counts as spent."""
    _check_next(account, proposal)
    return _with(account, Attempt(proposal=proposal, outcome="NotTested"))


def correct(account: Account, attempt: int, items: int, wrong: int) -> Account:
    """People answered ``items`` more machine labels of an attempt, of which ``wrong`` were."""
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
    """Withdraw whole regions, latest first, while B > floor(eps M); the attempts withdrawn."""
    withdrawn: list[int] = []
    for attempt in reversed(account.attempts):
        if account.holds:
            break
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
    expected = attempt_risk(proposal.attempt, account.risk_permille)
    if not proposal.risk <= expected * (1 + 1e-12):
        raise AccountError(
            f"risk may be at most {expected!r} in this attempt; got {proposal.risk}."
        )


def _with(account: Account, attempt: Attempt) -> Account:
    return account.model_copy(update={"attempts": (*account.attempts, attempt)})


def _replaced(account: Account, attempt: Attempt) -> Account:
    attempts = list(account.attempts)
    attempts[attempt.proposal.attempt - 1] = attempt
    return account.model_copy(update={"attempts": tuple(attempts)})


def _region(region: ArrayLike) -> Lines:
    lines = np.asarray(region, dtype=np.int64)
    if lines.ndim != 1 or np.any(np.diff(lines) <= 0):
        raise AccountError("a region must be a list of different lines in ascending order.")
    return lines
