"""The cluster in a folder keeps the promises that the API server makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from operator_bench import job_of, team_of
from surelabel_operator.cluster import ConflictError, GoneError
from surelabel_operator.folder_cluster import FolderCluster, FolderInUseError


async def test_a_status_is_patched_once_per_version(tmp_path: Path) -> None:
    cluster = FolderCluster(tmp_path)
    cluster.apply(job_of(tmp_path))
    job = await cluster.get_job("default", "animals")
    assert job is not None
    patched = await cluster.patch_status(job, job.status.with_(active_seconds=5))
    assert patched.status.active_seconds == 5
    with pytest.raises(ConflictError):
        await cluster.patch_status(job, job.status.with_(active_seconds=6))
    again = await cluster.get_job("default", "animals")
    assert again == patched


async def test_a_changed_spec_is_a_new_generation_and_the_same_uid(tmp_path: Path) -> None:
    cluster = FolderCluster(tmp_path)
    first = cluster.apply(job_of(tmp_path))
    assert cluster.apply(job_of(tmp_path)) == first
    second = cluster.apply(job_of(tmp_path, suspend=True))
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["metadata"]["generation"] == 2


async def test_what_is_not_there_is_none_or_gone(tmp_path: Path) -> None:
    cluster = FolderCluster(tmp_path)
    assert await cluster.get_job("default", "animals") is None
    assert await cluster.get_work_team("default", "team") is None
    assert await cluster.get_secret("default", "any") is None
    cluster.apply(job_of(tmp_path))
    cluster.apply(team_of(tmp_path))
    assert await cluster.get_work_team("default", "team") is not None
    job = await cluster.get_job("default", "animals")
    assert job is not None
    next((tmp_path / "labelingjobs").glob("*/*.json")).unlink()
    with pytest.raises(GoneError):
        await cluster.patch_status(job, job.status)
    assert await cluster.list_entries() == []


def test_the_installation_stays_and_one_process_at_a_time_has_the_folder(tmp_path: Path) -> None:
    first, second = FolderCluster(tmp_path), FolderCluster(tmp_path)
    installation = first.open()
    with pytest.raises(FolderInUseError, match="in use"):
        second.open()
    first.close()
    assert second.open() == installation
    second.close()


async def test_a_torn_write_leaves_the_old_object(tmp_path: Path) -> None:
    cluster = FolderCluster(tmp_path)
    cluster.apply(job_of(tmp_path))
    (tmp_path / "labelingjobs/default/animals.tmp").write_text('{"half": ')
    assert [entry.name for entry in await cluster.list_entries()] == ["animals"]
