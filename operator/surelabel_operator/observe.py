"""Gathers what decide may know: first the backend, then the store, so that "no commit" is newer
than "ended". It judges nothing and changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import JobRef, StorageAccess
from surelabel_contract.steps import Stage, step_name
from surelabel_contract.store import StorageError
from surelabel_operator.backends import Backend, BackendError, KeepsClusters
from surelabel_operator.child_trust import Target, compute_target
from surelabel_operator.configs import team_facts
from surelabel_operator.evidence import Evidence
from surelabel_operator.observed import (
    Attempt,
    Observed,
    Problem,
    TeamFacts,
)
from surelabel_operator.owner import OwnerUnreadableError
from surelabel_operator.reasons import Reason
from surelabel_operator.records import CorruptedError
from surelabel_operator.resources import InvalidSpecError, LabelingJob
from surelabel_operator.store_look import Stored, look_into_store
from surelabel_operator.stores import JobStore
from surelabel_operator.team_check import team_not_found
from surelabel_operator.trust import check_entrypoint
from surelabel_operator.world import World

_SKEW_MAX_SECONDS = 60.0
# All of one look's store requests together; a store that hangs must not hold a worker.
_STORE_SECONDS = 20.0
_RECORD_MAX_BYTES = 16 * 2**20
# Twins of this many attempts back are looked for; older ones the sweep finds.
_TWINS = 2
_READS_AT_ONCE = 8


@dataclass(frozen=True)
class Scene:
    """What was observed, and the handles by which act changes it; None where refused."""

    observed: Observed
    backend: Backend | None = None
    store: JobStore | None = None


@dataclass(frozen=True)
class _References:
    target: Target | None = None
    store: JobStore | None = None
    team: TeamFacts | None = None
    problem: Problem | None = None


async def observe(job: LabelingJob, world: World) -> Scene:
    """One look at everything that concerns the job."""
    ref = world.job_ref(job)
    references = await _references(job, world)
    backend = world.backends.of(references.target) if references.target is not None else None
    attempts, backend_problem = await _ask_backend(backend, ref, _expected(job, ref, world))
    stored, storage_problem, problem = Stored(), None, references.problem
    if references.store is not None and not _has_ended(job):
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                stored = await look_into_store(job, world, references.store.folder, attempts)
        except StorageError as error:
            storage_problem = Problem(Reason.STORAGE_UNAVAILABLE, str(error))
        except TimeoutError:
            text = f"{job.folder_uri}: no answer within {_STORE_SECONDS:.0f} s."
            storage_problem = Problem(Reason.STORAGE_UNAVAILABLE, text)
        except (CorruptedError, OwnerUnreadableError) as error:
            problem = problem or Problem(Reason.STATE_CORRUPTED, str(error))
    if backend_problem is None and _wants_all(stored):
        attempts, backend_problem = await _ask_backend(backend, ref, ())
    observed = Observed(
        job=ref,
        generation=job.metadata.generation,
        monotonic=world.monotonic(),
        evidence=world.memory.evidence.get(ref.uid, Evidence()),
        folder_uri=job.folder_uri,
        manifest_uri=job.spec.input.manifest,
        label_attribute=job.label_attribute,
        # Without a store nothing is submitted, so nothing reads this.
        storage_access=references.store.stage_access if references.store else StorageAccess(),
        data_time=world.data_time(),
        deleted=job.metadata.deletion_timestamp is not None,
        clock_trusted=abs(world.cluster.clock_skew_seconds()) <= _SKEW_MAX_SECONDS,
        references=problem,
        storage=storage_problem,
        backend=backend_problem,
        team=references.team,
        owner=stored.owner,
        config=stored.config,
        commit=stored.commit,
        draft=stored.draft,
        attempts=attempts,
        clusters=backend.clusters(ref) if isinstance(backend, KeepsClusters) else (),
        progress=stored.progress,
        stop_requested=stored.stop_requested,
        rebuilt=stored.rebuilt,
    )
    return Scene(observed, backend, references.store)


async def _references(job: LabelingJob, world: World) -> _References:
    """What the spec refers to, and the first thing wrong with it."""
    spec, namespace = job.spec, job.metadata.namespace
    target: Target | None = None
    store: JobStore | None = None
    team: TeamFacts | None = None
    problem: Problem | None = None
    try:
        target = compute_target(world.settings, namespace, spec)
        if not _has_ended(job):
            auto = spec.auto_labeling
            check_entrypoint(world.settings, namespace, auto.model.entrypoint if auto else None)
            store = await world.stores.open(job, target)
            team = await _team(job, world)
    except ConfigurationError as error:
        problem = Problem(error.reason, str(error))
    return _References(target, store, team, problem)


async def _team(job: LabelingJob, world: World) -> TeamFacts:
    namespace, name = job.metadata.namespace, job.spec.workforce.work_team
    try:
        team = await world.cluster.get_work_team(namespace, name)
    except InvalidSpecError as error:
        raise ConfigurationError(
            Reason.INVALID_WORK_TEAM,
            f"spec.workforce.workTeam: WorkTeam {namespace}/{name} is not valid: {error} Correct "
            "it.",
        ) from None
    if team is None:
        problem = team_not_found(namespace, name)
        raise ConfigurationError(problem.reason, problem.message)
    return team_facts(team)


async def _ask_backend(
    backend: Backend | None, ref: JobRef, expected: tuple[str, ...] | None
) -> tuple[tuple[Attempt, ...], Problem | None]:
    if backend is None or expected is None:
        return (), None
    try:
        return await backend.observe(ref, expected), None
    except BackendError as error:
        return (), Problem(error.reason, str(error))


def _expected(job: LabelingJob, ref: JobRef, world: World) -> tuple[str, ...] | None:
    """Names to ask the backend for; (): all of the job; None: nothing to ask."""
    if _has_ended(job):
        return () if ref.uid in world.memory.unsettled else None
    step = job.status.step
    if step is None:
        return None
    first = max(1, step.attempt - _TWINS)
    return tuple(
        step_name(ref.name, ref.uid, step.step, number)
        for number in range(step.attempt, first - 1, -1)
    )


def _has_ended(job: LabelingJob) -> bool:
    succeeded = job.status.condition("Succeeded")
    return succeeded is not None and succeeded.status != "Unknown"


def _wants_all(stored: Stored) -> bool:
    """Whether every attempt of the job matters, which costs a list: at its end, at a rebuild."""
    if stored.rebuilt is not None:
        return bool(stored.rebuilt.reports or stored.rebuilt.recorded)
    return stored.commit is not None and stored.commit.report.step.stage is Stage.EXPORT
