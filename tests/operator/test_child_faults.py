"""What is said of a RayJob that does not start, by what KubeRay and Kubernetes say of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from surelabel_operator.backends.child_faults import START_SECONDS, ChildFaults
from surelabel_operator.backends.ray_objects import RayObjects
from surelabel_operator.child_trust import ChildTarget
from surelabel_operator.children import Child, Children
from surelabel_operator.observed import Problem

READY = {"metadata": {"name": "birds-c1-head"}, "status": {"phase": "Running"}}
PENDING = {"metadata": {"name": "birds-c1-head"}, "status": {"phase": "Pending"}}


class Objects:
    """The pods and the RayCluster of one RayJob, and how often they were asked for."""

    def __init__(self, *pods: dict[str, Any], suspend: bool = False) -> None:
        self._pods, self._suspend = list(pods), suspend
        self.asked = 0

    async def pods(self, cluster: str) -> list[dict[str, Any]]:
        assert cluster == "birds-c1"
        self.asked += 1
        return self._pods

    async def get(self, kind: str, name: str) -> dict[str, Any]:
        assert (kind, name) == ("RayCluster", "birds-c1")
        return {"spec": {"suspend": self._suspend}, "status": {}}


def ray_job(deployment: str = "", *, age: float = 2 * START_SECONDS) -> Child:
    """A RayJob on a RayCluster that is there, made so many seconds ago."""
    created = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    return Child.of(
        {
            "kind": "RayJob",
            "metadata": {"name": "birds-a1", "namespace": "vision", "creationTimestamp": created},
            "spec": {"clusterSelector": {"ray.io/cluster": "birds-c1"}},
            "status": {"jobDeploymentStatus": deployment},
        }
    )


async def waits(child: Child, objects: Objects) -> Problem | None:
    target = ChildTarget("vision", selector="birds-c1")
    return await ChildFaults(cast(RayObjects, objects), Children(), target).waits(child)


async def test_nothing_is_asked_for_a_ray_job_that_may_take_its_time() -> None:
    objects = Objects(PENDING)
    assert await waits(ray_job("Initializing", age=START_SECONDS / 2), objects) is None
    assert objects.asked == 0


async def test_kube_ray_is_silent_where_a_ray_job_has_no_status_though_its_pods_run() -> None:
    # The pods of the stages before it, while KubeRay's operator is down.
    found = await waits(ray_job(""), Objects(READY))
    assert found is not None
    assert found.reason == "KubeRaySilent"
    assert "it has no status. Look whether its operator runs" in found.message


async def test_a_ray_job_that_kube_ray_knows_waits_for_its_pods() -> None:
    found = await waits(ray_job("Initializing"), Objects(PENDING))
    assert found is not None
    assert found.reason == "PodsStarting"


async def test_kube_ray_that_has_made_no_pods_is_silent() -> None:
    found = await waits(ray_job("Initializing"), Objects())
    assert found is not None
    assert found.reason == "KubeRaySilent"
    assert found.message.startswith("KubeRay has made no pods.")


@pytest.mark.parametrize("deployment", ["Suspending", "Suspended"])
async def test_a_ray_job_in_a_queue_only_waits(deployment: str) -> None:
    objects = Objects()
    assert await waits(ray_job(deployment), objects) is None
    assert objects.asked == 0


async def test_a_ray_job_whose_cluster_is_in_a_queue_only_waits() -> None:
    assert await waits(ray_job("Initializing"), Objects(suspend=True)) is None
