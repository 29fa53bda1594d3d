"""Everything that the operator can do next: a closed union, one action per look.

Order of carrying out, the same for all (reconcile.py):

1. An action with a ``config`` first creates its STAGE.json (create only). If one exists, that one
   holds: ``action = with_config(action, the one read back)``.
2. ``status_of(...)`` is patched if it differs from the status that was decided on.
3. The rest of the action, as its docstring says. Every part is safe to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from surelabel_contract.stages import Ending, StageConfig, StageReport
from surelabel_contract.steps import Step
from surelabel_operator.observed import Attempt, Owner, Problem


@dataclass(frozen=True)
class Nothing:
    """There is nothing to do until the world changes."""


@dataclass(frozen=True)
class Wait:
    """Look again at ``until``, or when the world or the next tick says so (None).

    ``expects`` is what is waited for: an attempt that runs has the tick of its backend.
    """

    until: datetime | None = None
    expects: Attempt | None = None


@dataclass(frozen=True)
class Block:
    """Something could not be asked: show the reason, look again with the queue's backoff."""

    problem: Problem


@dataclass(frozen=True)
class Stall:
    """Only a person can mend this: show the reason; look again at the next resync or event."""

    problem: Problem


@dataclass(frozen=True)
class ClaimOutput:
    """Create OWNER.json with our uid and this startTime (create only), then look again."""

    start_time: datetime


@dataclass(frozen=True)
class TakeOutput:
    """Change OWNER.json to our uid, keeping its state root, by If-Match; then look again."""

    owner: Owner


@dataclass(frozen=True)
class StopAttempts:
    """Stop these; they have ended only when a later look says so."""

    attempts: tuple[Attempt, ...]
    # For people and logs: Deleted, Finished, Suspended, DeadlineExceeded, StoppedByUser, ...
    why: str


@dataclass(frozen=True)
class ReleaseClusters:
    """Let these RayClusters of the job go; the next stage gets a new one."""

    names: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class CloseWorkforce:
    """Create the step's STOP.json: people get nothing new, open assignments may finish."""

    step: Step
    # Why, as a reason: StoppedByUser or a limit's.
    why: str


@dataclass(frozen=True)
class Start:
    """Record prepare, the first step."""

    config: StageConfig


@dataclass(frozen=True)
class Restore:
    """Rebuild the status by folding the reports of the store.

    With a ``config`` its step is the current one; without, the last report's is, whose advance
    is then the next action.
    """

    reports: tuple[StageReport, ...]
    config: StageConfig | None
    # Whether the config's attempt runs already (then it counts as submitted).
    runs: bool = False


@dataclass(frozen=True)
class SubmitAttempt:
    """Submit the current attempt under its own name; one of ours with that name is adopted."""

    config: StageConfig


@dataclass(frozen=True)
class RecordSubmitted:
    """Record that the backend knows the current attempt."""

    time: datetime


@dataclass(frozen=True)
class Advance:
    """The step is done: fold its report into the status and record the next step.

    Before the patch ``stop`` is stopped (twins that lost); after it ``delete`` is deleted.
    """

    report: StageReport
    config: StageConfig
    stop: tuple[Attempt, ...] = ()
    delete: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class EndEarly:
    """Record export although the current step has no commit (it was stopped)."""

    config: StageConfig


@dataclass(frozen=True)
class Retry:
    """Record the next attempt of the current step, with the reason that it is needed."""

    config: StageConfig
    failures: int
    infrastructure_failures: int
    retry_time: datetime | None
    # AttemptFailed, Resumed or SpecChanged as reason.
    problem: Problem


@dataclass(frozen=True)
class Finish:
    """The job ends: OWNER.json says finished (If-Match), then the status says how.

    ``report`` is export's; None when there was nothing to export yet. ``stop`` and ``delete``
    as in Advance.
    """

    ending: Ending
    report: StageReport | None
    stop: tuple[Attempt, ...] = ()
    delete: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class CleanUp:
    """Delete these from their backend; all have ended."""

    attempts: tuple[Attempt, ...]


Action = (
    Nothing
    | Wait
    | Block
    | Stall
    | ClaimOutput
    | TakeOutput
    | StopAttempts
    | ReleaseClusters
    | CloseWorkforce
    | Start
    | Restore
    | SubmitAttempt
    | RecordSubmitted
    | Advance
    | EndEarly
    | Retry
    | Finish
    | CleanUp
)

Recording = Start | Restore | Advance | EndEarly | Retry
_Recording = TypeVar("_Recording", Start, Restore, Advance, EndEarly, Retry)


def with_config(action: _Recording, held: StageConfig) -> _Recording:
    """The action with the config that the store holds in place of the proposed one."""
    return replace(action, config=held)
