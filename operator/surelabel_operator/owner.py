"""OWNER.json: whose results lie in an output folder, written with conditional puts only.

It never overwrites a finished job's folder, and takes over a deleted predecessor's only where
``spec.output.takeOver`` names it and everything that must be equal is.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.keys import OWNER
from surelabel_contract.model import Record, canonical_json, sha256_hex
from surelabel_contract.store import (
    Folder,
    ForbiddenError,
    ImpossibleNameError,
    NotFoundInStoreError,
    StorageError,
)
from surelabel_operator.observed import Owner, OwnerState
from surelabel_operator.resources import LabelingJob

# A manifest that the operator cannot reach must not hold up the claim.
_MANIFEST_SECONDS = 10.0


class OwnerFile(Record):
    """The content of OWNER.json."""

    schema_version: Literal[1] = 1
    uid: str
    namespace: str
    name: str
    installation: str
    start_time: AwareDatetime
    # Of what a successor must have equal: task type, labels, manifest.
    spec_digest: str
    state_root: str
    finished: bool = False
    # The manifest's bytes at the claim; None: the operator's credentials could not reach it.
    manifest_size: int | None = None


class OwnerUnreadableError(Exception):
    """OWNER.json is there and is not ours to repair; the message says what is wrong."""


def spec_digest(job: LabelingJob) -> str:
    """SHA-256 of what the items and labels of a state depend on.

    The manifest counts by its URI. Its content counts by its size, since the operator does not
    read it; the stages of a taken state compare its digest before they do anything.
    """
    spec = job.spec
    return sha256_hex(
        canonical_json(
            {
                "taskType": spec.task_type,
                "labels": [label.name for label in spec.labels],
                "manifest": spec.input.manifest,
            }
        )
    )


async def read_owner(folder: Folder) -> tuple[OwnerFile, str | None] | None:
    """The file and its version; None if nobody has claimed the folder."""
    try:
        data, version = await folder.read_versioned_async(OWNER)
    except NotFoundInStoreError:
        return None
    try:
        return OwnerFile.from_json(data), version
    except ValidationError as error:
        raise OwnerUnreadableError(
            f"{folder.uri_of(OWNER)} cannot be read: {error.errors()[0]['msg']}. "
            "Restore it, or use another spec.output.uri."
        ) from error


async def manifest_size_at_claim(job: LabelingJob, folder: Folder) -> int | None:
    """What to record of the manifest; None where the operator cannot reach it, as stages may."""
    try:
        async with asyncio.timeout(_MANIFEST_SECONDS):
            return await _manifest_size(job, folder)
    except (StorageError, TimeoutError):
        return None


async def manifest_size_now(job: LabelingJob, folder: Folder, found: OwnerFile) -> int | None:
    """The size to compare with what ``found`` records; None: nothing can be compared.

    StorageError where the store cannot be asked now: a take-over can wait.
    """
    return None if found.manifest_size is None else await _manifest_size(job, folder)


async def _manifest_size(job: LabelingJob, folder: Folder) -> int | None:
    try:
        place, key = folder.storage.locate(job.spec.input.manifest)
        return await place.size_async(key)
    except (ForbiddenError, ImpossibleNameError, ConfigurationError):
        return None


def judge_owner(
    job: LabelingJob,
    found: OwnerFile | None,
    predecessor_exists: bool,
    manifest_size: int | None = None,
) -> Owner:
    """What the file means for the job; ``predecessor_exists``: the LabelingJob that it names.

    ``manifest_size``: as it is now; None: it is not compared.
    """
    if found is None:
        return Owner(OwnerState.ABSENT)
    state, refusal = OwnerState.OURS, None
    if found.uid != job.metadata.uid:
        refusal = _refusal(job, found, predecessor_exists) or _changed(job, found, manifest_size)
        taken = refusal is None and job.spec.output.take_over is not None
        state = OwnerState.TAKEABLE if taken else OwnerState.OTHER
    return Owner(
        state,
        uid=found.uid,
        state_root=found.state_root,
        start_time=found.start_time,
        finished=found.finished,
        refusal=refusal,
    )


def _refusal(job: LabelingJob, found: OwnerFile, predecessor_exists: bool) -> str | None:
    wanted = job.spec.output.take_over
    if wanted is None:
        return None
    if wanted != found.uid:
        return (
            f"the owner is {found.uid!r}; got {wanted!r}. Set the owner, if this job shall "
            "continue its state and that job is deleted."
        )
    if found.finished:
        return f"the job {found.uid!r} has finished; its results are never overwritten."
    if predecessor_exists:
        return f"the LabelingJob {found.namespace}/{found.name} still exists; delete it first."
    if found.spec_digest != spec_digest(job):
        return (
            "task type, labels or input.manifest differ from those of the job to continue. Create "
            "this one with the same."
        )
    return None


def _changed(job: LabelingJob, found: OwnerFile, size: int | None) -> str | None:
    if size is None or found.manifest_size in (None, size):
        return None
    return (
        f"input.manifest must be the one that the job to continue was given; got another content "
        f"of {job.spec.input.manifest}: {size} bytes, then {found.manifest_size} bytes. Put that "
        "back."
    )


async def claim_output(folder: Folder, file: OwnerFile) -> bool:
    """Create OWNER.json; False if somebody has it already."""
    return await folder.create_async(OWNER, file.to_json())


async def take_output(folder: Folder, predecessor: str, file: OwnerFile) -> bool:
    """Make the file ours if it still is the predecessor's; its state root stays in use."""
    found = await read_owner(folder)
    if found is None or found[0].uid != predecessor or found[0].finished:
        return False
    before = found[0]
    kept = {"state_root": before.state_root, "start_time": before.start_time}
    # The state is of the manifest as it was then, also for a successor's successor.
    size = file.manifest_size if before.manifest_size is None else before.manifest_size
    taken = file.model_copy(update={**kept, "manifest_size": size})
    return await folder.replace_async(OWNER, taken.to_json(), found[1])


async def mark_finished(folder: Folder, uid: str) -> bool:
    """Say in OWNER.json that the job has ended; False if the file changed meanwhile."""
    found = await read_owner(folder)
    if found is None or found[0].uid != uid:
        # Nothing of ours to protect: the end of a job that never wrote anything.
        return True
    if found[0].finished:
        return True
    ended = found[0].model_copy(update={"finished": True})
    return await folder.replace_async(OWNER, ended.to_json(), found[1])
