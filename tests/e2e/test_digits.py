"""The digits, the main job of the demo, with its data in S3 and its stages in pods of KubeRay."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chart.cluster import Kubectl, wait_for
from e2e.digits_job import ITEMS, digits_objects, read_manifest, upload_digits
from e2e.installed import DEPLOYMENT, installed
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.ray_objects import WORKLOADS_IMAGE
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Of the LabelingJob's own RayCluster; the node may have two CPUs.
_HEAD = {"cpuMillis": 500, "memoryMiB": 2048}


@pytest.fixture(scope="module")
def digits(s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """The bucket with the digits in it."""
    upload_digits(s3, tmp_path_factory.mktemp("digits"))
    return s3


@pytest.fixture
def operator_namespace(real_cluster: RealCluster, kubectl: Kubectl, place: str) -> Iterator[str]:
    """Where the operator of ``place`` runs."""
    repository, _, tag = real_cluster.image(WORKLOADS_IMAGE).rpartition(":")
    values = {
        "watchNamespaces": [place],
        "settings": {"kubeRay": {"image": {"repository": repository, "tag": tag}}},
    }
    with (
        restricted_namespace(kubectl, "operator") as name,
        installed(real_cluster, name, values),
    ):
        yield name


def wait_for_end(kubectl: Kubectl, place: str, operator: str, seconds: float) -> dict[str, Any]:
    """The job's status when it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        job = json.loads(kubectl.do("get", "slj", "digits", f"-n={place}", "-o=json"))
        status: dict[str, Any] = job.get("status", {})
        if "completionTime" in status:
            return status
        if time.monotonic() > deadline:
            seen = [
                json.dumps(status, indent=1),
                kubectl.do("get", "rayjobs,rayclusters,pods", f"-n={place}", "-o=wide"),
                kubectl.do("get", "events", f"-n={place}"),
                kubectl.ask("logs", DEPLOYMENT, f"-n={operator}", "--tail=40").out,
            ]
            raise AssertionError("\n".join([f"not after {seconds} s", *seen]))
        time.sleep(1)


def test_the_digits_are_labeled_on_a_ray_cluster_of_the_job(
    kubectl: Kubectl,
    place: str,
    operator_namespace: str,
    digits: ObjectStore,
    say_at_end: Callable[[str], None],
) -> None:
    ray = {"cluster": {"scope": "Job", "template": {"head": _HEAD}}}
    started = time.monotonic()
    kubectl.do("apply", "--server-side", objects=digits_objects(digits, place, ray))
    status = wait_for_end(kubectl, place, operator_namespace, 600)
    took = time.monotonic() - started
    (succeeded,) = [each for each in status["conditions"] if each["type"] == "Succeeded"]
    assert succeeded["status"] == "True", status
    counters = status["labelCounters"]
    assert counters["totalLabeled"] == ITEMS
    assert counters["machineLabeled"] > counters["humanLabeled"]
    lines = read_manifest(digits, place)
    assert len(lines) == ITEMS
    assert all("digit" in line for line in lines)
    children = ("get", "rayjobs,rayclusters,pods", f"-n={place}", "-o=name")
    wait_for("the end of all children", lambda: kubectl.do(*children) == "", 60)
    say_at_end(
        f"The digits through RayJobs, one RayCluster: {took:.0f} s, "
        f"{status['step']['round']} rounds"
    )
