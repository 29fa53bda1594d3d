"""Carries out one action; every part may be repeated, and killed anywhere.

``prepare`` is what must be true before the status says so, ``finish`` what follows from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from surelabel_contract.keys import StateKeys
from surelabel_contract.model import canonical_json
from surelabel_contract.stages import StageConfig
from surelabel_contract.steps import Stage
from surelabel_contract.store import Folder
from surelabel_operator.actions import (
    Action,
    Advance,
    Block,
    ClaimOutput,
    CleanUp,
    CloseWorkforce,
    EndEarly,
    Finish,
    Nothing,
    Recording,
    ReleaseClusters,
    Restore,
    Retry,
    Stall,
    Start,
    StopAttempts,
    SubmitAttempt,
    TakeOutput,
    Wait,
)
from surelabel_operator.backends import Backend, BackendError, KeepsClusters, Submission
from surelabel_operator.cluster import GoneError
from surelabel_operator.observe import Scene
from surelabel_operator.observed import Attempt
from surelabel_operator.owner import (
    OwnerFile,
    claim_output,
    manifest_size_at_claim,
    mark_finished,
    spec_digest,
    take_output,
)
from surelabel_operator.resources import LabelingJob
from surelabel_operator.workforces.simulated import SimulatedPeople
from surelabel_operator.world import World

LOG = logging.getLogger(__name__)

# Ray needs a moment to stop a job; its watch usually says so before this.
_STOPPING_SECONDS = 2.0


class OwnerChangedError(Exception):
    """OWNER.json changed while it was written: look again."""


@dataclass(frozen=True)
class Next:
    """When to look again: at once, after seconds, with back-off, or not before an event."""

    again: bool = False
    seconds: float | None = None
    back_off: bool = False
    # Only a person can mend it.
    terminal: bool = False


async def prepare(action: Action, job: LabelingJob, scene: Scene, world: World) -> Action:
    """What comes before the status patch; the action with the config that the store holds."""
    if isinstance(action, Advance | Finish):
        # A twin that lost stops before the next step begins.
        await _stop(action.stop, scene)
    if isinstance(action, Finish):
        await _mark_finished(job, scene)
    if isinstance(action, Start | Restore | Advance | EndEarly | Retry):
        return await _record(action, scene, world)
    return action


async def finish(action: Action, job: LabelingJob, scene: Scene, world: World) -> Next:
    """What comes after the status patch, and when to look again."""
    match action:
        case StopAttempts(attempts=attempts):
            await _stop(attempts, scene)
        case ReleaseClusters(names=names):
            await _release(names, scene)
        case ClaimOutput() | TakeOutput():
            await _own(action, job, scene, world)
        case CloseWorkforce(step=step, why=why):
            key = StateKeys(_root(scene)).stop_request(step)
            await _folder(scene).create_async(key, canonical_json({"reason": why}))
        case SubmitAttempt(config=config):
            await _submit(config, job, scene, world)
        case Advance(delete=attempts):
            await _delete(attempts, scene)
        case CleanUp(attempts=attempts):
            if not await _delete(attempts, scene):
                return Next(back_off=True)
        case Finish(delete=attempts):
            await _delete(attempts, scene)
            world.memory.unsettled.add(job.metadata.uid)
        case _:
            pass
    return _next(action, world)


def _next(action: Action, world: World) -> Next:
    match action:
        case Wait(until=datetime() as until):
            return Next(seconds=max(0.05, (until - world.now()).total_seconds()))
        case Wait() | Nothing():
            return Next()
        case Stall():
            return Next(terminal=True)
        case Block():
            return Next(back_off=True)
        case StopAttempts() | ReleaseClusters():
            return Next(seconds=_STOPPING_SECONDS)
        case _:
            return Next(again=True)


async def _record(action: Recording, scene: Scene, world: World) -> Action:
    """STAGE.json before status: after a crash the retry finds this attempt, not a new one."""
    config = action.config
    if config is None:
        # A status rebuilt up to its last commit, whose advance is the next action.
        return action
    folder = _folder(scene)
    key = StateKeys(config.state_root).config(config.step, config.attempt)
    if not await folder.create_async(key, config.to_json()):
        config = StageConfig.from_json(await folder.read_async(key))
    world.memory.keep_config(config)
    return replace(action, config=config)


async def _submit(config: StageConfig, job: LabelingJob, scene: Scene, world: World) -> None:
    folder, backend = _folder(scene), _backend(scene)
    key = StateKeys(config.state_root).config(config.step, config.attempt)
    submission = Submission(
        name=config.name,
        job=config.job,
        step=config.step,
        attempt=config.attempt,
        config_uri=folder.uri_of(key),
        storage=config.storage,
        resources=config.resources,
        timeout_seconds=config.timeout_seconds,
        cluster=job.status.ray_cluster,
    )
    if config.step.stage is Stage.ANNOTATE:
        result = await SimulatedPeople(backend).submit(submission, config)
    else:
        result = await backend.submit(submission)
    world.metrics.children.labels(config.step.stage.value, result.value).inc()


async def _own(
    action: ClaimOutput | TakeOutput, job: LabelingJob, scene: Scene, world: World
) -> None:
    meta, folder = job.metadata, _folder(scene)
    file = OwnerFile(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        installation=world.installation(),
        start_time=action.start_time if isinstance(action, ClaimOutput) else world.data_time(),
        spec_digest=spec_digest(job),
        state_root=StateKeys.of(meta.uid).root,
        manifest_size=await manifest_size_at_claim(job, folder),
    )
    live = await world.cluster.get_identity(meta.namespace, meta.name)
    if live is None or live.metadata.uid != meta.uid:
        # Deleted since it was looked at: its successor must not find a claim of nobody.
        raise GoneError(f"LabelingJob {meta.namespace}/{meta.name} is gone; nothing is claimed")
    # Whoever was faster stands in the file, which the next look reads.
    if isinstance(action, ClaimOutput):
        await claim_output(folder, file)
    elif action.owner.uid is not None:
        await take_output(folder, action.owner.uid, file)


async def _mark_finished(job: LabelingJob, scene: Scene) -> None:
    if scene.store is None:
        return
    if not await mark_finished(scene.store.folder, job.metadata.uid):
        raise OwnerChangedError(f"{job.folder_uri}/OWNER.json changed while the job ended")


async def _stop(attempts: Iterable[Attempt], scene: Scene) -> None:
    await asyncio.gather(*(_backend(scene).stop(attempt.name) for attempt in attempts))


async def _release(names: Iterable[str], scene: Scene) -> None:
    backend = _backend(scene)
    if isinstance(backend, KeepsClusters):
        await asyncio.gather(*(backend.release(name) for name in names))


async def _delete(attempts: Iterable[Attempt], scene: Scene) -> bool:
    """Whether all are forgotten; failing is no error, since the job's end tries again."""
    done = True
    for attempt in attempts:
        try:
            await _backend(scene).delete(attempt.name)
        except BackendError as error:
            LOG.info("%s was not deleted: %s", attempt.name, error)
            done = False
    return done


def _backend(scene: Scene) -> Backend:
    if scene.backend is None:
        raise BackendError("RayNotAllowed", "there is no backend to ask")
    return scene.backend


def _folder(scene: Scene) -> Folder:
    if scene.store is None:
        raise BackendError("StorageNotAllowed", "there is no store to write to")
    return scene.store.folder


def _root(scene: Scene) -> str:
    owner = scene.observed.owner
    if owner is None or owner.state_root is None:
        return StateKeys.of(scene.observed.job.uid).root
    return owner.state_root
