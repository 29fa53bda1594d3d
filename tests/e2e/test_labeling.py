"""A LabelingJob from `kubectl apply` to its manifest, with every stage in pods of KubeRay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from e2e.labeling import HEAD, Labeling

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WAYS: dict[str, dict[str, Any]] = {
    "job": {"cluster": {"scope": "Job", "template": {"head": HEAD}}},
    "stage": {"cluster": {"scope": "Stage", "template": {"head": HEAD}}},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_job_runs_in_restricted_pods_to_its_end_and_leaves_nothing(
    own_labeling: Labeling, way: str, say_at_end: Callable[[str], None]
) -> None:
    own_labeling.apply(own_labeling.body(compute={"ray": WAYS[way]}))
    job = own_labeling.wait("Succeeded", "True")
    assert job["status"]["labelCounters"]["totalLabeled"] == 12
    assert len(own_labeling.manifest().splitlines()) == 12
    own_labeling.until("the end of all children", lambda: not own_labeling.children())
    steps = len(own_labeling.commits())
    say_at_end(f"e2e, a cluster per {way}: {steps} steps, {job['status']['activeSeconds']} s")
