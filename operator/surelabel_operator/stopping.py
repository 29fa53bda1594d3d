"""Rows of decide's table that stop something: deletion, the end, deadline, suspension, stopNow."""

from __future__ import annotations

from datetime import timedelta

from surelabel_contract.stages import Ending, Progressed
from surelabel_contract.steps import Stage
from surelabel_operator.actions import (
    Action,
    Block,
    CleanUp,
    CloseWorkforce,
    EndEarly,
    Finish,
    Nothing,
    ReleaseClusters,
    StopAttempts,
    Wait,
)
from surelabel_operator.advancing import advance_to
from surelabel_operator.configs import early_export_config
from surelabel_operator.evidence import is_seen_twice
from surelabel_operator.limits import ending, limit_reached_by
from surelabel_operator.next_step import export_after
from surelabel_operator.reasons import Reason
from surelabel_operator.situation import Situation, idle_at


def deleted(situation: Situation) -> Action | None:
    """Stop what runs; output and state stay."""
    if not situation.observed.deleted:
        return None
    return _stop(situation, Reason.DELETED) or Nothing()


def finished(situation: Situation) -> Action | None:
    """Stop what still runs, forget what ran; children stay until the TTL. Nothing else, ever."""
    if not situation.is_finished:
        return None
    if situation.is_unknown:
        return Nothing()
    stop = _stop(situation, Reason.FINISHED)
    if stop is not None:
        return stop
    if situation.observed.clusters:
        return ReleaseClusters(situation.observed.clusters, Reason.FINISHED)
    ended = tuple(a for a in situation.observed.attempts if a.ours)
    completed = situation.status.completion_time
    keeps_until = None
    if completed is not None:
        keeps_until = completed + timedelta(seconds=situation.spec.ttl_seconds_after_finished)
    is_over = keeps_until is None or situation.now >= keeps_until
    due = tuple(attempt for attempt in ended if is_over or not attempt.is_child)
    if due:
        return CleanUp(due)
    return Wait(until=keeps_until) if ended else Nothing()


def past_deadline(situation: Situation) -> Action | None:
    """Stop, then export what there is with the ending DeadlineExceeded."""
    observed, step = situation.observed, situation.step
    if step is None or step.stage is Stage.EXPORT or not observed.clock_trusted:
        return None
    sighting = observed.evidence.past_deadline
    if not is_seen_twice(sighting, observed.job.uid, observed.monotonic):
        return None
    return _end(situation, Reason.DEADLINE_EXCEEDED)


def suspended(situation: Situation) -> Action | None:
    """Stop what runs and keep the step."""
    if not situation.spec.suspend:
        return None
    if situation.observed.backend is not None:
        return Block(situation.observed.backend)
    stop = _stop(situation, Reason.SUSPENDED)
    if stop is None and situation.observed.clusters:
        return ReleaseClusters(situation.observed.clusters, Reason.SUSPENDED)
    return stop or Nothing()


def idle_cluster(situation: Situation) -> Action | None:
    """Let the job's RayCluster go when nothing has run on it for a while."""
    end, clusters = idle_at(situation), situation.observed.clusters
    if not clusters or end is None or situation.now < end:
        return None
    return ReleaseClusters(clusters, Reason.IDLE)


def limit_while_people_annotate(situation: Situation) -> Action | None:
    """The workforce hands out nothing more; the step commits with what it has."""
    observed, step = situation.observed, situation.step
    if step is None or step.stage is not Stage.ANNOTATE or observed.stop_requested:
        return None
    if observed.storage is not None or observed.commit is not None or observed.config is None:
        return None
    previous = observed.config.previous or Progressed()
    reason = limit_reached_by(situation.spec, previous, observed.progress)
    return None if reason is None else CloseWorkforce(step.step, reason)


def stop_now_while_a_model_works(situation: Situation) -> Action | None:
    """Stop train or infer and export: no answer can be lost by it."""
    if situation.stage not in (Stage.TRAIN, Stage.INFER) or not situation.spec.stopping.stop_now:
        return None
    # Committed: next_step ends the job with the report's numbers.
    if situation.observed.commit is not None:
        return None
    return _end(situation, Reason.STOPPED_BY_USER)


def past_timeout(situation: Situation) -> Action | None:
    """Stop the attempt; when it has ended it has failed by StageTimeout."""
    observed, step, attempt = situation.observed, situation.step, situation.attempt
    if step is None or attempt is None or not attempt.runs or not observed.clock_trusted:
        return None
    if observed.commit is not None or step.stage is Stage.ANNOTATE:
        return None
    if not is_seen_twice(observed.evidence.overdue, step.name, observed.monotonic):
        return None
    return StopAttempts((attempt,), Reason.STAGE_TIMEOUT)


def broken(situation: Situation) -> Action | None:
    """Stop the attempt that cannot end by itself; it has failed by what broke it."""
    attempt = situation.attempt
    if attempt is None or not attempt.ours or not attempt.runs or attempt.broken is None:
        return None
    if situation.observed.commit is not None:
        return None
    return StopAttempts((attempt,), attempt.broken.reason)


def _stop(situation: Situation, why: Reason) -> StopAttempts | None:
    running = situation.observed.running
    return StopAttempts(running, why) if running else None


def _end(situation: Situation, reason: Reason) -> Action | None:
    """Nothing may run any more, then export; None where the store hides what that needs."""
    observed = situation.observed
    if observed.backend is not None:
        return Block(observed.backend)
    stop = _stop(situation, reason)
    if stop is not None:
        return stop
    if situation.report is not None:
        return advance_to(situation, situation.report, export_after(situation.report, reason))
    config = observed.config
    if config is None:
        return None
    if config.previous is None:
        # Prepare has not committed, so there is nothing that export could write.
        return Finish(Ending(succeeded=False, reason=reason), None)
    how = ending(reason, config.previous.counters)
    return EndEarly(early_export_config(situation.spec, observed, config, how))
