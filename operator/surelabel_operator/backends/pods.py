"""Why pods do not start, or have ended: from what Kubernetes says of them, for people.

Pure. Each cause has a reason and a next step of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from surelabel_operator.observed import Problem
from surelabel_operator.reasons import Reason

_MESSAGE_MAX = 600
_TEMPLATE = "spec.compute.ray.cluster.template"
_PULLING = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})


def why_waiting(
    pods: Iterable[Mapping[str, Any]], cluster: Mapping[str, Any] | None, *, is_seen: bool = True
) -> Problem:
    """Why a RayJob has not started: the first cause that is found.

    ``is_seen``: KubeRay has given it a status. The pods may be those of earlier RayJobs.
    """
    if not is_seen:
        return _silent("KubeRay has not looked at the RayJob: it has no status.")
    found = list(pods)
    refused = _refused(cluster)
    if refused is not None:
        return refused
    for pod in found:
        problem = _image(pod) or _unschedulable(pod) or why_ended([pod])
        if problem is not None:
            return problem
    if not found:
        return _silent("KubeRay has made no pods.")
    names = ", ".join(sorted(pod["metadata"]["name"] for pod in found)[:3])
    return Problem(
        Reason.PODS_STARTING, f"The pods start: {names}. Look at their Events if it lasts."
    )


def _silent(what: str) -> Problem:
    return Problem(
        Reason.KUBE_RAY_SILENT,
        f"{what} Look whether its operator runs and watches the namespace, and at the Events of "
        "the RayJob and the RayCluster.",
    )


def why_ended(pods: Iterable[Mapping[str, Any]], since: datetime | None = None) -> Problem | None:
    """Which pod ended (a container of it: not before ``since``), and why; None: none did."""
    for pod in pods:
        status, name = pod.get("status") or {}, pod["metadata"]["name"]
        if status.get("reason") == "Evicted":
            return Problem(
                Reason.EVICTED,
                f"pod {name} was evicted: {_cut(status.get('message'))} Give it more memory "
                f"({_TEMPLATE}), or nodes with more room.",
            )
        for container in status.get("containerStatuses") or ():
            ended = _terminated(container, since)
            if ended is None:
                continue
            if ended.get("reason") == "OOMKilled":
                return Problem(
                    Reason.OUT_OF_MEMORY,
                    f"container {container['name']} of pod {name} ran out of memory. Raise "
                    f"memoryMiB of its group in {_TEMPLATE}.",
                )
            return Problem(
                Reason.POD_FAILED,
                f"container {container['name']} of pod {name} exited {ended.get('exitCode')}: "
                f"{_cut(ended.get('message') or ended.get('reason'))} Look at "
                f"`kubectl logs {name} --previous`.",
            )
    return None


def _terminated(container: Mapping[str, Any], since: datetime | None) -> Mapping[str, Any] | None:
    for state in ("state", "lastState"):
        ended: Mapping[str, Any] | None = (container.get(state) or {}).get("terminated")
        if ended is not None and ended.get("exitCode") != 0 and _is_recent(ended, since):
            return ended
    return None


def _is_recent(ended: Mapping[str, Any], since: datetime | None) -> bool:
    # In a cluster of several attempts an earlier one's end is still told.
    finished = ended.get("finishedAt")
    return since is None or finished is None or datetime.fromisoformat(finished) >= since


def _refused(cluster: Mapping[str, Any] | None) -> Problem | None:
    """What the API server said when KubeRay wanted to create a pod."""
    conditions = ((cluster or {}).get("status") or {}).get("conditions") or ()
    failure = next(
        (c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"), None
    )
    if failure is None:
        return None
    message = _cut(failure.get("message"))
    if "exceeded quota" in message:
        return Problem(
            Reason.QUOTA_EXCEEDED,
            f"the namespace's ResourceQuota has no room for the pods: {message} Raise it, or ask "
            f"for less in {_TEMPLATE}.",
        )
    return Problem(
        Reason.PODS_REFUSED,
        f"the API server refused the pods: {message} Mend what it names (a missing "
        "ServiceAccount, a policy of the namespace).",
    )


def _image(pod: Mapping[str, Any]) -> Problem | None:
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in every:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _PULLING:
            return Problem(
                Reason.IMAGE_PULL_FAILED,
                f"image {container.get('image')!r} of pod {pod['metadata']['name']} cannot be "
                f"pulled: {_cut(waiting.get('message'))} Correct {_TEMPLATE}.image, or give the "
                "pods' ServiceAccount a pull secret.",
            )
    return None


def _unschedulable(pod: Mapping[str, Any]) -> Problem | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Problem(
                Reason.UNSCHEDULABLE,
                f"no node has room for pod {pod['metadata']['name']}: "
                f"{_cut(condition.get('message'))} Add nodes, or ask for less in {_TEMPLATE}.",
            )
    return None


def _cut(text: object) -> str:
    shown = " ".join(str(text or "no message").split())[:_MESSAGE_MAX]
    return shown if shown.endswith((".", "!")) else f"{shown}."
