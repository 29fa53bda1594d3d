"""KubeRay runs what the operator will ask of it, with the image of the stages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chart.cluster import Kubectl
from e2e.ray_objects import (
    WORKLOADS_IMAGE,
    make_ray_cluster,
    ray_cluster_spec,
    ray_job,
    wait_for_ray_job,
)
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


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
    own_seconds = wait_for_ray_job(kubectl, "own", place, 150)
    make_ray_cluster(kubectl, "kept", place, ray_cluster_spec(image, workers=1))
    selected = ray_job(
        "selected", place, "python -c pass", clusterSelector={"ray.io/cluster": "kept"}
    )
    kubectl.do("apply", "--server-side", objects=[selected])
    kept_seconds = wait_for_ray_job(kubectl, "selected", place, 60)
    say_at_end(
        f"An empty RayJob: {own_seconds:.1f} s with a cluster of its own (head only), "
        f"{kept_seconds:.1f} s on one that is there"
    )
