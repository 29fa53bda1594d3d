"""A cluster in a folder: LabelingJobs and WorkTeams as JSON files.

Files are replaced atomically, so that a kill at any moment leaves the old or the new one. It
serves one process at a time and makes no network request.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from surelabel_operator.cache import JobEntry
from surelabel_operator.calls import external_call
from surelabel_operator.cluster import ConflictError, EventDraft, GoneError, Identity, Secret
from surelabel_operator.resources import (
    JobStatus,
    LabelingJob,
    WorkTeam,
    read_job_status,
    read_labeling_job,
    read_metadata,
    read_work_team,
)

_JOBS, _TEAMS = "labelingjobs", "workteams"


class FolderInUseError(Exception):
    """Another process works with the folder."""


class FolderCluster:
    """The cluster of ``cluster.py`` below one folder; ``seen`` is told of each new status."""

    def __init__(
        self,
        folder: Path,
        seen: Callable[[LabelingJob], None] = lambda _job: None,
        told: Callable[[EventDraft], None] = lambda _event: None,
    ) -> None:
        self._folder = folder
        self._seen = seen
        self._told = told
        self._lock: IO[str] | None = None
        for kind in (_JOBS, _TEAMS):
            (folder / kind).mkdir(parents=True, exist_ok=True)

    def open(self) -> str:
        """Take the folder for this process; the installation, made on first use."""
        lock = (self._folder / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise FolderInUseError(
                f"{self._folder} is in use by another process; wait for its end, or use another "
                "--workdir."
            ) from None
        # The system frees the lock when the process ends, however it ends.
        self._lock = lock
        path = self._folder / "installation"
        if not path.exists():
            _write(path, str(uuid.uuid4()).encode())
        return path.read_text()

    def close(self) -> None:
        """Let others use the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object, or change its spec, as ``kubectl apply`` does; the stored object."""
        kind = _TEAMS if body["kind"] == "WorkTeam" else _JOBS
        meta = body["metadata"]
        name, namespace = meta["name"], meta.get("namespace") or "default"
        stored = self._load(kind, namespace, name)
        if stored is None:
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            stored = {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                "metadata": {
                    **meta,
                    "namespace": namespace,
                    "uid": str(uuid.uuid4()),
                    "generation": 1,
                    "creationTimestamp": now,
                    "resourceVersion": "1",
                },
                "spec": body["spec"],
            }
        elif stored["spec"] == body["spec"]:
            return stored
        else:
            stored["spec"] = body["spec"]
            stored["metadata"]["generation"] += 1
            self._bump(stored)
        self._store(kind, stored)
        return stored

    def stored(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The stored object; None: there is none."""
        return self._load(_TEAMS if kind == "WorkTeam" else _JOBS, namespace, name)

    def renew(self, namespace: str, name: str) -> None:
        """Give the LabelingJob a new generation, as a change of its spec would."""
        body = self._load(_JOBS, namespace, name)
        if body is not None:
            body["metadata"]["generation"] += 1
            self._bump(body)
            self._store(_JOBS, body)

    # -- Cluster

    async def get_job(self, namespace: str, name: str) -> LabelingJob | None:
        """The LabelingJob as its file has it."""
        async with external_call("kube", "get labelingjobs", name):
            body = self._load(_JOBS, namespace, name)
        return None if body is None else read_labeling_job(body)

    async def get_identity(self, namespace: str, name: str) -> Identity | None:
        """Who stands in the file."""
        async with external_call("kube", "get labelingjobs", name):
            body = self._load(_JOBS, namespace, name)
        return None if body is None else Identity(read_metadata(body), read_job_status(body))

    async def list_entries(self) -> list[JobEntry]:
        """All LabelingJobs of the folder."""
        async with external_call("kube", "list labelingjobs", ""):
            paths = sorted((self._folder / _JOBS).glob("*/*.json"))
            return [JobEntry.of(json.loads(path.read_bytes())) for path in paths]

    async def count_jobs(self) -> int:
        """How many files of LabelingJobs there are."""
        return sum(1 for _ in (self._folder / _JOBS).glob("*/*.json"))

    async def patch_status(self, job: LabelingJob | Identity, status: JobStatus) -> LabelingJob:
        """The job with the new status, unless its file changed since it was read."""
        meta = job.metadata
        async with external_call("kube", "patch labelingjobs/status", meta.name):
            body = self._load(_JOBS, meta.namespace, meta.name)
            if body is None:
                raise GoneError(f"LabelingJob {meta.namespace}/{meta.name} does not exist")
            if body["metadata"]["resourceVersion"] != meta.resource_version:
                raise ConflictError(f"LabelingJob {meta.namespace}/{meta.name} has changed")
            body["status"] = status.to_dict()
            self._bump(body)
            self._store(_JOBS, body)
        patched = read_labeling_job(body)
        self._seen(patched)
        return patched

    async def get_work_team(self, namespace: str, name: str) -> WorkTeam | None:
        """The WorkTeam as its file has it."""
        async with external_call("kube", "get workteams", name):
            body = self._load(_TEAMS, namespace, name)
        return None if body is None else read_work_team(body)

    async def get_secret(self, namespace: str, name: str) -> Secret | None:
        """None: a folder holds no Secrets; ambient credentials count."""
        del namespace, name
        return None

    async def create_event(self, job: LabelingJob, event: EventDraft) -> None:
        """Tell whoever watches; nothing is kept."""
        del job
        self._told(event)

    def clock_skew_seconds(self) -> float:
        """0: there is one clock."""
        return 0.0

    # -- files

    def _path(self, kind: str, namespace: str, name: str) -> Path:
        return self._folder / kind / namespace / f"{name}.json"

    def _load(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._path(kind, namespace, name).read_bytes())
        except FileNotFoundError:
            return None
        return found

    def _store(self, kind: str, body: Mapping[str, Any]) -> None:
        meta = body["metadata"]
        path = self._path(kind, meta["namespace"], meta["name"])
        path.parent.mkdir(exist_ok=True)
        _write(path, json.dumps(body, indent=1).encode())

    @staticmethod
    def _bump(body: dict[str, Any]) -> None:
        meta = body["metadata"]
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)


def _write(path: Path, data: bytes) -> None:
    """Replace the file so that a reader, or a crash, sees the old or the new one."""
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
