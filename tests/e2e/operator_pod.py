"""The pod of an operator that works, and its end by SIGKILL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from e2e.labeling import Labeling

_LABEL = "-l=app.kubernetes.io/component=operator"


@dataclass(frozen=True)
class OperatorPod:
    """A pod whose operator runs."""

    labeling: Labeling
    name: str
    # containerd's name for it.
    container: str

    def holds_lease(self) -> bool:
        """Whether it is the one that works."""
        holder = self.labeling.do("get", "lease", "surelabel", "-o=jsonpath={.spec.holderIdentity}")
        return holder.endswith(f"/{self.name}")

    def kill(self) -> None:
        """End its process by SIGKILL, as a crash of the node would, and let the Deployment make
        another pod: the kubelet would wait ever longer before it starts this one again.

        An error if no process ran. On a cluster that is not ours a pod can only be deleted, which
        gives it two seconds.
        """
        node = self.labeling.cluster.node
        if node is not None:
            node.kill_container(self.container)
        said = self.labeling.do("delete", f"pod/{self.name}", "--grace-period=0", "--force")
        assert self.name in said, said


def running_operators(labeling: Labeling) -> list[OperatorPod]:
    """The pods whose operator runs, whether it works or waits for the Lease."""
    pods = json.loads(labeling.do("get", "pods", _LABEL, "-o=json"))["items"]
    return [
        OperatorPod(labeling, pod["metadata"]["name"], identity)
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for identity in _running(pod)
    ]


def _running(pod: dict[str, Any]) -> list[str]:
    statuses = pod["status"].get("containerStatuses", [])
    return [
        status["containerID"].rpartition("/")[2]
        for status in statuses
        if "running" in status["state"]
    ]
