"""What the operator remembers of the RayJobs and RayClusters that it created.

Only what liveness and enqueueing need; whoever creates or deletes asks the API server itself.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from surelabel_operator.cache import Key
from surelabel_operator.manifests import (
    INSTALLATION_LABEL,
    JOB_LABEL,
    TEMPLATE_ANNOTATION,
    UID_LABEL,
)
from surelabel_operator.observed import Problem

RAY_JOB = "RayJob"
RAY_CLUSTER = "RayCluster"
PLURALS = {RAY_JOB: "rayjobs", RAY_CLUSTER: "rayclusters"}
_MESSAGE_MAX = 1_024
Place = tuple[str, str, str]
"""Kind, namespace and name of a child."""
_STOPPED_MAX = 4_096


@dataclass(slots=True)
class Child:
    """One RayJob or RayCluster as it was last seen."""

    kind: str
    namespace: str
    name: str
    installation: str
    job: str
    # Of the LabelingJob.
    uid: str
    owner_uid: str
    deleting: bool
    created: datetime | None
    # KubeRay's jobDeploymentStatus and Ray's own status; "" where there is none yet.
    deployment: str
    state: str
    reason: str
    message: str
    started: datetime | None
    # The RayCluster that a RayJob runs on.
    cluster: str
    # Whether that one was there before (clusterSelector).
    selects: bool
    template: str
    # Of a RayCluster: when its head last became ready, or unready.
    head_changed: datetime | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Child:
        """The child in an answer of the API server or an event of the watch."""
        meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
        labels = meta.get("labels") or {}
        selector = (spec.get("clusterSelector") or {}).get("ray.io/cluster") or ""
        owners = [o["uid"] for o in meta.get("ownerReferences") or () if o.get("controller")]
        info = status.get("rayJobInfo") or {}
        message = status.get("message") or ""
        return cls(
            # A list's items have none: whoever lists says what was listed.
            kind=body["kind"],
            namespace=sys.intern(meta.get("namespace") or ""),
            name=meta["name"],
            installation=sys.intern(labels.get(INSTALLATION_LABEL) or ""),
            job=labels.get(JOB_LABEL) or "",
            uid=labels.get(UID_LABEL) or "",
            owner_uid=owners[0] if owners else "",
            deleting=bool(meta.get("deletionTimestamp")),
            created=_time(meta.get("creationTimestamp")),
            deployment=sys.intern(status.get("jobDeploymentStatus") or ""),
            state=sys.intern(status.get("jobStatus") or ""),
            reason=sys.intern(status.get("reason") or ""),
            # Head and tail: the exit status stands first, the cause last.
            message=message if len(message) <= _MESSAGE_MAX else _ends(message),
            started=_time(info.get("startTime")),
            cluster=selector or status.get("rayClusterName") or "",
            selects=bool(selector),
            template=(meta.get("annotations") or {}).get(TEMPLATE_ANNOTATION) or "",
            head_changed=_head_changed(status),
        )

    @property
    def place(self) -> Place:
        """Kind, namespace and name."""
        return self.kind, self.namespace, self.name

    @property
    def job_key(self) -> Key:
        """Namespace and name of its LabelingJob."""
        return self.namespace, self.job

    def is_of(self, installation: str, uid: str) -> bool:
        """Whether this installation made it for the LabelingJob with this uid."""
        return (
            bool(installation)
            and self.installation == installation
            and self.uid == uid
            and self.owner_uid == uid
        )


class Children:
    """All children that were seen, and the RayJobs that this process has stopped."""

    def __init__(self) -> None:
        self._found: dict[Place, Child] = {}
        # By the uid of the owner.
        self._owned: dict[str, dict[Place, Child]] = {}
        # A stopped RayJob is deleted, and then nothing tells that it was stopped.
        self._stopped: OrderedDict[tuple[str, str], Problem | None] = OrderedDict()

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._found.values()))

    def __len__(self) -> int:
        return len(self._found)

    def put(self, child: Child) -> None:
        """Remember the child as it is now; its start is the first that was seen."""
        before = self._found.get(child.place)
        if before is not None and before.started is not None and before.created == child.created:
            # A Ray job that a restarted head has forgotten is submitted anew by KubeRay; for us
            # it is one attempt, which must not run for ever.
            child.started = before.started
        self._found[child.place] = child
        self._owned.setdefault(child.owner_uid, {})[child.place] = child

    def remove(self, kind: str, namespace: str, name: str) -> Child | None:
        """Forget the child; its last state."""
        child = self._found.pop((kind, namespace, name), None)
        if child is not None:
            owned = self._owned.get(child.owner_uid, {})
            owned.pop(child.place, None)
            if not owned:
                self._owned.pop(child.owner_uid, None)
        return child

    def get(self, kind: str, namespace: str, name: str) -> Child | None:
        """The child, if it was seen."""
        return self._found.get((kind, namespace, name))

    def owned_by(self, uid: str, kind: str) -> list[Child]:
        """Children of the kind that the LabelingJob with this uid owns, by name."""
        owned = self._owned.get(uid, {}).values()
        return sorted((c for c in owned if c.kind == kind), key=lambda child: child.name)

    def note_stopped(self, namespace: str, name: str, broken: Problem | None) -> None:
        """This process asked the RayJob to end; ``broken``: what it would have ended of."""
        self._stopped[namespace, name] = broken
        if len(self._stopped) > _STOPPED_MAX:
            self._stopped.popitem(last=False)

    def was_stopped(self, namespace: str, name: str) -> bool:
        """Whether this process asked the RayJob to end."""
        return (namespace, name) in self._stopped

    def why_broken(self, namespace: str, name: str) -> Problem | None:
        """What the stopped RayJob would have ended of."""
        return self._stopped.get((namespace, name))


def _head_changed(status: Mapping[str, Any]) -> datetime | None:
    conditions = status.get("conditions") or ()
    times = (c["lastTransitionTime"] for c in conditions if c.get("type") == "HeadPodReady")
    return _time(next(times, None))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _ends(message: str) -> str:
    return f"{message[:200]} … {message[200 - _MESSAGE_MAX + 3 :]}"
