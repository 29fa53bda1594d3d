"""One look into a job's folder: owner, config, commit, draft, progress. Never into data."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from surelabel_contract.keys import StateKeys
from surelabel_contract.people import Progress
from surelabel_contract.stages import StageConfig, StageFailure, StageReport
from surelabel_contract.steps import Stage
from surelabel_contract.store import Folder, NotFoundInStoreError
from surelabel_operator.observed import Attempt, Commit, Owner, OwnerState, Rebuilt
from surelabel_operator.owner import judge_owner, manifest_size_now, read_owner
from surelabel_operator.rebuild import read_rebuilt
from surelabel_operator.records import RECORD_MAX_BYTES, read_record
from surelabel_operator.resources import LabelingJob, StepStatus
from surelabel_operator.world import World


@dataclass(frozen=True)
class Stored:
    """What the store has of a job; see Observed for each."""

    owner: Owner | None = None
    config: StageConfig | None = None
    commit: Commit | None = None
    draft: StageFailure | None = None
    progress: Progress | None = None
    stop_requested: bool = False
    rebuilt: Rebuilt | None = None


async def look_into_store(
    job: LabelingJob, world: World, folder: Folder, attempts: tuple[Attempt, ...]
) -> Stored:
    """What the store has; StorageError, CorruptedError, OwnerUnreadableError.

    ``attempts`` were asked for before: a commit that is not found is newer than their ends.
    """
    owner = await _owner(job, world, folder)
    if owner.state is not OwnerState.OURS or owner.state_root is None:
        empty = Rebuilt() if job.status.step is None else None
        return Stored(owner=owner, rebuilt=empty)
    keys = StateKeys(owner.state_root)
    status = job.status.step
    if status is None:
        return Stored(owner=owner, rebuilt=await read_rebuilt(folder, keys))
    config = await _config(world, folder, keys, status)
    report = await read_record(folder, keys.commit(status.step), StageReport)
    if report is not None:
        faults = await find_faults(folder, keys, report)
        return Stored(owner=owner, config=config, commit=Commit(report, faults))
    current = next((found for found in attempts if found.name == status.name), None)
    runs = current is not None and current.runs
    draft, progress, stop_requested = None, None, False
    if status.submitted_time is not None and not runs:
        draft = await read_record(folder, keys.draft(status.step, status.attempt), StageFailure)
    if status.stage is Stage.ANNOTATE:
        # Of the step, not of an attempt: it holds whether or not one of them runs.
        stop_requested = await folder.size_async(keys.stop_request(status.step)) is not None
        if runs:
            progress = await _progress(folder, keys.progress(status.step))
    return Stored(
        owner=owner,
        config=config,
        draft=draft,
        progress=progress,
        stop_requested=stop_requested,
    )


async def _owner(job: LabelingJob, world: World, folder: Folder) -> Owner:
    uid = job.metadata.uid
    known = world.memory.owners.get(uid)
    if known is not None:
        return known
    found = await read_owner(folder)
    file = found[0] if found is not None else None
    exists = False
    if file is not None and file.uid != uid and job.spec.output.take_over is not None:
        named = await world.cluster.get_identity(file.namespace, file.name)
        exists = named is not None and named.metadata.uid == file.uid
    owner = judge_owner(job, file, exists)
    if file is not None and owner.state is OwnerState.TAKEABLE:
        # Last, since it costs a request.
        owner = judge_owner(job, file, exists, await manifest_size_now(job, folder, file))
    if owner.state is OwnerState.OURS:
        world.memory.owners[uid] = owner
    return owner


async def _config(
    world: World, folder: Folder, keys: StateKeys, status: StepStatus
) -> StageConfig | None:
    known = world.memory.config(status.name)
    if known is not None:
        return known
    config = await read_record(folder, keys.config(status.step, status.attempt), StageConfig)
    if config is not None:
        world.memory.keep_config(config)
    return config


async def _progress(folder: Folder, key: str) -> Progress | None:
    try:
        data = await folder.read_async(key, RECORD_MAX_BYTES)
        return msgspec.json.decode(data, type=Progress)
    except (NotFoundInStoreError, msgspec.MsgspecError):
        # Overwritten as people work: a torn or missing one is only news that comes later.
        return None


async def find_faults(folder: Folder, keys: StateKeys, report: StageReport) -> tuple[str, ...]:
    """One line for each output of the report that is missing or has another size."""
    prefixes = {keys.step(report.step)}
    outputs = list(report.outputs.values())
    if any(ref.key.startswith(keys.items) for ref in outputs):
        prefixes.add(keys.items)
    sizes: dict[str, int | None] = {}
    for prefix in sorted(prefixes):
        sizes.update({entry.key: entry.size for entry in await folder.entries_async(prefix)})
    for ref in outputs:
        if not any(ref.key.startswith(prefix) for prefix in prefixes):
            sizes[ref.key] = await folder.size_async(ref.key)
    return tuple(
        f"{folder.uri_of(ref.key)}: "
        + ("is missing" if size is None else f"has {size} bytes")
        + f"; the commit of {report.step.key} says {ref.size}."
        for ref in outputs
        if (size := sizes.get(ref.key)) != ref.size
    )
