"""Whether the recorded attempt has failed, whose fault that is, and how to tell people."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel_operator.evidence import is_seen_before, is_seen_twice
from surelabel_operator.observed import (
    MESSAGE_MAX,
    Attempt,
    AttemptState,
    FailureClass,
    Problem,
)
from surelabel_operator.reasons import Reason, reason_of_stage
from surelabel_operator.resources import StepStatus
from surelabel_operator.retries import MAX_INFRASTRUCTURE_FAILURES
from surelabel_operator.situation import Situation, overdue_at


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed; ``message`` without its place and what comes next."""

    failure: FailureClass
    reason: str
    message: str


def failure_of(situation: Situation) -> Failure | None:
    """How the recorded attempt failed; None: it has not, or that is not certain yet."""
    step, observed = situation.step, situation.observed
    if step is None or observed.commit is not None:
        return None
    evidence, monotonic = observed.evidence, observed.monotonic
    attempt = situation.attempt
    if attempt is None:
        if not is_seen_twice(evidence.missing, step.name, monotonic):
            return None
        return Failure(
            FailureClass.INFRASTRUCTURE,
            Reason.ATTEMPT_LOST,
            "was submitted, but is not known any more (a restarted Ray head forgets its jobs).",
        )
    if not is_seen_before(evidence.ended, step.name, monotonic):
        return None
    return _of_ended(situation, attempt)


def failures_after(step: StepStatus, failure: Failure) -> tuple[int, int]:
    """The step's counted and infrastructure failures with this one."""
    if failure.failure is FailureClass.INFRASTRUCTURE:
        return step.failures, step.infrastructure_failures + 1
    return step.failures + 1, step.infrastructure_failures


def is_last(situation: Situation, failure: Failure) -> bool:
    """Whether no attempt is left after this failure."""
    step = situation.step
    if step is None:
        return False
    counted, infrastructure = failures_after(step, failure)
    if failure.failure is FailureClass.INFRASTRUCTURE:
        return infrastructure >= MAX_INFRASTRUCTURE_FAILURES
    return counted >= situation.spec.compute.stage(step.stage).max_attempts


def told(situation: Situation, failure: Failure, following: str) -> Problem:
    """The failure as people read it: stage, attempt, what happened, what comes next."""
    step = situation.step
    where = "" if step is None else f"{step.stage} round {step.round} attempt {step.attempt}"
    # Whole before the middle: the next step must not be what is cut off.
    room = MESSAGE_MAX - len(f"{where}:  {following}")
    # On one line, as Events and conditions are read; Ray appends the last lines of its log.
    happened = " ".join(failure.message.split())[:room].strip()
    return Problem(failure.reason, f"{where}: {happened} {following}")


def _of_ended(situation: Situation, attempt: Attempt) -> Failure:
    draft = situation.observed.draft
    if draft is not None and draft.configuration:
        return Failure(FailureClass.CONFIGURATION, reason_of_stage(draft.reason), draft.message)
    if attempt.state is AttemptState.SUCCEEDED:
        message = "ended well by its own word, but committed nothing."
        return Failure(FailureClass.APPLICATION, Reason.COMMIT_MISSING, message)
    if attempt.state is AttemptState.STOPPED:
        return _of_stopped(situation)
    failure = attempt.failure or FailureClass.APPLICATION
    # What the stage itself says is nearer to the cause than what its surroundings saw.
    if draft is not None:
        if failure is FailureClass.CONFIGURATION:
            failure = FailureClass.APPLICATION
        return Failure(
            failure, attempt.reason or _REASONS[failure], f"{draft.reason}: {draft.message}"
        )
    return Failure(
        failure,
        attempt.reason or _REASONS[failure],
        attempt.message or "failed and left no message.",
    )


_REASONS = {
    FailureClass.APPLICATION: Reason.STAGE_FAILED,
    FailureClass.INFRASTRUCTURE: Reason.INFRASTRUCTURE_FAILED,
    FailureClass.CONFIGURATION: Reason.STAGE_MISCONFIGURED,
}


def _of_stopped(situation: Situation) -> Failure:
    step, end = situation.step, overdue_at(situation)
    if step is not None and end is not None and situation.now > end:
        seconds = situation.spec.compute.stage(step.stage).timeout_seconds
        return Failure(
            FailureClass.APPLICATION,
            Reason.STAGE_TIMEOUT,
            f"ran over spec.compute.stages[name={step.stage}].timeoutSeconds, now {seconds}.",
        )
    return Failure(
        FailureClass.INFRASTRUCTURE,
        Reason.ATTEMPT_STOPPED,
        "was stopped by somebody else before it committed.",
    )
