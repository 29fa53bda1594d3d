"""Moves one LabelingJob a step nearer its spec: observe, decide, record, act.

Level-triggered: it rereads the world and never asks which event woke it. Intent is recorded
first (STAGE.json, then status), so that after a crash the retry finds this attempt, not a new one.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.store import StorageError
from surelabel_operator import act
from surelabel_operator.actions import (
    Action,
    Block,
    Nothing,
)
from surelabel_operator.backends import BackendError
from surelabel_operator.cluster import ClusterError, EventDraft
from surelabel_operator.decide import row_of
from surelabel_operator.events import event_of
from surelabel_operator.evidence import SECOND_LOOK_SECONDS
from surelabel_operator.looks import with_evidence
from surelabel_operator.observe import Scene, observe
from surelabel_operator.observed import Problem
from surelabel_operator.outcomes import count_attempt
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import InvalidSpecError, LabelingJob
from surelabel_operator.situation import Situation, deadline_at, idle_at
from surelabel_operator.status import progress_noted, status_of, status_of_invalid
from surelabel_operator.world import World

LOG = logging.getLogger(__name__)

# Actions that follow each other without anything to wait for, such as claim, start, submit.
_LOOKS_MAX = 8
_SKEW = EventDraft(
    "Warning",
    Reason.CLOCK_SKEW,
    "The operator's clock is more than 60 s off the API server's: no timeout and no deadline "
    "acts. Set the clock of the operator's node.",
)


@dataclass(frozen=True)
class Outcome:
    """When the job wants to be looked at again; neither: at its next event or the resync."""

    seconds: float | None = None
    back_off: bool = False
    # Only a person can mend what the job waits for.
    terminal: bool = False


async def reconcile(job: LabelingJob, world: World) -> Outcome:
    """Take the next steps of the job; safe to repeat, and to kill anywhere."""
    for _ in range(_LOOKS_MAX):
        job, following = await _look(job, world)
        if not following.again:
            return Outcome(following.seconds, following.back_off, following.terminal)
    # More in a row than any job needs: whatever makes it so must not spin.
    return Outcome(back_off=True)


async def _look(job: LabelingJob, world: World) -> tuple[LabelingJob, act.Next]:
    scene = await observe(job, world)
    now = world.now()
    observed = with_evidence(job.spec, job.status, scene.observed, now)
    world.memory.evidence[job.metadata.uid] = observed.evidence
    scene = Scene(observed, scene.backend, scene.store)
    row, action = row_of(job.spec, job.status, observed, now)
    if not observed.clock_trusted and job.metadata.uid not in world.memory.skew_told:
        world.memory.skew_told.add(job.metadata.uid)
        await _write(_SKEW, job, world)
    LOG.debug("%s/%s: %s", job.metadata.namespace, job.metadata.name, row)
    try:
        action = await act.prepare(action, job, scene, world)
        job = await _patch(row, action, job, scene, world, now)
        following = await act.finish(action, job, scene, world)
    except (BackendError, StorageError, ConfigurationError) as error:
        # What an action meets is shown as what a look meets: nothing else would tell.
        LOG.info("%s/%s: %s: %s", job.metadata.namespace, job.metadata.name, row, error)
        world.metrics.exception(error)
        scene, action = _blocked(scene, error)
        job = await _patch("an action failed", action, job, scene, world, now)
        return job, act.Next(back_off=True)
    uid = job.metadata.uid
    if isinstance(action, Nothing) and uid in world.memory.unsettled:
        if observed.backend is not None:
            # Whether anything still runs is not known: ask again until it is.
            return job, act.Next(back_off=True)
        world.memory.unsettled.discard(uid)
        world.memory.evidence.pop(uid, None)
    return job, _in_time(following, Situation(job.spec, job.status, observed, now))


async def _patch(
    row: str, action: Action, job: LabelingJob, scene: Scene, world: World, now: datetime
) -> LabelingJob:
    """The job with the status that follows from look and action; one write, if it differs."""
    observed, before = scene.observed, job
    status = status_of(job.spec, job.status, observed, action, now)
    if status == job.status:
        return job
    job = await world.cluster.patch_status(job, status)
    # From here on either this reconcile goes on with the new object, or it fails and the
    # queue has the key again.
    world.memory.written[job.metadata.uid] = job.metadata.resource_version
    evidence = progress_noted(observed, before.status, status)
    world.memory.evidence[job.metadata.uid] = evidence
    count_attempt(action, before, world)
    _log(row, action, job)
    await _tell(action, before, job, world)
    return job


def _blocked(
    scene: Scene, error: BackendError | StorageError | ConfigurationError
) -> tuple[Scene, Block]:
    if isinstance(error, StorageError):
        problem = Problem(Reason.STORAGE_UNAVAILABLE, str(error))
        observed = replace(scene.observed, storage=problem)
    else:
        problem = Problem(error.reason, str(error))
        observed = scene.observed
    return Scene(observed, scene.backend, scene.store), Block(problem)


def _in_time(following: act.Next, situation: Situation) -> act.Next:
    """A job that waits for nothing but events is still looked at when its deadline passes, or
    when its RayCluster has been idle for long enough."""
    if following.again or following.back_off or following.seconds is not None:
        return following
    if situation.is_finished:
        return following
    deadline = deadline_at(situation)
    idle = idle_at(situation) if situation.observed.clusters else None
    ends = [end for end in (deadline, idle) if end is not None]
    if not ends:
        return following
    # Passed, the deadline has to be seen twice.
    seconds = max((min(ends) - situation.now).total_seconds(), SECOND_LOOK_SECONDS)
    return replace(following, seconds=seconds)


async def refuse(namespace: str, name: str, error: InvalidSpecError, world: World) -> None:
    """Show in the status that the job's spec cannot be read; what runs goes on."""
    found = await world.cluster.get_identity(namespace, name)
    if found is None:
        return
    problem = Problem(error.reason, str(error))
    status = status_of_invalid(found.status, found.metadata.generation, problem, world.now())
    if status != found.status:
        with suppress(InvalidSpecError):
            await world.cluster.patch_status(found, status)


def _log(row: str, action: Action, job: LabelingJob) -> None:
    step = job.status.step
    LOG.info(
        row,
        extra={
            "namespace": job.metadata.namespace,
            "job": job.metadata.name,
            "action": type(action).__name__,
            "step": step.name if step is not None else None,
        },
    )


async def _tell(action: Action, before: LabelingJob, job: LabelingJob, world: World) -> None:
    event = event_of(before.status, job.status, action)
    if event is not None:
        await _write(event, job, world)


async def _write(event: EventDraft, job: LabelingJob, world: World) -> None:
    try:
        await world.cluster.create_event(job, event)
    except ClusterError as error:
        # An Event is for people; the status, which is written, is what counts.
        LOG.warning("an Event was not written: %s", error)
