"""Rows of decide's table about the attempt in status: submit, watch, fail, try again."""

from __future__ import annotations

from datetime import datetime, timedelta

from surelabel_contract.steps import Stage
from surelabel_operator.actions import (
    Action,
    CleanUp,
    RecordSubmitted,
    Retry,
    Stall,
    StopAttempts,
    SubmitAttempt,
    Wait,
)
from surelabel_operator.configs import mended_config, retry_config
from surelabel_operator.evidence import (
    PROGRESS_SECONDS,
    SECOND_LOOK_SECONDS,
    is_seen_before,
    is_seen_twice,
)
from surelabel_operator.failures import Failure, failure_of, failures_after, is_last, told
from surelabel_operator.observed import Attempt, AttemptState, FailureClass, Problem
from surelabel_operator.reasons import Reason, is_failure_stall
from surelabel_operator.retries import delay_after, is_waiting
from surelabel_operator.situation import Situation, deadline_at, overdue_at

# An attempt that waits is looked at this often.
_PENDING_SECONDS = 60.0
# A stage that has committed ends by itself within this time.
_GRACE = timedelta(seconds=30)


def stalled_before_new_spec(situation: Situation) -> Action | None:
    """A person changed the spec: count anew, with an attempt that has the new spec."""
    step, config = situation.step, situation.observed.config
    if step is None or config is None or not _is_stalled_by_failures(situation):
        return None
    if situation.observed.generation <= step.generation:
        return None
    return Retry(
        config=mended_config(situation.spec, situation.observed, config, _next_attempt(situation)),
        failures=0,
        infrastructure_failures=0,
        retry_time=None,
        problem=Problem(Reason.SPEC_CHANGED, "The spec changed, so the step is tried again."),
    )


def stalled_by_failures(situation: Situation) -> Action | None:
    """Only another spec helps."""
    stalled = situation.status.condition("Stalled")
    if stalled is None or not _is_stalled_by_failures(situation):
        return None
    return Stall(Problem(stalled.reason, stalled.message))


def resumed(situation: Situation) -> Action | None:
    """The attempt that the suspension stopped is followed by the next one; no failure."""
    step, config = situation.step, situation.observed.config
    if step is None or config is None or not situation.is_resuming:
        return None
    attempt = situation.attempt
    if attempt is not None and attempt.ours and attempt.runs:
        # Asked to stop a moment ago: what becomes of it is not worth knowing.
        return StopAttempts((attempt,), Reason.RESUMING)
    return Retry(
        config=retry_config(situation.spec, situation.observed, config, _next_attempt(situation)),
        failures=step.failures,
        infrastructure_failures=step.infrastructure_failures,
        retry_time=None,
        problem=Problem(Reason.RESUMING, "spec.suspend is unset; the step goes on."),
    )


def retry_time_ahead(situation: Situation) -> Action | None:
    """Wait for it."""
    step = situation.step
    if step is None or not is_waiting(step.retry_time, situation.now):
        return None
    return Wait(until=step.retry_time)


def name_in_use(situation: Situation) -> Action | None:
    """Never touch what is not ours."""
    step, attempt = situation.step, situation.attempt
    if step is None or attempt is None or attempt.ours:
        return None
    return Stall(
        Problem(
            Reason.NAME_CONFLICT,
            f"{step.name} exists already and belongs to somebody else. Delete it, or change any "
            "field of spec (suspend and resume, for example) to go on under the next name.",
        )
    )


def never_submitted(situation: Situation) -> Action | None:
    """Submit under its own name; once the backend knows it, record that."""
    step, config = situation.step, situation.observed.config
    if step is None or config is None or step.submitted_time is not None:
        return None
    if situation.attempt is None:
        return SubmitAttempt(config)
    return RecordSubmitted(situation.now)


def lost_once(situation: Situation) -> Action | None:
    """Submitted and unknown: look again in 30 s."""
    step, evidence = situation.step, situation.observed.evidence
    if step is None or situation.attempt is not None:
        return None
    if is_seen_twice(evidence.missing, step.name, situation.observed.monotonic):
        return None
    since = evidence.missing.since if evidence.missing is not None else None
    passed = 0.0 if since is None else situation.observed.monotonic - since
    wait = max(1.0, SECOND_LOOK_SECONDS - passed)
    return Wait(until=situation.now + timedelta(seconds=wait))


def ended_once(situation: Situation) -> Action | None:
    """Ended without a commit: look for the commit again."""
    step, attempt, observed = situation.step, situation.attempt, situation.observed
    if step is None or attempt is None or attempt.runs:
        return None
    if is_seen_before(observed.evidence.ended, step.name, observed.monotonic):
        return None
    return Wait(until=situation.now)


def misconfigured(situation: Situation) -> Action | None:
    """A retry would fail the same way."""
    failure = failure_of(situation)
    if failure is None or failure.failure is not FailureClass.CONFIGURATION:
        return None
    return Stall(told(situation, failure, MEND))


def attempts_left(situation: Situation) -> Action | None:
    """Record the next attempt, with the time before which it does not start."""
    step, config, failure = situation.step, situation.observed.config, failure_of(situation)
    if step is None or config is None or failure is None or is_last(situation, failure):
        return None
    counted, infrastructure = failures_after(step, failure)
    of_class = infrastructure if failure.failure is FailureClass.INFRASTRUCTURE else counted
    attempt = _next_attempt(situation)
    retry_time = situation.now + delay_after(of_class, situation.observed.job.uid, attempt)
    return Retry(
        config=retry_config(situation.spec, situation.observed, config, attempt),
        failures=counted,
        infrastructure_failures=infrastructure,
        retry_time=retry_time,
        problem=told(situation, failure, f"Attempt {attempt} follows."),
    )


def no_attempt_left(situation: Situation) -> Action | None:
    """A person must look."""
    failure = failure_of(situation)
    if failure is None:
        return None
    problem = told(situation, failure, f"{_limit(situation, failure)} {MEND}")
    message = f"{failure.reason}: {problem.message}"
    return Stall(Problem(Reason.BACKOFF_LIMIT_EXCEEDED, message))


def leftovers(situation: Situation) -> Action | None:
    """Attempts of earlier steps: stop what hangs, forget what ended well."""
    step = situation.step
    if step is None:
        return None
    others = [a for a in situation.observed.attempts if a.ours and a.step != step.step]
    hanging = tuple(a for a in others if a.runs)
    if hanging and situation.now > step.recorded_time + _GRACE:
        return StopAttempts(hanging, Reason.SUPERSEDED)
    ended = tuple(a for a in others if not a.runs and not a.is_child and a.failure is None)
    return CleanUp(ended) if ended else None


def at_work(situation: Situation) -> Action | None:
    """The attempt runs or waits for room; look again when it changes, or is overdue."""
    attempt = situation.attempt
    if attempt is None:
        return None
    return Wait(until=_next_look(situation, attempt), expects=attempt)


# In a cluster; `surelabel run` says instead how it is started again.
MEND = (
    "Mend the cause, then change any field of spec (suspend and resume, for example) to try again."
)


def _limit(situation: Situation, failure: Failure) -> str:
    if failure.failure is FailureClass.INFRASTRUCTURE:
        return "That was the last of the attempts that may be lost so."
    step = situation.step
    name = "" if step is None else step.stage
    most = 0 if step is None else situation.spec.compute.stage(step.stage).max_attempts
    return f"spec.compute.stages[name={name}].maxAttempts is {most}."


def _is_stalled_by_failures(situation: Situation) -> bool:
    stalled = situation.status.condition("Stalled")
    return stalled is not None and stalled.status == "True" and is_failure_stall(stalled.reason)


def _next_attempt(situation: Situation) -> int:
    """One more than any attempt of the step that status or backend knows."""
    step = situation.step
    if step is None:
        return 1
    seen = [a.attempt for a in situation.observed.attempts if a.step == step.step]
    return 1 + max([step.attempt, *seen])


def _next_look(situation: Situation, attempt: Attempt) -> datetime | None:
    """When timeout or deadline want a look; once passed, when they want their second one."""
    ends = [deadline_at(situation)]
    if attempt.state is AttemptState.RUNNING:
        ends.append(overdue_at(situation))
    if attempt.state is AttemptState.PENDING:
        # Why it does not start is seen by looking only.
        ends.append(situation.now + timedelta(seconds=_PENDING_SECONDS))
    if situation.stage is Stage.ANNOTATE:
        # What people have done so far is seen by looking only.
        ends.append(situation.now + timedelta(seconds=PROGRESS_SECONDS))
    known = [end for end in ends if end is not None]
    if not known:
        return None
    return max(min(known), situation.now + timedelta(seconds=SECOND_LOOK_SECONDS))
