"""The status after a look and an action: what the one patch of a reconcile writes.

It is equal to the status before where nothing worth a write has changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from surelabel_contract.stages import StageConfig, StageReport
from surelabel_contract.steps import Stage
from surelabel_operator.actions import (
    Action,
    Advance,
    ClaimOutput,
    CloseWorkforce,
    EndEarly,
    Finish,
    RecordSubmitted,
    Restore,
    Retry,
    Start,
    StopAttempts,
    SubmitAttempt,
    TakeOutput,
)
from surelabel_operator.active_time import active_time, settled
from surelabel_operator.conditions import TYPES, Scene, State, conditions_of, set_condition
from surelabel_operator.evidence import PROGRESS_SECONDS, Evidence
from surelabel_operator.observed import Attempt, Observed, Problem
from surelabel_operator.progress import advance, fold, seconds_of
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import (
    AnnotationStatus,
    Condition,
    Ending,
    JobStatus,
    LabelingJobSpec,
    StepStatus,
)

# What the world may refuse: written down only when it has come about, or failed.
_TRIED_FIRST = (ClaimOutput, TakeOutput, SubmitAttempt, CloseWorkforce)


def status_of(
    spec: LabelingJobSpec, before: JobStatus, observed: Observed, action: Action, now: datetime
) -> JobStatus:
    """The status to patch; equal to ``before`` if there is nothing to write.

    ``action`` has the config that the store holds (``actions.with_config``). After a patch that
    changed ``annotation``, keep ``progress_noted(...)`` as evidence.
    """
    now = now.replace(microsecond=0)
    if observed.deleted or isinstance(action, _TRIED_FIRST):
        return before
    if _is_finished(before):
        return _with_generation(before, observed.generation)
    after = _with_identity(_recorded(spec, before, observed, action, now), observed)
    after = after.with_(conditions=conditions_of(Scene(spec, before, after, observed, action, now)))
    after = settled(before, after, now)
    if isinstance(action, Finish):
        seconds = int(active_time(before, now).total_seconds())
        after = after.with_(active_seconds=max(after.active_seconds, seconds))
    return _with_progress(before, after, observed)


def status_of_invalid(
    before: JobStatus, generation: int, problem: Problem, now: datetime
) -> JobStatus:
    """The status of a job whose spec cannot even be read: stalled, everything else as it was."""
    if _is_finished(before):
        return before
    now = now.replace(microsecond=0)
    wrong = State("False", problem.reason, problem.message)
    states = {
        "Ready": wrong,
        "Stalled": State("True", problem.reason, problem.message),
        "Reconciling": State("False", Reason.UP_TO_DATE),
    }
    conditions = []
    for type_ in TYPES:
        known = before.condition(type_)
        unseen = State("Unknown", Reason.OBSERVING)
        kept = State(known.status, known.reason, known.message) if known is not None else unseen
        state = states.get(type_, kept)
        conditions.append(set_condition(before.conditions, type_, state, generation, now))
    return before.with_(observed_generation=generation, conditions=conditions)


def progress_noted(observed: Observed, before: JobStatus, after: JobStatus) -> Evidence:
    """The evidence to keep after the patch from ``before`` to ``after``."""
    if before.annotation == after.annotation:
        return observed.evidence
    return replace(observed.evidence, progress_written=observed.monotonic)


def _recorded(  # noqa: PLR0911 - one case an action.
    spec: LabelingJobSpec, before: JobStatus, observed: Observed, action: Action, now: datetime
) -> JobStatus:
    """``before`` with step, numbers and times as the action leaves them."""
    match action:
        case Start(config) | EndEarly(config):
            return before.with_(step=_step(config, now))
        case Restore(reports, config, runs):
            return _restored(spec, before, observed, (reports, config, runs), now)
        case Advance(report, config):
            folded = advance(before, report, spec, observed.folder_uri)
            return folded.with_(step=_step(config, now))
        case Retry():
            return before.with_(step=_retried(action, observed, now))
        case StopAttempts(attempts, Reason.SUSPENDED) if before.step is not None:
            # Suspended between submission and its record: resuming must know that it ran.
            return before.with_(step=_stopped(before.step, attempts, now))
        case RecordSubmitted(time) if before.step is not None:
            attempt = observed.attempt(before.step.name)
            cluster = None if attempt is None else attempt.cluster
            return before.with_(
                step=before.step.with_(submitted_time=time.replace(microsecond=0)),
                ray_cluster=cluster or before.ray_cluster,
            )
        case Finish(_, report) if report is not None:
            ended = advance(before, report, spec, observed.folder_uri)
            return ended.with_(completion_time=now)
        case Finish():
            return before.with_(completion_time=now)
    return before


def _stopped(step: StepStatus, attempts: tuple[Attempt, ...], now: datetime) -> StepStatus:
    if step.submitted_time is not None or step.name not in [a.name for a in attempts]:
        return step
    return step.with_(submitted_time=now)


def _retried(retry: Retry, observed: Observed, now: datetime) -> StepStatus:
    is_new_spec = retry.problem.reason == Reason.SPEC_CHANGED
    retry_time = retry.retry_time
    return _step(retry.config, now).with_(
        generation=observed.generation if is_new_spec else retry.config.generation,
        failures=retry.failures,
        infrastructure_failures=retry.infrastructure_failures,
        retry_time=None if retry_time is None else retry_time.replace(microsecond=0),
    )


def _restored(
    spec: LabelingJobSpec,
    before: JobStatus,
    observed: Observed,
    found: tuple[tuple[StageReport, ...], StageConfig | None, bool],
    now: datetime,
) -> JobStatus:
    reports, config, runs = found
    # Without a config the last report is left to the next action, which advances over it.
    folded = reports if config is not None else reports[:-1]
    numbers = fold(folded, spec, observed.folder_uri)
    if config is not None:
        step = _step(config, now).with_(submitted_time=now if runs else None)
    else:
        last = reports[-1]
        step = StepStatus(
            round=last.step.round,
            stage=last.step.stage,
            pass_=last.step.pass_,
            attempt=last.attempt,
            generation=last.generation,
            name=last.name,
            recorded_time=now,
            submitted_time=now,
        )
    return numbers.with_(
        step=step,
        active_seconds=sum(seconds_of(report) for report in reports),
        conditions=before.conditions,
        start_time=before.start_time,
    )


def _step(config: StageConfig, now: datetime) -> StepStatus:
    ending = config.ending
    return StepStatus(
        round=config.step.round,
        stage=config.step.stage,
        pass_=config.step.pass_,
        attempt=config.attempt,
        generation=config.generation,
        name=config.name,
        recorded_time=now,
        ending=None if ending is None else Ending(succeeded=ending.succeeded, reason=ending.reason),
    )


def _with_identity(status: JobStatus, observed: Observed) -> JobStatus:
    owner = observed.owner
    changes: dict[str, object] = {
        "observed_generation": observed.generation,
        "label_attribute_name": observed.label_attribute,
    }
    if owner is not None and owner.state_root is not None and status.state_uri is None:
        changes["state_uri"] = f"{observed.folder_uri}/{owner.state_root}"
    if owner is not None and status.step is not None and status.start_time is None:
        changes["start_time"] = owner.start_time
    return status.with_(**changes)


def _with_generation(before: JobStatus, generation: int) -> JobStatus:
    """An ended job takes in a new generation by doing nothing about it."""
    if before.observed_generation == generation:
        return before
    conditions: list[Condition] = [
        condition.with_(observed_generation=generation) for condition in before.conditions
    ]
    return before.with_(observed_generation=generation, conditions=conditions)


def _with_progress(before: JobStatus, after: JobStatus, observed: Observed) -> JobStatus:
    """``after`` with people's progress in it, if it is written anyway or was not for 30 s."""
    step, config, progress = after.step, observed.config, observed.progress
    if step is None or config is None or progress is None or step.stage is not Stage.ANNOTATE:
        return after
    if config.step != step.step or observed.commit is not None:
        return after
    received = config.previous.answers if config.previous is not None else 0
    annotation = AnnotationStatus(
        open_items=progress.open_items,
        answers_received=received + progress.answers_received,
    )
    written = observed.evidence.progress_written
    is_due = written is None or observed.monotonic - written >= PROGRESS_SECONDS
    if is_due or after != before:
        return after.with_(annotation=annotation)
    return after


def _is_finished(status: JobStatus) -> bool:
    succeeded = status.condition("Succeeded")
    return succeeded is not None and succeeded.status != "Unknown"
