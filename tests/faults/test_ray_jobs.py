"""Stages as RayJobs on a real API server; KubeRay is simulated, its jobs are plain processes."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faults.fork_server import ForkServer
from faults.kube_ray import SimulatedKubeRay
from faults.workbench import Workbench, condition, until

pytestmark = [pytest.mark.cluster]

OWN = {"cluster": {"scope": "Job", "idleSeconds": 3}}
WAYS: dict[str, dict[str, Any]] = {
    "job": OWN,
    "stage": {"cluster": {"scope": "Stage"}},
    "selector": {"selector": {"name": "shared"}},
}


@pytest.fixture
def bench(tmp_path: Path, kubeconfig: Path, fork_server: ForkServer) -> Iterator[Workbench]:
    with Workbench(tmp_path, kubeconfig, fork_server.address, kube_ray=True) as found:
        yield found


@pytest.fixture
def kube_ray(
    bench: Workbench, kubeconfig: Path, fork_server: ForkServer
) -> Iterator[SimulatedKubeRay]:
    env = {"SURELABEL_TEST_HOLD": str(bench.folder / "holds")}
    with SimulatedKubeRay(
        kubeconfig, bench.namespace, bench.jobs, fork_server.address, env
    ) as found:
        yield found


def ray(bench: Workbench, plural: str) -> list[dict[str, Any]]:
    path = f"/apis/ray.io/v1/namespaces/{bench.namespace}/{plural}"
    items: list[dict[str, Any]] = bench.admin.request("GET", path)["items"]
    return items


def names(bench: Workbench, plural: str) -> list[str]:
    return [item["metadata"]["name"] for item in ray(bench, plural)]


def children(bench: Workbench) -> list[str]:
    return names(bench, "rayjobs") + names(bench, "rayclusters")


def make_cluster(bench: Workbench, name: str, **spec: Any) -> None:
    body = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": name},
        "spec": spec,
    }
    bench.admin.apply(f"/apis/ray.io/v1/namespaces/{bench.namespace}/rayclusters", body)


def start_held(bench: Workbench) -> str:
    """Start the operator and a job with its own cluster; the held attempt of consolidate."""
    bench.hold("con")
    bench.start().apply(bench.body(compute={"ray": OWN}))
    return bench.wait_running("con")


@pytest.mark.parametrize("way", WAYS)
def test_a_job_runs_as_ray_jobs_to_its_end_and_leaves_nothing(
    bench: Workbench, kube_ray: SimulatedKubeRay, way: str
) -> None:
    if way == "selector":
        make_cluster(bench, "shared")
    bench.start().apply(bench.body(compute={"ray": WAYS[way]}))
    job = bench.wait("Succeeded", "True")
    assert len(bench.lines()) == 12
    until("the end of all RayJobs", lambda: not names(bench, "rayjobs"))
    left = ["shared"] if way == "selector" else []
    until("the end of its RayCluster", lambda: names(bench, "rayclusters") == left)
    own = [name for name in kube_ray.clusters if name != "shared"]
    # One for all rounds, or none of ours at all.
    assert len(own) == (1 if way == "job" else 0)
    assert job["status"].get("rayCluster") == (own[0] if own else None)
    assert len(bench.stages.started()) == len(set(bench.stages.started()))
    assert all(name.endswith("-a1") for name in bench.stages.started())


def test_the_manifest_is_the_same_byte_by_byte_as_without_kube_ray(
    bench: Workbench,
    kube_ray: SimulatedKubeRay,
    tmp_path_factory: pytest.TempPathFactory,
    kubeconfig: Path,
    fork_server: ForkServer,
) -> None:
    del kube_ray
    bench.start().apply(bench.body(compute={"ray": OWN}))
    bench.wait("Succeeded", "True")
    with Workbench(tmp_path_factory.mktemp("plain"), kubeconfig, fork_server.address) as plain:
        plain.start().apply(plain.body())
        plain.wait("Succeeded", "True")
        assert plain.manifest() == bench.manifest()


def test_a_suspended_job_lets_its_cluster_go_and_a_resumed_one_gets_another(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    start_held(bench)
    bench.patch({"suspend": True})
    bench.wait("Suspended", "True")
    assert names(bench, "rayjobs") == []
    assert names(bench, "rayclusters") == []
    bench.release("con")
    bench.patch({"suspend": False})
    bench.wait("Succeeded", "True")
    assert [name[-3:] for name in kube_ray.clusters] == ["-c1", "-c2"]


def test_a_deleted_job_takes_its_children_with_it(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    start_held(bench)
    bench.delete()
    until("the end of all children", lambda: not children(bench))
    until("the end of the stage", lambda: not bench.stages.running())


def test_a_cluster_on_which_nothing_runs_is_let_go(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    name = start_held(bench)
    bench.stages.kill(name)
    (bench.jobs / name / "rc").write_text("2")
    bench.wait("Stalled", "True")
    until("the end of the idle cluster", lambda: not names(bench, "rayclusters"))
    bench.release("con")
    bench.patch({"stopping": {"maxRounds": 3}})
    bench.wait("Succeeded", "True")
    assert [found[-3:] for found in kube_ray.clusters] == ["-c1", "-c2"]


def test_a_changed_template_gives_the_next_stage_another_cluster(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    start_held(bench)
    bench.patch({"compute": {"ray": {"cluster": {"template": {"head": {"memoryMiB": 4096}}}}}})
    bench.release("con")
    bench.wait("Succeeded", "True")
    assert [found[-3:] for found in kube_ray.clusters] == ["-c1", "-c2"]


def test_an_operator_that_comes_back_adopts_what_runs(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    start_held(bench)
    bench.stop()
    bench.start()
    bench.release("con")
    bench.wait("Succeeded", "True")
    assert all(name.endswith("-a1") for name in bench.stages.started())


def test_an_operator_killed_20_times_in_one_job_does_every_step_once(
    bench: Workbench, kube_ray: SimulatedKubeRay, say_at_end: Callable[[str], None]
) -> None:
    seed = secrets.randbelow(10_000)
    say_at_end(f"RayJobs: operator killed 20 times, seed {seed}")
    draw = random.Random(seed)
    bench.start().apply(bench.body(compute={"ray": OWN}))
    for _ in range(20):
        # From before the first look to some steps on.
        time.sleep(draw.uniform(0.2, 2.5))
        bench.stop()
        bench.start()
    job = bench.wait("Succeeded", "True")
    assert len(bench.lines()) == 12
    assert job["status"]["step"]["failures"] == 0
    assert all(name.endswith("-a1") for name in bench.stages.started())
    assert len(bench.stages.started()) == len(set(bench.stages.started()))
    until("the end of all children", lambda: not children(bench))
    assert len(kube_ray.clusters) == 1


def test_a_ray_job_that_somebody_deleted_is_followed_by_another_attempt(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    name = start_held(bench)
    bench.admin.delete(f"/apis/ray.io/v1/namespaces/{bench.namespace}/rayjobs/{name}")
    until("the end of the stage", lambda: not bench.stages.running())
    bench.release("con")
    bench.wait("Succeeded", "True")
    assert any(found.endswith("con-p1-a2") for found in bench.stages.started())


def test_an_attempt_whose_head_ran_out_of_memory_is_ended_and_followed_by_another(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    start_held(bench)
    # As a restarted head shows itself: KubeRay would submit the stage to it anew, for ever.
    (cluster,) = names(bench, "rayclusters")
    core = f"/api/v1/namespaces/{bench.namespace}/pods"
    container = {"name": "ray", "image": "surelabel/workloads:test"}
    labels = {"ray.io/cluster": cluster}
    pod = {"metadata": {"name": "head", "labels": labels}, "spec": {"containers": [container]}}
    bench.admin.apply(core, pod)
    now = datetime.now(UTC) + timedelta(seconds=2)
    time_ = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    ended = {"reason": "OOMKilled", "exitCode": 137, "startedAt": time_, "finishedAt": time_}
    status = {
        **container,
        **{"imageID": "", "ready": True, "restartCount": 1},
        "lastState": {"terminated": ended},
    }
    bench.admin.request("PATCH", f"{core}/head/status", {"status": {"containerStatuses": [status]}})
    ready = {"type": "HeadPodReady", "status": "True", "lastTransitionTime": time_}
    path = f"/apis/ray.io/v1/namespaces/{bench.namespace}/rayclusters/{cluster}/status"
    bench.admin.request("PATCH", path, {"status": {"conditions": [ready]}})
    told = until(
        "the end of the attempt",
        lambda: [e["message"] for e in bench.events() if e["reason"] == "OutOfMemory"],
    )
    assert "container ray of pod head ran out of memory. Raise memoryMiB" in told[0]
    assert "Attempt 2 follows." in told[0]
    bench.release("con")
    bench.wait("Succeeded", "True")
    attempts = [name[-2:] for name in bench.stages.started() if "-con-p" in name]
    assert sorted(attempts)[-1] == "a2"


def test_a_selected_cluster_that_is_missing_is_named_and_waited_for(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    bench.start().apply(bench.body(compute={"ray": WAYS["selector"]}))
    job = bench.wait("Ready", "False", reason="RayClusterNotFound")
    assert "no RayCluster 'shared'" in condition(job, "Ready")["message"]
    make_cluster(bench, "shared")
    bench.wait("Succeeded", "True")


def test_a_selected_cluster_whose_token_kube_ray_does_not_know_is_refused(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    del kube_ray
    env = [{"name": "RAY_AUTH_MODE", "value": "token"}]
    head = {"template": {"spec": {"containers": [{"name": "ray", "env": env}]}}}
    make_cluster(bench, "shared", headGroupSpec=head)
    bench.start().apply(bench.body(compute={"ray": WAYS["selector"]}))
    bench.wait("Ready", "False", reason="RayAuthUnsupported")


def test_something_else_with_the_name_of_an_attempt_is_left_alone(
    bench: Workbench, kube_ray: SimulatedKubeRay
) -> None:
    kube_ray.paused = True
    bench.start().apply(bench.body(compute={"ray": OWN}))
    until("the first RayJob", lambda: names(bench, "rayjobs"))
    # The operator is away while it is replaced by somebody's own.
    bench.stop()
    (found,) = ray(bench, "rayjobs")
    path = f"/apis/ray.io/v1/namespaces/{bench.namespace}/rayjobs"
    bench.admin.delete(f"{path}/{found['metadata']['name']}")
    bench.admin.apply(
        path,
        {
            "apiVersion": "ray.io/v1",
            "kind": "RayJob",
            "metadata": {"name": found["metadata"]["name"]},
            "spec": {"entrypoint": "sleep 1000"},
        },
    )
    bench.start()
    bench.wait("Stalled", "True", reason="NameConflict")
    assert len(names(bench, "rayjobs")) == 1


def test_without_settings_for_kube_ray_nobody_may_use_it(
    tmp_path: Path, kubeconfig: Path, fork_server: ForkServer
) -> None:
    with Workbench(tmp_path, kubeconfig, fork_server.address) as bench:
        bench.start()
        message = bench.stalled(bench.body(compute={"ray": OWN}), "RayNotAllowed")
    assert "the operator's settings have no kubeRay" in message
