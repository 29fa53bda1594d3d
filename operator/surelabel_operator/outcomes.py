"""How attempts and rounds ended, for the metrics; read off the action that follows their end."""

from __future__ import annotations

from surelabel_operator.actions import Action, Advance, EndEarly, Finish, Retry, Stall
from surelabel_operator.reasons import Reason, is_failure_stall
from surelabel_operator.resources import JobStatus, LabelingJob, StepStatus
from surelabel_operator.world import World


def count_attempt(action: Action, before: LabelingJob, world: World) -> None:
    """Count the end of the attempt in ``before``'s status, if the action means that it ended."""
    step = before.status.step
    outcome = None if step is None else outcome_of(action, before.status, step)
    if step is None or outcome is None:
        return
    world.metrics.stage_attempts.labels(step.stage.value, outcome).inc()
    if step.submitted_time is not None:
        seconds = (world.now() - step.submitted_time).total_seconds()
        world.metrics.stage_seconds.labels(step.stage.value, outcome).observe(max(0.0, seconds))
    if isinstance(action, Finish):
        world.metrics.rounds.labels("succeeded" if action.ending.succeeded else "failed").inc()
    elif isinstance(action, Advance) and action.config.step.round > step.round:
        world.metrics.rounds.labels("completed").inc()


def outcome_of(action: Action, status: JobStatus, step: StepStatus) -> str | None:
    """committed, app_error, infra_error, timeout or superseded; None: no attempt has ended."""
    if isinstance(action, Advance | Finish):
        # A deadline before prepare's commit finishes without a report.
        return "committed" if action.report is not None else "superseded"
    if isinstance(action, EndEarly):
        return "superseded"
    if isinstance(action, Retry):
        return _of_retry(action, step)
    if isinstance(action, Stall) and is_failure_stall(action.problem.reason):
        stalled = status.condition("Stalled")
        is_new = stalled is None or stalled.status != "True"
        # A name in use is nobody's attempt.
        counts = is_new and action.problem.reason != Reason.NAME_CONFLICT
        return "app_error" if counts else None
    return None


def _of_retry(retry: Retry, step: StepStatus) -> str:
    if retry.infrastructure_failures > step.infrastructure_failures:
        return "infra_error"
    if retry.problem.reason == Reason.STAGE_TIMEOUT:
        return "timeout"
    return "superseded" if retry.failures == step.failures else "app_error"
