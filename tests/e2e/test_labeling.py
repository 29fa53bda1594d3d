"""A LabelingJob from `kubectl apply` to its manifest, with every stage in pods of KubeRay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.installed import installed
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.object_store import ObjectStore
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WAYS: dict[str, dict[str, Any]] = {
    "job": {"cluster": {"scope": "Job", "template": {"head": HEAD}}},
    "stage": {"cluster": {"scope": "Stage", "template": {"head": HEAD}}},
}


@pytest.fixture
def labeling(real_cluster: RealCluster, place: str, s3: ObjectStore) -> Iterator[Labeling]:
    with installed(real_cluster, place, operator_values(real_cluster, place)):
        found = Labeling(real_cluster, place, s3)
        found.prepare()
        yield found


@pytest.mark.parametrize("way", WAYS)
def test_a_job_runs_in_restricted_pods_to_its_end_and_leaves_nothing(
    labeling: Labeling, way: str, say_at_end: Callable[[str], None]
) -> None:
    labeling.apply(labeling.body(compute={"ray": WAYS[way]}))
    job = labeling.wait("Succeeded", "True")
    assert job["status"]["labelCounters"]["totalLabeled"] == 12
    assert len(labeling.manifest().splitlines()) == 12
    labeling.until("the end of all children", lambda: not labeling.children())
    steps = len(labeling.commits())
    say_at_end(f"e2e, a cluster per {way}: {steps} steps, {job['status']['activeSeconds']} s")
