"""The ray_cluster backend against a server that answers as Ray does."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from fake_ray import FakeRay
from surelabel_contract.stages import JobRef, Resources, StorageAccess
from surelabel_contract.steps import Stage, Step, step_name
from surelabel_operator.backends import BackendError, Submission, Submitted, ray_cluster, ray_watch
from surelabel_operator.backends.ray_cluster import RayCluster, failure_class
from surelabel_operator.backends.ray_clusters import RayClusters
from surelabel_operator.logging import SecretText
from surelabel_operator.observed import AttemptState, FailureClass
from surelabel_operator.sweep import Sweep
from surelabel_operator.trust import RayTarget

JOB = JobRef(namespace="vision", name="birds", uid="uid-1", installation="here")


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_watch, "FAST_SECONDS", 0.05)
    monkeypatch.setattr(ray_watch, "SLOW_SECONDS", 0.1)
    monkeypatch.setattr(ray_cluster, "DELETE_AFTER_SECONDS", 0.05)


class Cluster:
    """A RayCluster on a FakeRay, and who was told of changes."""

    def __init__(self, ray: FakeRay, token: SecretText | None) -> None:
        self.ray = ray
        self.changed: list[tuple[str, str]] = []

        async def read_token(_name: str) -> SecretText | None:
            return token

        self.clusters = RayClusters(read_token, lambda *key: self.changed.append(key))
        secret = "ray-token" if token is not None else None
        self.backend: RayCluster = self.clusters.of(RayTarget(ray.url, secret))


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with FakeRay() as ray:
        found = Cluster(ray, None)
        yield found
        await found.clusters.close()


def submission(number: int = 1, job: JobRef = JOB, uri: str = "file:///x/STAGE.json") -> Submission:
    step = Step(round=number, stage=Stage.TRAIN)
    return Submission(
        name=step_name(job.name, job.uid, step, 1),
        job=job,
        step=step,
        attempt=1,
        config_uri=uri,
        storage=StorageAccess(prefixes=("s3://bucket/a",)),
        resources=Resources(num_cpus=2, memory_mib=64),
        timeout_seconds=60,
    )


async def until(condition: object, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_submitted_job_carries_whose_it_is_and_no_secret(cluster: Cluster) -> None:
    wanted = submission(uri="s3://bucket/a b;rm -rf /$HOME/STAGE.json")
    assert await cluster.backend.submit(wanted) is Submitted.CREATED
    job = cluster.ray.jobs[wanted.name]
    assert job["metadata"] == {
        "installation": "here",
        "namespace": "vision",
        "name": "birds",
        "uid": "uid-1",
        "step": "0001/tra-p1",
        "attempt": "1",
    }
    assert shlex.split(job["entrypoint"]) == ["python", "-m", "surelabel.stages", wanted.config_uri]
    assert job["runtime_env"] == {
        "env_vars": {"SURELABEL_STORAGE_ACCESS": wanted.storage.to_json().decode()}
    }


async def test_submitting_twice_adopts_ours_and_refuses_others(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    assert await cluster.backend.submit(wanted) is Submitted.ADOPTED
    cluster.ray.jobs[wanted.name]["metadata"]["uid"] = "somebody-else"
    assert await cluster.backend.submit(wanted) is Submitted.CONFLICT
    (found,) = await cluster.backend.observe(JOB, (wanted.name,))
    assert not found.ours


async def test_an_end_is_told_within_a_tick(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    await until(lambda: cluster.ray.count("GET") >= 2)
    cluster.changed.clear()
    cluster.ray.end(wanted.name, "FAILED", driver_exit_code=1, message="no memory")
    await until(lambda: cluster.changed)
    assert cluster.changed == [("vision", "birds")]
    (found,) = await cluster.backend.observe(JOB, (wanted.name,))
    assert found.state is AttemptState.FAILED
    assert found.failure is FailureClass.APPLICATION
    assert "no memory" in found.message
    assert found.started == datetime.fromtimestamp(1_700_000_000, UTC)


async def test_nothing_is_asked_when_nothing_runs(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    cluster.ray.end(wanted.name)
    await until(lambda: cluster.changed)
    before = len(cluster.ray.requests)
    await asyncio.sleep(0.5)
    await cluster.backend.observe(JOB, (wanted.name,))
    assert len(cluster.ray.requests) == before


async def test_up_to_twenty_jobs_are_asked_singly_and_more_by_one_list(cluster: Cluster) -> None:
    for number in range(20):
        await cluster.backend.submit(submission(number))
    await until(lambda: cluster.ray.count("GET", "/api/jobs/birds") >= 20)
    assert cluster.ray.count("GET") == cluster.ray.count("GET", "/api/jobs/birds")
    await cluster.backend.submit(submission(21))
    cluster.ray.requests.clear()
    await until(lambda: ("GET", "/api/jobs/") in cluster.ray.requests)
    assert cluster.ray.count("GET", "/api/jobs/birds") <= 20


async def test_a_thousand_looks_after_a_restart_share_lists(cluster: Cluster) -> None:
    jobs = [submission(number) for number in range(300)]
    for wanted in jobs:
        body = {"submission_id": wanted.name, "status": "RUNNING", "metadata": {}}
        body["metadata"] = {"installation": "here", "uid": "uid-1"}
        cluster.ray.jobs[wanted.name] = body
    names = [wanted.name for wanted in jobs]
    for start in range(0, 300, 8):
        some = names[start : start + 8]
        await asyncio.gather(*(cluster.backend.observe(JOB, (name,)) for name in some))
    # The first looks, and ticks that fall among them, still ask singly.
    assert cluster.ray.count("GET", "/api/jobs/birds") <= 100
    assert cluster.ray.count("GET") <= 200


async def test_a_job_that_came_while_a_list_was_under_way_is_not_unknown(
    cluster: Cluster,
) -> None:
    for number in range(25):
        await cluster.backend.submit(submission(number))
    cluster.ray.list_seconds = 0.3
    await until(lambda: cluster.ray.requests[-1] == ("GET", "/api/jobs/"))
    late = submission(99)
    await cluster.backend.submit(late)
    (found,) = await cluster.backend.observe(JOB, (late.name,))
    assert found.name == late.name


async def test_an_end_that_another_jobs_look_found_is_told(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Above 20 jobs every look is a list of all; no tick comes in this test.
    monkeypatch.setattr(ray_watch, "FAST_SECONDS", 60)
    monkeypatch.setattr(ray_watch, "SLOW_SECONDS", 60)
    jobs = [
        JobRef(namespace="vision", name=f"birds-{n}", uid=f"uid-{n}", installation="here")
        for n in range(25)
    ]
    wanted = [submission(job=job) for job in jobs]
    for one in wanted:
        await cluster.backend.submit(one)
    for job, one in zip(jobs, wanted, strict=True):
        await cluster.backend.observe(job, (one.name,))
    cluster.ray.end(wanted[3].name)
    cluster.changed.clear()
    late = submission(number=9, job=jobs[7])
    await cluster.backend.submit(late)
    await cluster.backend.observe(jobs[7], (late.name,))
    assert cluster.changed == [("vision", "birds-3")]


async def test_an_outage_that_another_jobs_look_found_is_told(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_watch, "FAST_SECONDS", 60)
    other = JobRef(namespace="vision", name="fish", uid="uid-2", installation="here")
    first, second = submission(), submission(job=other)
    for job, one in ((JOB, first), (other, second)):
        await cluster.backend.submit(one)
        await cluster.backend.observe(job, (one.name,))
    cluster.changed.clear()
    cluster.ray.fault = web.Response(status=500, text="down")
    third = submission(number=5, job=other)
    with pytest.raises(BackendError):
        await cluster.backend.observe(other, (third.name,))
    assert ("vision", "birds") in cluster.changed


async def test_time_in_ray_s_queue_is_no_part_of_an_attempts_time(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    cluster.ray.jobs[wanted.name]["status"] = "PENDING"
    (found,) = await cluster.backend.observe(JOB, (wanted.name,))
    assert found.state is AttemptState.PENDING
    cluster.ray.jobs[wanted.name]["status"] = "RUNNING"
    cluster.changed.clear()
    await until(lambda: cluster.changed)
    (found,) = await cluster.backend.observe(JOB, (wanted.name,))
    # Ray's start_time is that of the submission, long ago here.
    assert found.started is not None
    assert abs((datetime.now(UTC) - found.started).total_seconds()) < 30


_STRANGE = [
    *([1], {"a": 1}, [{"submission_id": 5}], "text"),
    [{"submission_id": "a-r001-tra-p1-a1", "metadata": [1]}],
    [{"submission_id": "a-r001-tra-p1-a1", "metadata": {"uid": {"deep": 1}}}],
]


@pytest.mark.parametrize("answer", _STRANGE)
async def test_an_answer_that_is_no_job_is_an_error_of_that_ray_alone(
    cluster: Cluster, answer: object
) -> None:
    from surelabel_operator.settings import Settings

    cluster.ray.fault = web.Response(
        text=json.dumps(answer), headers={"Content-Type": "application/json"}
    )
    with pytest.raises(BackendError) as caught:
        await cluster.backend.observe(JOB, ())
    assert caught.value.reason == "RayUnreachable"
    sweep = Sweep(Names({}), Settings(), "here", lambda _key: None, lambda _entry: None)  # type: ignore[arg-type]
    assert await sweep.run([cluster.backend]) == 0


async def test_a_job_that_ray_lost_is_unknown_not_failed(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    # The second look's request means that the first one's answer has been taken in.
    await until(lambda: cluster.ray.count("GET") >= 2)
    cluster.changed.clear()
    cluster.ray.jobs.clear()
    await until(lambda: cluster.changed)
    assert await cluster.backend.observe(JOB, (wanted.name,)) == ()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (web.Response(status=500, text="No available agent"), "RayUnreachable"),
        (web.Response(status=401, text="no"), "RayUnauthorized"),
        (web.Response(status=403, text="no"), "RayUnauthorized"),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "RayUnreachable"),
        (web.Response(status=200, text="<html>"), "RayUnreachable"),
        (web.Response(status=400, text="bad runtime_env"), "RayRefused"),
        (web.Response(status=200, body=b"x" * (17 * 2**20)), "RayUnreachable"),
    ],
)
async def test_what_ray_cannot_answer_has_a_reason(
    cluster: Cluster, fault: web.Response, reason: str
) -> None:
    cluster.ray.fault = fault
    with pytest.raises(BackendError) as caught:
        await cluster.backend.submit(submission())
    assert caught.value.reason == reason


async def test_an_unreachable_ray_is_told_once_and_when_it_is_back(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    await until(lambda: cluster.ray.count("GET") >= 1)
    cluster.changed.clear()
    cluster.ray.fault = web.Response(status=500, text="down")
    await until(lambda: cluster.changed)
    with pytest.raises(BackendError):
        await cluster.backend.observe(JOB, (wanted.name,))
    cluster.changed.clear()
    cluster.ray.fault = None
    await until(lambda: cluster.changed)
    (found,) = await cluster.backend.observe(JOB, (wanted.name,))
    assert found.state is AttemptState.RUNNING


async def test_a_token_is_sent_and_a_missing_one_is_named() -> None:
    async with FakeRay(token="open sesame") as ray:
        right = Cluster(ray, SecretText("open sesame"))
        assert await right.backend.submit(submission()) is Submitted.CREATED
        wrong = Cluster(ray, SecretText("guess"))
        with pytest.raises(BackendError) as caught:
            await wrong.backend.submit(submission(2))
        assert caught.value.reason == "RayUnauthorized"
        assert "guess" not in str(caught.value)
        none = Cluster(ray, None)
        with pytest.raises(BackendError):
            await none.backend.submit(submission(3))
        for found in (right, wrong, none):
            await found.clusters.close()


@pytest.mark.parametrize(
    ("error_type", "code", "expected"),
    [
        ("JOB_ENTRYPOINT_COMMAND_ERROR", 1, FailureClass.APPLICATION),
        ("JOB_ENTRYPOINT_COMMAND_ERROR", 137, FailureClass.APPLICATION),
        ("JOB_ENTRYPOINT_COMMAND_ERROR", 2, FailureClass.CONFIGURATION),
        ("JOB_ENTRYPOINT_COMMAND_ERROR", 3, FailureClass.INFRASTRUCTURE),
        ("JOB_ENTRYPOINT_COMMAND_START_ERROR", None, FailureClass.APPLICATION),
        ("RUNTIME_ENV_SETUP_FAILURE", None, FailureClass.CONFIGURATION),
        ("JOB_SUPERVISOR_ACTOR_DIED", None, FailureClass.INFRASTRUCTURE),
        ("JOB_SUPERVISOR_ACTOR_START_TIMEOUT", None, FailureClass.INFRASTRUCTURE),
        ("", None, FailureClass.INFRASTRUCTURE),
    ],
)
def test_failures_have_a_class(error_type: str, code: int | None, expected: FailureClass) -> None:
    assert failure_class(error_type, code) is expected


async def test_a_deleted_job_is_gone_from_lists_at_once_and_from_ray_soon(cluster: Cluster) -> None:
    wanted = submission()
    await cluster.backend.submit(wanted)
    cluster.ray.end(wanted.name)
    await cluster.backend.delete(wanted.name)
    assert await cluster.backend.observe(JOB, ()) == ()
    await until(lambda: not cluster.ray.jobs)


class Names:
    """The part of a Cluster that the sweep asks: who has a name now."""

    def __init__(self, uids: dict[tuple[str, str], str]) -> None:
        self.uids = uids

    async def get_identity(self, namespace: str, name: str) -> object:
        uid = self.uids.get((namespace, name))
        if uid is None:
            return None
        from surelabel_operator.cluster import Identity
        from surelabel_operator.resources import JobStatus, Metadata

        return Identity(Metadata(name=name, namespace=namespace, uid=uid), JobStatus())


async def test_the_sweep_stops_orphans_of_ours_and_nothing_else(cluster: Cluster) -> None:
    from surelabel_operator.settings import Settings

    def ref(name: str, uid: str, namespace: str = "vision", installation: str = "here") -> JobRef:
        return JobRef(namespace=namespace, name=name, uid=uid, installation=installation)

    orphans = [ref("gone", "1"), ref("recreated", "old")]
    others = [
        ref("alive", "2"),
        ref("theirs", "3", installation="there"),
        ref("elsewhere", "4", namespace="unwatched"),
    ]
    for job in (*orphans, *others):
        await cluster.backend.submit(submission(job=job))
    names = Names({("vision", "alive"): "2", ("vision", "recreated"): "new"})
    settings = Settings(watch_namespaces=("vision",))
    sweep = Sweep(names, settings, "here", lambda _key: None, lambda _entry: None)  # type: ignore[arg-type]
    assert await sweep.run([cluster.backend]) == 2
    stopped = {
        job["metadata"]["name"] for job in cluster.ray.jobs.values() if job["status"] == "STOPPED"
    }
    assert stopped == {"gone", "recreated"}


async def test_answers_never_reach_another_origin(cluster: Cluster) -> None:
    async with aiohttp.ClientSession(), FakeRay() as other:
        location = {"Location": f"{other.url}/api/jobs/"}
        cluster.ray.fault = web.Response(status=307, headers=location)
        with pytest.raises(BackendError, match="redirects"):
            await cluster.backend.submit(submission())
        assert other.requests == []
