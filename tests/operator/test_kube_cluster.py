"""KubeCluster and the Lease on a real API server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from operator_bench import job_of, team_of
from surelabel_operator import kube
from surelabel_operator.cluster import ConflictError, EventDraft, GoneError
from surelabel_operator.kube import KubeCluster, merge_patch
from surelabel_operator.kube_api import KubeApi, load_configuration
from surelabel_operator.lease import Lease, LeaseTimes
from surelabel_operator.resources import LabelCounters, LabelingJob

pytestmark = [pytest.mark.cluster]

TIMES = LeaseTimes(duration=1.5, renew_deadline=1.0, retry=0.1)


@pytest.fixture
async def api(control_plane: Any) -> AsyncIterator[KubeApi]:
    found = KubeApi(await load_configuration(control_plane.kubeconfig))
    yield found
    await found.close()


@pytest.fixture
def crds(control_plane: Any) -> None:
    folder = Path(__file__).parents[2] / "crds"
    for kind in ("labelingjob", "workteam"):
        control_plane.kubectl("apply", "-f", folder / f"{kind}.yaml")
        control_plane.kubectl(
            "wait", "--for=condition=Established", f"crd/{kind}s.surelabel.dev", "--timeout=30s"
        )


@pytest.fixture
def apply(control_plane: Any, namespace: str, crds: None) -> Any:
    del crds

    def found(*objects: dict[str, Any]) -> None:
        text = "\n---\n".join(json.dumps(body) for body in objects)
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", text=text)

    return found


async def job_in(cluster: KubeCluster, namespace: str, name: str = "animals") -> LabelingJob:
    job = await cluster.get_job(namespace, name)
    assert job is not None
    return job


async def test_a_status_is_patched_only_on_the_object_that_was_read(
    api: KubeApi, apply: Any, namespace: str, tmp_path: Path, control_plane: Any
) -> None:
    apply(job_of(tmp_path))
    cluster = KubeCluster(api)
    job = await job_in(cluster, namespace)
    status = job.status.with_(label_counters=LabelCounters(total=5), labeled_fraction="0.0")
    patched = await cluster.patch_status(job, status)
    assert patched.status == status
    with pytest.raises(ConflictError):
        await cluster.patch_status(job, status.with_(active_seconds=3))
    shorter = await cluster.patch_status(patched, status.with_(labeled_fraction=None))
    assert shorter.status.labeled_fraction is None
    assert shorter.status.label_counters == LabelCounters(total=5)
    control_plane.kubectl("delete", "-n", namespace, "slj/animals")
    with pytest.raises(GoneError):
        await cluster.patch_status(shorter, status)
    assert await cluster.get_job(namespace, "animals") is None
    assert await cluster.get_identity(namespace, "animals") is None


async def test_a_recreated_job_refuses_its_predecessors_patch(
    api: KubeApi, apply: Any, namespace: str, tmp_path: Path, control_plane: Any
) -> None:
    cluster = KubeCluster(api)
    apply(job_of(tmp_path))
    old = await job_in(cluster, namespace)
    control_plane.kubectl("delete", "-n", namespace, "slj/animals")
    apply(job_of(tmp_path))
    with pytest.raises(ConflictError):
        await cluster.patch_status(old, old.status.with_(active_seconds=9))


async def test_jobs_are_listed_in_pages_and_by_namespace(
    api: KubeApi, apply: Any, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "_PAGE", "2")
    apply(*(job_of(tmp_path, f"job-{i}") for i in range(5)))
    entries = await KubeCluster(api, (namespace,)).list_entries()
    assert sorted(entry.name for entry in entries) == [f"job-{i}" for i in range(5)]
    assert {entry.ray_name for entry in entries} == {"x"}
    everywhere = await KubeCluster(api).list_entries()
    assert {entry.uid for entry in entries} <= {entry.uid for entry in everywhere}


async def test_the_same_event_is_written_once(
    api: KubeApi, apply: Any, namespace: str, tmp_path: Path, control_plane: Any
) -> None:
    apply(job_of(tmp_path), team_of(tmp_path))
    cluster = KubeCluster(api)
    job = await job_in(cluster, namespace)
    for _ in range(3):
        await cluster.create_event(job, EventDraft("Warning", "StageFailed", "it broke"))
    # Another process does not know that it was written: the series counts.
    again = KubeCluster(api)
    await again.create_event(job, EventDraft("Warning", "StageFailed", "it broke"))
    await again.create_event(job, EventDraft("Warning", "StageFailed", "it broke differently"))
    listed = control_plane.kubectl("get", "events.v1.events.k8s.io", "-n", namespace, "-o", "json")
    events = json.loads(listed)["items"]
    assert sorted(event["note"] for event in events) == ["it broke", "it broke differently"]
    counted = next(event for event in events if event["note"] == "it broke")
    assert counted["series"]["count"] == 2
    assert counted["regarding"]["uid"] == job.metadata.uid


async def test_a_secret_is_read_by_name(api: KubeApi, namespace: str, control_plane: Any) -> None:
    control_plane.kubectl(
        *("create", "secret", "generic", "s3", "-n", namespace, "--from-literal=key=canary")
    )
    cluster = KubeCluster(api)
    found = await cluster.get_secret(namespace, "s3")
    assert found is not None
    assert found.data == {"key": b"canary"}
    assert "canary" not in repr(found)
    assert base64.b64encode(b"canary").decode() not in repr(found)
    assert await cluster.get_secret(namespace, "other") is None


def test_a_merge_patch_sends_changed_values_whole_and_removes_what_is_gone() -> None:
    old = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1], "d": {"same": 1}, "gone": 1}
    new = {"a": 1, "b": {"y": 3, "z": 4}, "c": [1, 2], "d": {"same": 1}}
    assert merge_patch(old, new) == {"b": {"x": None, "y": 3, "z": 4}, "c": [1, 2], "gone": None}


# -- the Lease


def lease_of(api: KubeApi, namespace: str, release: str, identity: str) -> Lease:
    return Lease(
        api,
        namespace=namespace,
        name="surelabel",
        release=release,
        identity=identity,
        times=TIMES,
    )


async def state(lease: Lease, wanted: str, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while lease.state != wanted:
            await asyncio.sleep(0.02)


async def test_one_holds_a_twin_stands_by_and_another_release_is_not_ready(
    api: KubeApi, namespace: str
) -> None:
    first, twin = (lease_of(api, namespace, "one", name) for name in ("a", "b"))
    other = lease_of(api, namespace, "one-more", "c")
    holder = asyncio.create_task(first.run())
    await state(first, "held")
    others = [asyncio.create_task(lease.run()) for lease in (twin, other)]
    await state(twin, "standby")
    await state(other, "foreign")
    assert first.problem is None
    assert twin.problem is None
    assert first.standby is None
    assert twin.standby == f"Lease {namespace}/surelabel is held by 'one/a'."
    assert "'one/a'" in (other.problem or "")
    assert first.installation
    assert first.installation == twin.installation == other.installation
    # Nobody takes it while it is renewed.
    await asyncio.sleep(3)
    assert (first.state, twin.state, other.state) == ("held", "standby", "foreign")
    # A holder that is killed is replaced after its time; one that stops, at once.
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    async with asyncio.timeout(20):
        while not (twin.held.is_set() or other.held.is_set()):
            await asyncio.sleep(0.02)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_a_holder_that_cannot_renew_stops_acting(api: KubeApi, namespace: str) -> None:
    changes: list[bool] = []
    lease = lease_of(api, namespace, "one", "a")
    lease._on_change = changes.append
    task = asyncio.create_task(lease.run())
    await state(lease, "held")
    host = api.configuration.host
    api.configuration.host = "http://127.0.0.1:9"
    await state(lease, "standby")
    assert not lease.held.is_set()
    api.configuration.host = host
    await state(lease, "held")
    assert changes[:3] == [True, False, True]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_same_identity_takes_its_lease_back_at_once(api: KubeApi, namespace: str) -> None:
    first = lease_of(api, namespace, "one", "pod-0")
    await first._turn()
    assert first.state == "held"
    again = lease_of(api, namespace, "one", "pod-0")
    await again._turn()
    assert again.state == "held"
    assert again.installation == first.installation


async def test_jobs_are_counted_by_a_page_of_one_for_each_namespace(
    api: KubeApi, apply: Any, namespace: str, tmp_path: Path
) -> None:
    apply(*(job_of(tmp_path, f"animals-{number}") for number in range(3)))
    assert await KubeCluster(api, (namespace,)).count_jobs() == 3
    assert await KubeCluster(api, ("no-such-namespace",)).count_jobs() == 0
    everywhere = KubeCluster(api)
    assert await everywhere.count_jobs() == len(await everywhere.list_entries())


async def test_names_from_elsewhere_cannot_leave_their_place_in_a_path(
    api: KubeApi, crds: None
) -> None:
    del crds
    assert await KubeCluster(api).get_identity("default/../../../v1", "../pods?x=#y") is None
