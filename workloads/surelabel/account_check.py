"""An account computed again from its record: every attempt as things stood when it was decided.

Believes no number that can be recomputed. What lies outside the account (answers, regions as they
were stored, the manifest) is ``stages.verification``'s part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.certify import (
    Account,
    AccountError,
    Attempt,
    Proposal,
    abandon,
    decide,
    decide_losses,
    draw,
    region_digest,
)


@dataclass(frozen=True)
class StoredRegion:
    """(N,) each: the lines of an attempt's region, ascending, and their levels if it has any."""

    line: NDArray[np.int64]
    level: NDArray[Any] | None = None


def verify(
    account: Account, regions: Mapping[int, ArrayLike | StoredRegion] | None = None
) -> list[str]:
    """Recompute everything from the record; what does not hold, in words (empty: all holds).

    ``regions``: the stored lines of each attempt's region, to check digest and draw as well.
    """
    problems: list[str] = []
    sampled: set[int] = set()
    for number, attempt in enumerate(account.attempts, 1):
        proposal, name = attempt.proposal, f"attempt {number}"
        before = _as_of(account, number - 1)
        try:
            if attempt.outcome == "NotTested":
                abandon(before, proposal)
                again = Attempt(proposal=proposal, outcome="NotTested")
            elif proposal.loss is not None:
                again, _ = decide_losses(before, proposal, attempt.losses)
            else:
                again, _ = decide(before, proposal, attempt.wrong)
        except AccountError as error:
            problems.append(f"{name}: {error}")
            return problems
        for field, stored, recomputed in (
            ("bound", attempt.bound, again.bound),
            ("outcome", attempt.outcome, again.outcome),
            ("passed", attempt.passed, again.passed),
            ("wrong", attempt.wrong, again.wrong),
            ("losses", attempt.losses, again.losses),
        ):
            if stored != recomputed:
                problems.append(f"{name}: {field} is {stored!r}; must be {recomputed!r}.")
        problems += _history_problems(name, attempt, len(account.attempts))
        if regions is not None:
            problems += _region_problems(name, proposal, regions.get(number), sampled)
        if sampled & set(proposal.sample):
            problems.append(f"{name}: items of an earlier sample were drawn again.")
        sampled.update(proposal.sample)
    for label in account.labels:
        part = account.of(label)
        if not account.holds_for(label):
            problems.append(
                f"{part.charged_errors} charged errors exceed the "
                f"{part.allowed(part.machine_labels)} that {part.machine_labels} machine labels "
                f"{'' if label is None else f'of class {label} '}allow at "
                f"{account.target_error_permille} permille."
            )
    return problems


def _as_of(account: Account, n_decided: int) -> Account:
    """The account as it was when so many attempts had been decided and the next one was not."""
    attempts = tuple(
        attempt.model_copy(
            update={
                "corrections": tuple(c for c in attempt.corrections if c.after <= n_decided),
                "withdrawn_after": after
                if (after := attempt.withdrawn_after) is not None and after <= n_decided
                else None,
            }
        )
        for attempt in account.attempts[:n_decided]
    )
    return account.model_copy(update={"attempts": attempts})


def _history_problems(name: str, attempt: Attempt, n_attempts: int) -> list[str]:
    """What cannot have happened to a decided attempt."""
    problems: list[str] = []
    earliest = attempt.proposal.attempt
    labels = attempt.given
    for correction in attempt.corrections:
        if not earliest <= correction.after <= n_attempts:
            problems.append(
                f"{name}: corrected after {correction.after} attempts; must be {earliest} to "
                f"{n_attempts}."
            )
        if not 0 <= correction.wrong <= correction.items <= labels:
            problems.append(
                f"{name}: {correction.items} of {labels} machine labels cannot have been "
                f"corrected with {correction.wrong} wrong."
            )
        earliest = max(earliest, correction.after)
        labels -= correction.items
    after = attempt.withdrawn_after
    if after is not None and not earliest <= after <= n_attempts:
        problems.append(
            f"{name}: withdrawn after {after} attempts; must be {earliest} to {n_attempts}."
        )
    return problems


def _region_problems(
    name: str, proposal: Proposal, stored: ArrayLike | StoredRegion | None, sampled: set[int]
) -> list[str]:
    if stored is None:
        return [f"{name}: its region is missing."]
    region = stored if isinstance(stored, StoredRegion) else StoredRegion(np.asarray(stored))
    if region_digest(region.line) != proposal.region_sha256:
        return [f"{name}: the region is not the one that was committed (digest)."]
    if (
        tuple(draw(region.line, proposal.sample_items, proposal.seed, proposal.attempt))
        != proposal.sample
    ):
        return [f"{name}: the sample is not the one that seed {proposal.seed} draws."]
    if proposal.levels and not _has_levels(proposal, region):
        return [f"{name}: the levels of its region are not those that were committed."]
    tested = sampled.intersection(region.line.tolist())
    if tested:
        return [f"{name}: item {min(tested)} of its region was tested before."]
    return []


def _has_levels(proposal: Proposal, region: StoredRegion) -> bool:
    level = region.level
    if level is None:
        return False
    for number, committed in enumerate(proposal.levels):
        if region_digest(region.line[level <= number]) != committed.sha256:
            return False
    of_sample = level[np.searchsorted(region.line, proposal.sample)]
    return tuple(of_sample.tolist()) == proposal.sample_level
