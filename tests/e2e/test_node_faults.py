"""What a job stands on goes away for a while: node, API server, KubeRay, store, memory, namespace.

Each job ends as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chart.cluster import Kubectl
from e2e.clock import operator_clock
from e2e.cluster import NodeCluster
from e2e.installed import DEPLOYMENT, fix_clock, installed
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.memory_hog import hog_objects, hog_template
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed
from surelabel_cli.control_plane import API_SERVER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_kubelet_and_containerd_are_restarted(
    labeling: Labeling, undisturbed: Undisturbed, node: NodeCluster
) -> None:
    labeling.apply(labeling.body())
    labeling.started("con")
    node.stop("kubelet", kill=True)
    node.stop("containerd", kill=True)
    time.sleep(2)
    node.start("containerd")
    node.start("kubelet")
    undisturbed.equals(labeling)


def test_kube_ray_is_down_for_two_minutes(
    labeling: Labeling, undisturbed: Undisturbed, node: NodeCluster
) -> None:
    labeling.apply(labeling.body())
    labeling.started("pre")
    node.stop("kuberay-operator")
    time.sleep(120)
    node.start("kuberay-operator")
    undisturbed.equals(labeling)


def test_the_store_is_down_for_a_minute(labeling: Labeling, undisturbed: Undisturbed) -> None:
    labeling.apply(labeling.body())
    labeling.started("con")
    labeling.store.stop()
    labeling.wait("StorageAvailable", "False")
    time.sleep(50)
    labeling.store.start()
    undisturbed.equals(labeling)


def test_the_api_server_is_down_for_a_minute(
    labeling: Labeling, undisturbed: Undisturbed, node: NodeCluster
) -> None:
    labeling.apply(labeling.body())
    labeling.started("con")
    node.control_plane.stop_component(API_SERVER, kill=True)
    time.sleep(60)
    node.control_plane.start_component(API_SERVER)
    node.control_plane.wait_ready()
    undisturbed.equals(labeling)


def test_memory_that_runs_out_in_train_is_named_and_the_next_attempt_goes_on(
    labeling: Labeling, undisturbed: Undisturbed, node: NodeCluster
) -> None:
    volume = hog_objects(node.data / "hog", labeling.namespace)
    labeling.cluster.kubectl.do("apply", "--server-side", objects=volume)
    cluster = {"scope": "Job", "template": hog_template(HEAD)}
    labeling.apply(labeling.body(compute={"ray": {"cluster": cluster}}))
    undisturbed.equals(labeling)
    events = ("get", "events", "-o=jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}")
    lines = labeling.do(*events).splitlines()
    told = [line for line in lines if line.startswith("OutOfMemory: tra")]
    assert len(told) == 1, "\n".join(lines)
    assert "memoryMiB" in told[0]
    assert "Attempt 2 follows." in told[0]


@pytest.mark.parametrize("seconds", [7_200, -7_200])
def test_the_operators_clock_jumps_and_nothing_runs_out_of_time(
    labeling: Labeling, undisturbed: Undisturbed, node: NodeCluster, seconds: int
) -> None:
    with operator_clock(labeling, node.data / f"clock{seconds}") as clock:
        labeling.apply(labeling.body(activeDeadlineSeconds=3_600))
        labeling.started("pre")
        clock.jump(seconds)
        # Whatever ends an attempt or a job is looked at twice, 30 s apart.
        time.sleep(45)
        clock.jump(0)
        undisturbed.equals(labeling)
    assert labeling.attempts() == {1}


@pytest.fixture
def two_namespaces(
    real_cluster: RealCluster, s3: ObjectStore, undisturbed: Undisturbed
) -> Iterator[list[Labeling]]:
    """Two namespaces of one operator that runs in a third one."""
    # Its job comes first: the machine has no room for three.
    del undisturbed
    kubectl = real_cluster.kubectl
    with (
        restricted_namespace(kubectl, "operator") as operator,
        restricted_namespace(kubectl, "kept") as kept,
        restricted_namespace(kubectl, "goes") as goes,
        installed(real_cluster, operator, operator_values(real_cluster, kept, goes)),
    ):
        fix_clock(real_cluster, operator)
        places = [Labeling(real_cluster, place, s3) for place in (kept, goes)]
        for place in places:
            place.prepare()
            place.apply(place.body())
        yield places
        # Nothing but their end is left of the one that goes.
        kubectl.do("rollout", "status", DEPLOYMENT, f"-n={operator}", "--timeout=10s")
        restarts = "-o=jsonpath={.items[*].status.containerStatuses[*].restartCount}"
        assert kubectl.do("get", "pods", f"-n={operator}", restarts) == "0"


def test_a_namespace_that_is_deleted_goes_and_leaves_its_data_and_the_other_jobs(
    two_namespaces: list[Labeling], undisturbed: Undisturbed, kubectl: Kubectl
) -> None:
    kept, goes = two_namespaces
    goes.started("con")
    started = time.monotonic()
    kubectl.do("delete", "namespace", goes.namespace, "--wait=false")
    while kubectl.ask("get", "namespace", goes.namespace).out:
        assert time.monotonic() - started < 60, goes.state()
        time.sleep(0.5)
    assert goes.commits()
    undisturbed.equals(kept)
