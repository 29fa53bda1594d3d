"""KubeRay runs what the operator will ask of it, with the image of the stages."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chart.cluster import Kubectl
from e2e.ray_objects import WORKLOADS_IMAGE, ray_cluster_spec, ray_job
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def wait_for_job(kubectl: Kubectl, name: str, place: str, seconds: int) -> float:
    """Wait until the RayJob is complete; the seconds since it was created."""
    started = time.monotonic()
    while True:
        found = kubectl.do("get", "rayjob", name, f"-n={place}", "-o=jsonpath={.status}")
        if '"jobDeploymentStatus":"Complete"' in found:
            assert '"jobStatus":"SUCCEEDED"' in found
            return time.monotonic() - started
        assert '"jobDeploymentStatus":"Failed"' not in found, found
        pods = "".join(kubectl.ask("get", "pods", f"-n={place}", "-o=wide").out)
        assert time.monotonic() - started < seconds, f"{found}\n{pods}"
        time.sleep(0.2)


def test_an_empty_job_succeeds_on_a_cluster_of_its_own_and_on_one_that_is_there(
    real_cluster: RealCluster,
    kubectl: Kubectl,
    place: str,
    say_at_end: Callable[[str], None],
) -> None:
    image = real_cluster.image(WORKLOADS_IMAGE)
    own = ray_job(
        "own",
        place,
        "python -c pass",
        shutdownAfterJobFinishes=True,
        rayClusterSpec=ray_cluster_spec(image, workers=0),
    )
    kubectl.do("apply", "--server-side", objects=[own])
    own_seconds = wait_for_job(kubectl, "own", place, 150)
    kept = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "kept", "namespace": place},
        "spec": ray_cluster_spec(image, workers=1),
    }
    kubectl.do("apply", "--server-side", objects=[kept])
    ready = "--for=condition=RayClusterProvisioned"
    for _ in range(3):
        if not kubectl.ask(
            "wait", ready, "raycluster/kept", f"-n={place}", "--timeout=50s"
        ).refusal:
            break
    selected = ray_job(
        "selected", place, "python -c pass", clusterSelector={"ray.io/cluster": "kept"}
    )
    kubectl.do("apply", "--server-side", objects=[selected])
    kept_seconds = wait_for_job(kubectl, "selected", place, 60)
    say_at_end(
        f"An empty RayJob: {own_seconds:.1f} s with a cluster of its own (head only), "
        f"{kept_seconds:.1f} s on one that is there"
    )
