"""The conditions of a LabelingJob: what each says after a look and the action taken.

Conditions are observations; nothing is decided from them but what DESIGN says: Succeeded is
final, Stalled by failures waits for another spec, Suspended tells a resumed job from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from surelabel_contract.stages import (
    CONSENSUS_ERROR,
    CONSENSUS_TOO_NOISY,
    MODEL_FAILED,
    Ending,
    StageReport,
)
from surelabel_contract.steps import Stage
from surelabel_operator.actions import (
    Action,
    Advance,
    Block,
    EndEarly,
    Finish,
    RecordSubmitted,
    Restore,
    Retry,
    Stall,
    Start,
    Wait,
)
from surelabel_operator.limits import why_without_success
from surelabel_operator.observed import AttemptState, Observed, Problem
from surelabel_operator.reasons import ATTEMPT_REASONS, Reason, is_failure_stall
from surelabel_operator.resources import MESSAGE_MAX, Condition, JobStatus, LabelingJobSpec
from surelabel_operator.situation import was_suspended

TYPES = (
    "Ready",
    "Succeeded",
    "Reconciling",
    "Stalled",
    "Suspended",
    "RoundRunning",
    "Queued",
    "StorageAvailable",
    CONSENSUS_TOO_NOISY,
    MODEL_FAILED,
)
# An attempt that has waited for room no longer than this is not worth a write.
_QUEUED_AFTER = timedelta(seconds=30)
_RECORDING = (Start, Restore, Advance, EndEarly, Retry, Finish)


@dataclass(frozen=True)
class State:
    """A condition without its times."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def set_condition(
    before: list[Condition], type_: str, state: State, generation: int, now: datetime
) -> Condition:
    """The condition in this state; lastTransitionTime changes with its status alone."""
    known = next((c for c in before if c.type == type_), None)
    is_same = known is not None and known.status == state.status
    return Condition(
        type=type_,
        status=state.status,
        reason=str(state.reason),
        message=state.message[:MESSAGE_MAX],
        observed_generation=generation,
        last_transition_time=known.last_transition_time if known and is_same else now,
    )


@dataclass(frozen=True)
class Scene:
    """A look and its action; ``after`` is the new status but for its conditions."""

    spec: LabelingJobSpec
    before: JobStatus
    after: JobStatus
    observed: Observed
    action: Action
    now: datetime

    def kept(self, type_: str) -> State | None:
        """The condition as it was, to leave it so."""
        known = self.before.condition(type_)
        return None if known is None else State(known.status, known.reason, known.message)

    @property
    def is_idle(self) -> bool:
        """Suspended, with nothing left that runs as far as can be known."""
        observed = self.observed
        return not observed.running and not observed.clusters and observed.backend is None


def conditions_of(scene: Scene) -> list[Condition]:
    """All conditions, always."""
    states = {
        "Ready": _ready(scene),
        "Succeeded": _succeeded(scene),
        "Reconciling": _reconciling(scene),
        "Stalled": _stalled(scene),
        "Suspended": _suspended(scene),
        "RoundRunning": _round_running(scene),
        "Queued": _queued(scene),
        "StorageAvailable": _storage_available(scene),
        CONSENSUS_TOO_NOISY: _consensus_too_noisy(scene),
        MODEL_FAILED: _model_failed(scene),
    }
    before, generation = scene.before.conditions, scene.observed.generation
    return [set_condition(before, type_, states[type_], generation, scene.now) for type_ in TYPES]


def _ready(scene: Scene) -> State:
    match scene.action:
        case Stall(problem) | Block(problem):
            return _problem(problem)
        case Retry(problem=problem) if problem.reason in ATTEMPT_REASONS:
            return _problem(problem)
        case Finish():
            return _succeeded(scene)
    return _ready_to_go_on(scene)


def _ready_to_go_on(scene: Scene) -> State:
    stalled = _stalled(scene)
    if stalled.status == "True":
        return State("False", stalled.reason, stalled.message)
    if scene.spec.suspend:
        return State("False", Reason.SUSPENDED, "spec.suspend is set; unset it to go on.")
    kept, step = scene.kept("Ready"), scene.after.step
    is_retrying = step is not None and step.attempt > 1 and step.submitted_time is None
    if kept is not None and is_retrying and kept.reason in ATTEMPT_REASONS:
        # Until the next attempt runs, people see why the last one failed.
        return kept
    if step is None:
        return State("Unknown", Reason.OBSERVING)
    attempt = scene.observed.attempt(step.name)
    if attempt is not None and attempt.waits is not None:
        return _problem(attempt.waits)
    return State("True", Reason.PROGRESSING, describe(scene.after))


def _succeeded(scene: Scene) -> State:
    if isinstance(scene.action, Finish):
        ending = scene.action.ending
        status: Literal["True", "False"] = "True" if ending.succeeded else "False"
        return State(status, ending.reason, _how_it_ended(scene, ending))
    return State("Unknown", Reason.ACTIVE)


def _reconciling(scene: Scene) -> State:
    step = scene.after.step
    is_first = step is None or (step.round == 0 and step.submitted_time is None)
    if is_first and not isinstance(scene.action, Stall | Finish) and not scene.spec.suspend:
        return State("True", Reason.NEW_GENERATION)
    return State("False", Reason.UP_TO_DATE)


def _stalled(scene: Scene) -> State:
    match scene.action:
        case Stall(problem):
            return State("True", problem.reason, problem.message)
        case Finish(ending) if not ending.succeeded:
            return State("True", ending.reason, _how_it_ended(scene, ending))
    kept = scene.kept("Stalled")
    if kept is None or kept.status != "True" or isinstance(scene.action, _RECORDING):
        return State("False", Reason.NOT_STALLED)
    # Outages and suspensions come and go; the failures wait for another spec.
    return kept if is_failure_stall(kept.reason) else State("False", Reason.NOT_STALLED)


def _suspended(scene: Scene) -> State:
    if isinstance(scene.action, Finish):
        return State("False", Reason.NOT_SUSPENDED)
    if scene.spec.suspend:
        if scene.is_idle:
            return State("True", Reason.SUSPENDED, "Nothing runs.")
        return State("Unknown", Reason.SUSPENDING, "Something still runs.")
    kept = scene.kept("Suspended")
    if (
        kept is not None
        and was_suspended(scene.before)
        and not isinstance(scene.action, _RECORDING)
    ):
        return kept
    return State("False", Reason.NOT_SUSPENDED)


def _round_running(scene: Scene) -> State:
    step, observed = scene.after.step, scene.observed
    nothing = State("False", Reason.NOTHING_RUNS)
    if step is None or isinstance(scene.action, Finish):
        return nothing
    if observed.backend is not None:
        return State("Unknown", observed.backend.reason, observed.backend.message)
    attempt = observed.attempt(step.name)
    running = State(
        "True",
        Reason.ATTEMPT_RUNNING,
        f"round {step.round} {step.stage} attempt {step.attempt}",
    )
    if attempt is not None and attempt.ours and attempt.runs:
        return running
    if isinstance(scene.action, RecordSubmitted):
        return running
    kept = scene.kept("RoundRunning")
    if isinstance(scene.action, Wait) and step.submitted_time is not None and kept is not None:
        # Ended or unknown, but not for certain: the next look writes what became of it.
        return kept
    return nothing


def _queued(scene: Scene) -> State:
    step = scene.after.step
    attempt = None if step is None else scene.observed.attempt(step.name)
    if step is not None and attempt is not None and attempt.state is AttemptState.PENDING:
        since = step.submitted_time
        if since is not None and scene.now - since >= _QUEUED_AFTER:
            if attempt.waits is not None:
                return State("True", attempt.waits.reason, attempt.waits.message)
            return State("True", Reason.WAITING_FOR_ROOM, attempt.message)
    return State("False", Reason.NOT_QUEUED)


def _storage_available(scene: Scene) -> State:
    observed = scene.observed
    for problem in (observed.storage, observed.references):
        if problem is not None and (
            problem is observed.storage or problem.reason == Reason.STORAGE_NOT_ALLOWED
        ):
            return _problem(problem)
    if observed.owner is not None:
        return State("True", Reason.AVAILABLE)
    return scene.kept("StorageAvailable") or State("Unknown", Reason.NOT_ASKED)


def _consensus_too_noisy(scene: Scene) -> State:
    """What the newest report with an estimate says; nothing is known where nothing is promised."""
    for report in reversed(_reports(scene.action)):
        for notice in report.notices:
            if notice.reason == CONSENSUS_TOO_NOISY:
                return State("True", notice.reason, notice.message)
        if scene.spec.auto_labeling is not None and CONSENSUS_ERROR in report.metrics:
            return State("False", Reason.CONSENSUS_GOOD_ENOUGH)
    return scene.kept(CONSENSUS_TOO_NOISY) or State("Unknown", Reason.NOT_ESTIMATED)


def _model_failed(scene: Scene) -> State:
    """What the newest training says; nothing is known before the first."""
    for report in reversed(_reports(scene.action)):
        if report.step.stage is Stage.TRAIN:
            for notice in report.notices:
                if notice.reason == MODEL_FAILED:
                    return State("True", notice.reason, notice.message)
            return State("False", Reason.MODEL_TRAINED)
    return scene.kept(MODEL_FAILED) or State("Unknown", Reason.NO_MODEL_YET)


def _reports(action: Action) -> tuple[StageReport, ...]:
    match action:
        case Restore(reports):
            return reports
        case Advance(report) | Finish(_, report) if report is not None:
            return (report,)
    return ()


def describe(status: JobStatus) -> str:
    """Where the job is, in a sentence that changes with its steps alone."""
    counters, step = status.label_counters, status.step
    where = "" if step is None else f"Round {step.round}, {step.stage}: "
    return (
        f"{where}{counters.total_labeled} of {counters.total} items labeled, "
        f"{counters.human_labeled} by people, {counters.machine_labeled} by models."
    )


def _how_it_ended(scene: Scene, ending: Ending) -> str:
    where = describe(scene.after)
    return where if ending.succeeded else f"{why_without_success(scene.spec, ending)} {where}"


def _problem(problem: Problem) -> State:
    return State("False", problem.reason, problem.message)
