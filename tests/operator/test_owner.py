"""OWNER.json: claimed once, taken over only where allowed, never after the end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from operator_bench import job_of
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Folder, Storage
from surelabel_operator.observed import OwnerState
from surelabel_operator.owner import (
    OwnerFile,
    OwnerUnreadableError,
    claim_output,
    judge_owner,
    mark_finished,
    read_owner,
    spec_digest,
    take_output,
)
from surelabel_operator.resources import LabelingJob, read_labeling_job

START = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    access = StorageAccess(prefixes=(f"file://{tmp_path}",), local_files=True)
    return Storage(access).folder(f"file://{tmp_path}/out/animals")


def job_with(uid: str, tmp_path: Path, **spec: Any) -> LabelingJob:
    body = job_of(tmp_path, **spec)
    body["metadata"] |= {"uid": uid, "namespace": "vision"}
    return read_labeling_job(body)


def file_of(job: LabelingJob, **changes: Any) -> OwnerFile:
    found = OwnerFile(
        uid=job.metadata.uid,
        namespace="vision",
        name="animals",
        installation="here",
        start_time=START,
        spec_digest=spec_digest(job),
        state_root=f"state/{job.metadata.uid}",
    )
    return found.model_copy(update=changes)


async def test_the_first_claim_counts(folder: Folder, tmp_path: Path) -> None:
    first, second = job_with("one", tmp_path), job_with("two", tmp_path)
    assert await read_owner(folder) is None
    assert await claim_output(folder, file_of(first))
    assert not await claim_output(folder, file_of(second))
    found = await read_owner(folder)
    assert found is not None
    assert judge_owner(first, found[0], False).state is OwnerState.OURS
    assert judge_owner(second, found[0], False).state is OwnerState.OTHER


def test_a_take_over_needs_the_uid_a_gone_predecessor_and_the_same_data(tmp_path: Path) -> None:
    first = job_with("one", tmp_path)
    uri = {"uri": f"file://{tmp_path}/out"}
    taker = job_with("two", tmp_path, output={**uri, "takeOver": "one"})
    assert judge_owner(taker, file_of(first), False).state is OwnerState.TAKEABLE
    refused = {
        "still exists": judge_owner(taker, file_of(first), True),
        "finished": judge_owner(taker, file_of(first, finished=True), False),
        "differ": judge_owner(taker, file_of(first, spec_digest="x"), False),
        "takeOver": judge_owner(
            job_with("two", tmp_path, output={**uri, "takeOver": "three"}), file_of(first), False
        ),
    }
    for words, owner in refused.items():
        assert owner.state is OwnerState.OTHER
        assert words in (owner.refusal or "")


async def test_a_taken_folder_keeps_its_state_and_start(folder: Folder, tmp_path: Path) -> None:
    first, second = job_with("one", tmp_path), job_with("two", tmp_path)
    await claim_output(folder, file_of(first))
    assert await take_output(folder, "one", file_of(second, start_time=datetime.now(UTC)))
    found = await read_owner(folder)
    assert found is not None
    assert (found[0].uid, found[0].state_root) == ("two", "state/one")
    assert found[0].start_time == START
    assert not await take_output(folder, "one", file_of(second))


async def test_the_end_is_written_once_by_its_owner(folder: Folder, tmp_path: Path) -> None:
    first = job_with("one", tmp_path)
    assert await mark_finished(folder, "one")
    await claim_output(folder, file_of(first))
    assert await mark_finished(folder, "somebody")
    assert not (await read_owner(folder))[0].finished  # type: ignore[index]
    assert await mark_finished(folder, "one")
    assert await mark_finished(folder, "one")
    assert (await read_owner(folder))[0].finished  # type: ignore[index]


async def test_a_damaged_file_is_named_not_repaired(folder: Folder) -> None:
    folder.write("OWNER.json", b"{}")
    with pytest.raises(OwnerUnreadableError, match=r"OWNER\.json"):
        await read_owner(folder)
