"""Several thresholds in one attempt: nested regions, one sample of the largest, tested in turn.

What each level may be charged with and at which one the test starts are fixed before the draw;
from there on levels pass in turn to the first that fails (reference/algorithms.md, "Several
thresholds in one attempt", has the proof).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.account import Account, AccountError, Level, Proposal
from surelabel.sampling import Lines, region_digest, upper_bound

# The share of a level's expected part of the sample that the choice of the first one reckons with.
_START_SHARE = 0.8


def open_levels(
    account: Account, region: Lines, level: NDArray[Any], sample: Lines, label: int | None
) -> dict[str, Any]:
    """``levels`` and ``sample_level`` of a proposal; what each may be charged is fixed here."""
    n_levels = int(level.max(initial=-1)) + 1
    if level.shape != region.shape or set(np.unique(level).tolist()) != set(range(n_levels)):
        raise AccountError(
            f"each of the {region.size} lines needs a level from 0, none of them empty; got "
            f"{level.shape} with {np.unique(level).tolist()}."
        )
    found = []
    for number in range(n_levels):
        lines = region[level <= number]
        allowed = account.room(max(lines.size - sample.size, 0), label)
        found.append(Level(items=lines.size, allowed=allowed, sha256=region_digest(lines)))
    of_sample = level[np.searchsorted(region, sample)]
    return {"levels": tuple(found), "sample_level": tuple(int(each) for each in of_sample)}


def levels_passed(proposal: Proposal, errors: Sequence[int]) -> int:
    """How many levels pass: fixed sequence from the start, to the first that fails."""
    wrong = set(errors)
    pairs = list(zip(proposal.sample, proposal.sample_level, strict=True))
    passed = 0
    for number in range(_start(proposal), len(proposal.levels)):
        level = proposal.levels[number]
        sampled = proposal.sampled_in(number + 1)
        found = sum(line in wrong for line, of in pairs if of <= number)
        # Errors found are not subtracted: that would need a proof of its own.
        if sampled == 0 or upper_bound(level.items, sampled, found, proposal.risk) > level.allowed:
            break
        passed = number + 1
    return passed


def _start(proposal: Proposal) -> int:
    """The strictest level that passes if its part of the sample has no error; else the last one.

    A function of what is fixed before the draw: it reckons with less than the level's expected
    part of the sample, never with the part drawn.
    """
    for number, level in enumerate(proposal.levels):
        expected = _START_SHARE * proposal.sample_items * level.items / proposal.region_items
        if upper_bound(level.items, int(expected), 0, proposal.risk) <= level.allowed:
            return number
    return len(proposal.levels) - 1


def check_levels(account: Account, proposal: Proposal) -> None:
    """The levels are nested up to the region, and none may be charged more than there is room."""
    sizes = [level.items for level in proposal.levels]
    if sizes != sorted(set(sizes)) or sizes[-1] != proposal.region_items:
        raise AccountError(
            f"levels must grow up to the region of {proposal.region_items} items; got {sizes}."
        )
    if len(proposal.sample_level) != proposal.sample_items:
        raise AccountError(
            f"each of the {proposal.sample_items} items of the sample needs a level; got "
            f"{len(proposal.sample_level)}."
        )
    for number, level in enumerate(proposal.levels):
        room = account.room(max(level.items - proposal.sample_items, 0), proposal.label)
        if level.allowed > room:
            raise AccountError(
                f"level {number} may be charged with at most {room} errors; got {level.allowed}."
            )
