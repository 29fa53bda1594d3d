"""What the operator depends on fails for a while: the job goes on and ends as if undisturbed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import small_job
from faults.admin import team_path
from faults.faulty_proxy import FaultyProxy
from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition
from s3 import S3Server
from surelabel_cli.control_plane import API_SERVER, ETCD, ControlPlane
from surelabel_contract.keys import COMMIT_FILE, OUTPUT_MANIFEST

pytestmark = [pytest.mark.cluster]

_ETCD_SECONDS = 20
_STORE_SECONDS = 30


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, devcluster_bin: Path) -> Iterator[ControlPlane]:
    """A control plane whose parts may be stopped."""
    with ControlPlane(tmp_path_factory.mktemp("plane"), devcluster_bin) as found:
        yield found


@pytest.fixture
def bench(plane: ControlPlane, fork_server: ForkServer, tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(tmp_path / "bench", plane.kubeconfig, fork_server.address) as found:
        yield found.start()


@pytest.fixture(scope="module")
def undisturbed(
    plane: ControlPlane, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The manifest of the small job without any fault."""
    folder = tmp_path_factory.mktemp("undisturbed") / "bench"
    with Workbench(folder, plane.kubeconfig, fork_server.address) as bench:
        bench.start().apply(bench.body())
        bench.wait("Succeeded", "True")
        return bench.manifest()


def ended_well(bench: Workbench, undisturbed: bytes) -> None:
    job = bench.wait("Succeeded", "True")
    assert condition(job, "Stalled")["status"] == "False"
    assert job["status"]["step"].get("failures", 0) == 0
    assert bench.manifest() == undisturbed
    assert set(small_job.commits_of(bench.out).values()) == {1}
    attempts = small_job.attempts_of(bench.out)
    assert len(attempts) == len(set(attempts)) == len(bench.stages.started())


def test_the_api_server_is_killed_and_comes_back(
    bench: Workbench, plane: ControlPlane, undisturbed: bytes
) -> None:
    bench.hold("con")
    bench.apply(bench.body())
    name = bench.wait_running("con")
    plane.stop_component(API_SERVER, kill=True)
    # The stage ends while nobody can be told.
    bench.release("con")
    time.sleep(3)
    plane.start_component(API_SERVER)
    plane.wait_ready()
    bench.admin.close()
    ended_well(bench, undisturbed)
    assert name in bench.stages.started() or bench.stages.running() == []


def test_etcd_is_away_for_20_seconds(
    bench: Workbench, plane: ControlPlane, undisturbed: bytes
) -> None:
    bench.hold("ann")
    bench.apply(bench.body())
    bench.wait_running("ann")
    plane.stop_component(ETCD, kill=True)
    bench.release("ann")
    time.sleep(_ETCD_SECONDS)
    plane.start_component(ETCD)
    plane.wait_ready()
    bench.admin.close()
    ended_well(bench, undisturbed)


def test_watches_are_cut_and_requests_answered_with_409_429_and_500(
    plane: ControlPlane, fork_server: ForkServer, undisturbed: bytes, tmp_path: Path
) -> None:
    statuses = itertools.cycle([409, 429, 500, None, None, None])

    def faults(method: str, path: str) -> int | None:
        if "watch=" in path or "labelingjobs/" not in path:
            return None
        status = next(statuses)
        return None if status == 409 and method != "PATCH" else status

    with (
        FaultyProxy(plane.kubeconfig, tmp_path, faults, watch_seconds=2) as proxy,
        Workbench(
            tmp_path / "bench",
            plane.kubeconfig,
            fork_server.address,
            operator_kubeconfig=proxy.kubeconfig,
        ) as bench,
    ):
        bench.start().apply(bench.body())
        ended_well(bench, undisturbed)
        bench.stop()
        assert proxy.answered[429] and proxy.answered[500] and proxy.cut, proxy.answered
        assert proxy.answered[409], proxy.answered


@pytest.mark.parametrize("meets", ["operator", "stage"])
def test_the_store_refuses_for_30_seconds(
    meets: str,
    plane: ControlPlane,
    fork_server: ForkServer,
    own_s3_server: S3Server,
    undisturbed: bytes,
    tmp_path: Path,
) -> None:
    s3 = own_s3_server
    root = s3.storage().folder(f"{s3.uri}/job")
    settings = {"storage": small_job.storage_settings(s3)}
    with Workbench(
        tmp_path / "bench",
        plane.kubeconfig,
        fork_server.address,
        env=s3.environment,
        settings=settings,
    ) as bench:
        team = small_job.team(bench.data)
        team["metadata"]["name"] = "s3"
        team["spec"]["simulated"]["truthURI"] = f"{s3.uri}/job/truth.jsonl"
        bench.admin.apply(team_path(bench.namespace), team)
        for name in ("in.manifest", "truth.jsonl"):
            root.write(name, (bench.data / name).read_bytes())
        bench.hold("con")
        bench.start().apply(
            bench.body(
                input={"manifest": f"{s3.uri}/job/in.manifest"},
                output={"uri": f"{s3.uri}/job/out"},
                storage={"endpoint": s3.endpoint, "region": s3.region},
                workforce={"workTeam": "s3", "annotatorsPerItem": 3, "maxOpenItems": 12},
            )
        )
        bench.wait_running("con")
        s3.stop()
        stopped = time.monotonic()
        if meets == "stage":
            bench.release("con")
        # Any change makes the operator look.
        bench.patch({"ttlSecondsAfterFinished": 3600})
        job = bench.wait("StorageAvailable", "False", reason="StorageUnavailable")
        message = condition(job, "StorageAvailable")["message"]
        assert s3.uri in message or s3.endpoint in message, message
        assert condition(job, "Ready")["reason"] == "StorageUnavailable"
        assert condition(job, "Succeeded")["status"] == "Unknown"
        assert condition(job, "Stalled")["status"] == "False"
        time.sleep(max(0, stopped + _STORE_SECONDS - time.monotonic()))
        s3.start()
        bench.release("con")
        job = bench.wait("Succeeded", "True")
        assert condition(job, "StorageAvailable")["status"] == "True"
        # The stage that met it is tried again, at no cost to its own attempts.
        again = [name for name in bench.stages.started() if name.endswith("-con-p1-a2")]
        assert bool(again) == (meets == "stage")
        reasons = {event["reason"] for event in bench.events()}
        assert ("InfrastructureFailed" in reasons) == (meets == "stage")
        assert "StageFailed" not in reasons
        assert root.read(f"out/{small_job.NAME}/{OUTPUT_MANIFEST}") == undisturbed
        commits = [
            e.key for e in root.entries(f"out/{small_job.NAME}/") if e.key.endswith(COMMIT_FILE)
        ]
        assert len(commits) == len(set(commits)) >= 6
