"""What was seen before, in this process: the memory behind the rules that want two looks.

It lives in memory on purpose. A restart starts with none, so that every rule of two looks takes
its full time again: slower, never wrong. No decision needs it to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

# Two looks at something that ends an attempt lie at least this far apart.
SECOND_LOOK_SECONDS = 30.0
# People's progress alone is looked for, and written, at most this often.
PROGRESS_SECONDS = 30.0


@dataclass(frozen=True)
class Sighting:
    """Since when (monotonic seconds) a fact has been seen without a break, and of which attempt."""

    name: str
    since: float


@dataclass(frozen=True)
class Facts:
    """What this look says about the attempt in status; names, or None where it is not so."""

    # Submitted, but the backend, which could be asked, does not know it.
    missing: str | None = None
    # Runs past its timeout by a trusted clock.
    overdue: str | None = None
    # Ended, and no commit was there afterwards.
    ended: str | None = None
    # The job's active time is over its deadline by a trusted clock.
    past_deadline: str | None = None


@dataclass(frozen=True)
class Evidence:
    """First sightings that later looks have confirmed. Empty after a restart."""

    missing: Sighting | None = None
    overdue: Sighting | None = None
    ended: Sighting | None = None
    past_deadline: Sighting | None = None
    # When this process last wrote people's progress into the status.
    progress_written: float | None = None


def after_look(evidence: Evidence, facts: Facts, monotonic: float) -> Evidence:
    """The evidence with this look in it: a fact that still holds keeps its first sighting."""

    def sighting(before: Sighting | None, name: str | None) -> Sighting | None:
        if name is None:
            return None
        return before if before is not None and before.name == name else Sighting(name, monotonic)

    return Evidence(
        missing=sighting(evidence.missing, facts.missing),
        overdue=sighting(evidence.overdue, facts.overdue),
        ended=sighting(evidence.ended, facts.ended),
        past_deadline=sighting(evidence.past_deadline, facts.past_deadline),
        progress_written=evidence.progress_written,
    )


def is_seen_twice(sighting: Sighting | None, name: str, monotonic: float) -> bool:
    """Whether ``name`` was seen so at least 30 s ago, and at every look since."""
    return (
        sighting is not None
        and sighting.name == name
        and monotonic - sighting.since >= SECOND_LOOK_SECONDS
    )


def is_seen_before(sighting: Sighting | None, name: str, monotonic: float) -> bool:
    """Whether an earlier look than this one saw ``name`` so."""
    return sighting is not None and sighting.name == name and sighting.since < monotonic
