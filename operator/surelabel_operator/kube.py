"""The cluster of ``cluster.py`` on a real API server, by paths and plain JSON.

It writes /status of LabelingJobs and Events, nothing else; what it cannot get it names with the
verb and resource that the operator's Role would need.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from surelabel_operator.cache import JobEntry
from surelabel_operator.cluster import (
    ClusterError,
    ConflictError,
    EventDraft,
    GoneError,
    Identity,
    Secret,
)
from surelabel_operator.kube_api import (
    MERGE_PATCH,
    ApiError,
    ConflictApiError,
    ForbiddenApiError,
    KubeApi,
    NotFoundApiError,
)
from surelabel_operator.observed import MESSAGE_MAX
from surelabel_operator.resources import (
    API_GROUP,
    API_VERSION,
    JobStatus,
    LabelingJob,
    TeamStatus,
    WorkTeam,
    read_job_status,
    read_labeling_job,
    read_metadata,
    read_work_team,
)
from surelabel_operator.team_memory import TeamMemory

_GROUP_PATH = f"/apis/{API_VERSION}"
_PAGE = "500"
# The same Event again within this time only counts in memory.
_EVENT_REPEAT_SECONDS = 600.0
_EVENT_MEMORY = 4_096


class KubeCluster:
    """Reads and writes through one KubeApi; ``namespaces`` empty: all of them."""

    def __init__(self, api: KubeApi, namespaces: tuple[str, ...] = (), instance: str = "") -> None:
        self._api = api
        self._namespaces = namespaces
        self._instance = instance or "surelabel-operator"
        self._events: dict[str, tuple[float, int]] = {}
        self._teams = TeamMemory(self._read_work_team)

    async def get_job(self, namespace: str, name: str) -> LabelingJob | None:
        """The LabelingJob now; InvalidSpecError if this operator cannot read its spec."""
        body = await self._get("labelingjobs", _path("labelingjobs", namespace, name))
        return None if body is None else read_labeling_job(body)

    async def get_identity(self, namespace: str, name: str) -> Identity | None:
        """Who has this name now, whatever the spec looks like; None: nobody."""
        body = await self._get("labelingjobs", _path("labelingjobs", namespace, name))
        return None if body is None else Identity(read_metadata(body), read_job_status(body))

    async def list_entries(self) -> list[JobEntry]:
        """What the cache keeps of every LabelingJob; pages, so that memory stays small."""
        return [entry async for entry in self._entries()]

    async def count_jobs(self) -> int:
        """How many there are, by a page of one for each namespace."""
        count = 0
        for namespace in self._namespaces or (None,):
            page = await self._page(namespace, "", "1")
            count += len(page["items"]) + (page["metadata"].get("remainingItemCount") or 0)
        return count

    async def patch_status(self, job: LabelingJob | Identity, status: JobStatus) -> LabelingJob:
        """The job with the new status, if nobody changed it since it was read."""
        meta = job.metadata
        changes = merge_patch(job.status.to_dict(), status.to_dict())
        changes["conditions"] = status.to_dict().get("conditions", [])
        path = _path("labelingjobs", meta.namespace, meta.name) + "/status"
        body = {"metadata": {"resourceVersion": meta.resource_version}, "status": changes}
        try:
            answer = await self._api.request(
                "patch", "labelingjobs/status", path, body=body, content_type=MERGE_PATCH
            )
        except ConflictApiError as error:
            raise ConflictError(str(error)) from error
        except NotFoundApiError as error:
            raise GoneError(str(error)) from error
        except ApiError as error:
            raise ClusterError(_explained("patch", "labelingjobs/status", error)) from error
        if answer["metadata"]["uid"] != meta.uid:
            # Cannot be: a new object has a new resourceVersion.
            raise GoneError(f"{path}: another uid")
        return read_labeling_job(answer)

    async def get_work_team(self, namespace: str, name: str) -> WorkTeam | None:
        """The WorkTeam, as it was read since ``team_seen``."""
        return await self._teams.get(namespace, name)

    def team_seen(self, namespace: str, name: str) -> None:
        """The watch showed the WorkTeam: what was read of it before is old."""
        self._teams.forget(namespace, name)

    async def patch_team_status(self, team: WorkTeam, status: TeamStatus) -> None:
        """Write the WorkTeam's status; losing a race is no error, its event comes again."""
        meta = team.metadata
        body = {
            "metadata": {"resourceVersion": meta.resource_version},
            "status": status.to_dict(),
        }
        path = _path("workteams", meta.namespace, meta.name) + "/status"
        try:
            await self._api.request(
                "patch", "workteams/status", path, body=body, content_type=MERGE_PATCH
            )
        except (ConflictApiError, NotFoundApiError):
            return
        except ApiError as error:
            raise ClusterError(_explained("patch", "workteams/status", error)) from error

    async def get_secret(self, namespace: str, name: str) -> Secret | None:
        """The Secret by its name; None also where the Role does not allow it."""
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        try:
            body = await self._api.request("get", "secrets", path)
        except (NotFoundApiError, ForbiddenApiError):
            return None
        except ApiError as error:
            raise ClusterError(str(error)) from error
        data = body.get("data") or {}
        return Secret(
            name=name,
            labels=body["metadata"].get("labels") or {},
            data={key: base64.b64decode(value) for key, value in data.items()},
        )

    async def create_event(self, job: LabelingJob, event: EventDraft) -> None:
        """Write the Event, or count it in its series if it was written before."""
        meta = job.metadata
        digest = hashlib.sha256(f"{meta.uid}\n{event.reason}\n{event.message}".encode()).hexdigest()
        name = f"{meta.name}.{digest[:16]}"
        written, count = self._events.get(name, (-_EVENT_REPEAT_SECONDS, 0))
        if len(self._events) >= _EVENT_MEMORY:
            self._events.clear()
        recently = time.monotonic() - written < _EVENT_REPEAT_SECONDS
        self._events[name] = (written if recently else time.monotonic(), count + 1)
        if recently:
            return
        path = f"/apis/events.k8s.io/v1/namespaces/{meta.namespace}/events"
        try:
            try:
                await self._api.request(
                    "create", "events", path, body=self._event_body(job, event, name)
                )
            except ConflictApiError:
                series = {"count": max(2, count + 1), "lastObservedTime": _micro_now()}
                await self._api.request(
                    "patch",
                    "events",
                    f"{path}/{name}",
                    body={"series": series},
                    content_type=MERGE_PATCH,
                )
        except ApiError as error:
            raise ClusterError(_explained("create", "events", error)) from error

    def clock_skew_seconds(self) -> float:
        """Our clock minus the API server's, by its latest answer."""
        return -self._api.skew_seconds

    def _event_body(self, job: LabelingJob, event: EventDraft, name: str) -> dict[str, Any]:
        meta = job.metadata
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": meta.namespace},
            "eventTime": _micro_now(),
            "reportingController": f"{API_GROUP}/operator",
            "reportingInstance": self._instance,
            "action": "Reconcile",
            "reason": event.reason,
            "type": event.type,
            "note": event.message[:MESSAGE_MAX],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": "LabelingJob",
                "namespace": meta.namespace,
                "name": meta.name,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
        }

    async def _read_work_team(self, namespace: str, name: str) -> WorkTeam | None:
        body = await self._get("workteams", _path("workteams", namespace, name))
        return None if body is None else read_work_team(body)

    async def _get(self, resource: str, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = await self._api.request("get", resource, path)
        except NotFoundApiError:
            return None
        except ApiError as error:
            raise ClusterError(_explained("get", resource, error)) from error
        return found

    async def _entries(self) -> AsyncIterator[JobEntry]:
        for namespace in self._namespaces or (None,):
            token = ""
            while True:
                page = await self._page(namespace, token)
                for item in page["items"]:
                    yield JobEntry.of(item)
                token = page["metadata"].get("continue") or ""
                if not token:
                    break

    async def _page(self, namespace: str | None, token: str, limit: str = _PAGE) -> dict[str, Any]:
        path = _path("labelingjobs", namespace)
        query = {"limit": limit} | ({"continue": token} if token else {})
        try:
            page: dict[str, Any] = await self._api.request(
                "list", "labelingjobs", path, query=query
            )
        except ApiError as error:
            raise ClusterError(_explained("list", "labelingjobs", error)) from error
        return page


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386) that makes ``new`` of ``old``.

    A value that differs is sent whole: ``old`` has defaults that the server's object may lack,
    so what seems equal inside of it may not be there.
    """
    changes: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            changes[key] = {inner: None for inner in before if inner not in value} | dict(value)
        else:
            changes[key] = value
    return changes


def _path(plural: str, namespace: str | None, name: str | None = None) -> str:
    # Names come from Ray's answers as well, where anything may stand.
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{_GROUP_PATH}{where}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def _micro_now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _explained(verb: str, resource: str, error: ApiError) -> str:
    if isinstance(error, ForbiddenApiError):
        return f"the operator may not {verb} {resource}; its Role needs it. {error}"
    return str(error)
