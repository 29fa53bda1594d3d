"""OWNER.json: claimed once, taken over only where allowed, never after the end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from operator_bench import job_of, write_texts
from s3 import S3Server
from surelabel_contract.keys import OWNER
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Folder, Storage, StorageError
from surelabel_operator.observed import OwnerState
from surelabel_operator.owner import (
    OwnerFile,
    OwnerUnreadableError,
    claim_output,
    judge_owner,
    manifest_size_at_claim,
    manifest_size_now,
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
        "the owner is": judge_owner(
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


# -- the manifest's content


def taker_of(tmp_path: Path, **spec: Any) -> LabelingJob:
    output = {"uri": f"file://{tmp_path}/out", "takeOver": "one"}
    return job_with("two", tmp_path, **{"output": output, **spec})


@pytest.mark.parametrize(
    ("before", "now", "taken"),
    [(812, 812, True), (812, 813, False), (812, None, True), (None, 812, True)],
)
def test_a_take_over_needs_a_manifest_of_the_same_size_as_far_as_it_is_known(
    tmp_path: Path, before: int | None, now: int | None, taken: bool
) -> None:
    found = file_of(job_with("one", tmp_path), manifest_size=before)
    owner = judge_owner(taker_of(tmp_path), found, False, now)
    assert owner.state is (OwnerState.TAKEABLE if taken else OwnerState.OTHER)
    assert ("813 bytes, then 812 bytes. Put that back." in (owner.refusal or "")) is not taken


def test_a_file_of_before_that_says_nothing_of_the_manifest_can_be_taken(tmp_path: Path) -> None:
    old = file_of(job_with("one", tmp_path)).to_json()
    assert b"manifest" not in old
    owner = judge_owner(taker_of(tmp_path), OwnerFile.from_json(old), False, 1)
    assert owner.state is OwnerState.TAKEABLE


async def test_a_manifest_that_is_written_again_with_the_same_bytes_is_the_same(
    folder: Folder, tmp_path: Path
) -> None:
    write_texts(tmp_path)
    job, path = job_with("one", tmp_path), tmp_path / "in.manifest"
    found = file_of(job, manifest_size=await manifest_size_at_claim(job, folder))
    assert found.manifest_size == path.stat().st_size
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    now = await manifest_size_now(job, folder, found)
    assert judge_owner(taker_of(tmp_path), found, False, now).state is OwnerState.TAKEABLE
    path.write_bytes(content + b"\n")
    now = await manifest_size_now(job, folder, found)
    assert judge_owner(taker_of(tmp_path), found, False, now).state is OwnerState.OTHER


@pytest.mark.parametrize("manifest", ["s3://elsewhere/in.manifest", "file:///etc/hostname"])
async def test_a_manifest_that_only_stages_may_read_does_not_hold_up_the_claim(
    folder: Folder, tmp_path: Path, manifest: str
) -> None:
    job = job_with("one", tmp_path, input={"manifest": manifest})
    assert await manifest_size_at_claim(job, folder) is None
    assert await manifest_size_now(job, folder, file_of(job, manifest_size=1)) is None


async def test_a_store_that_is_away_delays_a_take_over_but_no_claim(
    own_s3_server: S3Server, tmp_path: Path
) -> None:
    own_s3_server.stop()
    access = StorageAccess(
        prefixes=None, endpoint=own_s3_server.endpoint, region=own_s3_server.region
    )
    folder = Storage(access, own_s3_server.credentials).folder(f"{own_s3_server.uri}/job")
    job = job_with("one", tmp_path, input={"manifest": folder.uri_of("in.manifest")})
    assert await manifest_size_at_claim(job, folder) is None
    with pytest.raises(StorageError):
        await manifest_size_now(job, folder, file_of(job, manifest_size=1))


async def test_a_take_over_keeps_the_manifest_that_the_state_is_of(
    folder: Folder, tmp_path: Path
) -> None:
    first, second = job_with("one", tmp_path), job_with("two", tmp_path)
    await claim_output(folder, file_of(first, manifest_size=7))
    assert await take_output(folder, "one", file_of(second, manifest_size=8))
    found = await read_owner(folder)
    assert found is not None
    assert found[0].manifest_size == 7
    folder.write(OWNER, file_of(first).to_json())
    assert await take_output(folder, "one", file_of(second, manifest_size=8))
    found = await read_owner(folder)
    assert found is not None
    assert found[0].manifest_size == 8
