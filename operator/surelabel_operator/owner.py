"""OWNER.json: whose results lie in an output folder, written with conditional puts only.

It never overwrites a finished job's folder, and takes over a deleted predecessor's only where
``spec.output.takeOver`` names it and everything that must be equal is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, ValidationError

from surelabel_contract.keys import OWNER
from surelabel_contract.model import Record, canonical_json, sha256_hex
from surelabel_contract.store import Folder, NotFoundInStoreError
from surelabel_operator.observed import Owner, OwnerState
from surelabel_operator.resources import LabelingJob


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


class OwnerUnreadableError(Exception):
    """OWNER.json is there and is not ours to repair; the message says what is wrong."""


def spec_digest(job: LabelingJob) -> str:
    """SHA-256 of what the items and labels of a state depend on.

    The manifest counts by its URI, not by its content, which the operator does not read.
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


def judge_owner(job: LabelingJob, found: OwnerFile | None, predecessor_exists: bool) -> Owner:
    """What the file means for the job; ``predecessor_exists``: the LabelingJob that it names."""
    if found is None:
        return Owner(OwnerState.ABSENT)
    state, refusal = OwnerState.OURS, None
    if found.uid != job.metadata.uid:
        refusal = _refusal(job, found, predecessor_exists)
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
        return f"spec.output.takeOver: the owner is {found.uid!r}; got {wanted!r}."
    if found.finished:
        return f"the job {found.uid!r} has finished; its results are never overwritten."
    if predecessor_exists:
        return f"the LabelingJob {found.namespace}/{found.name} still exists; delete it first."
    if found.spec_digest != spec_digest(job):
        return "task type, labels or input.manifest differ from those of the job to continue."
    return None


async def claim_output(folder: Folder, file: OwnerFile) -> bool:
    """Create OWNER.json; False if somebody has it already."""
    return await folder.create_async(OWNER, file.to_json())


async def take_output(folder: Folder, predecessor: str, file: OwnerFile) -> bool:
    """Make the file ours if it still is the predecessor's; its state root stays in use."""
    found = await read_owner(folder)
    if found is None or found[0].uid != predecessor or found[0].finished:
        return False
    kept = file.model_copy(
        update={"state_root": found[0].state_root, "start_time": found[0].start_time}
    )
    return await folder.replace_async(OWNER, kept.to_json(), found[1])


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
