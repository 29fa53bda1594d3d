"""Keys in, reconciles out: repairs, deletions, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from folder_world import world_of
from operator_bench import job_of, team_of
from surelabel_contract.stages import JobRef
from surelabel_contract.steps import Stage, Step
from surelabel_operator.backends import BackendError
from surelabel_operator.cache import JobEntry
from surelabel_operator.cluster import ClusterError, ConflictError
from surelabel_operator.controller import Controller
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.observed import Attempt, AttemptState
from surelabel_operator.reconcile import Outcome
from surelabel_operator.resources import LabelingJob
from surelabel_operator.settings import Settings
from surelabel_operator.world import World

Step_ = Callable[[LabelingJob, World], Awaitable[Outcome]]


class Recorder:
    """A backend that runs one attempt, and remembers what was stopped."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.error: BackendError | None = None

    def of(self, _target: object) -> Recorder:
        return self

    async def observe(self, _job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        if self.error is not None:
            raise self.error
        step = Step(round=1, stage=Stage.TRAIN)
        return tuple(Attempt(name, step, 1, AttemptState.RUNNING) for name in expected)

    async def stop(self, name: str) -> None:
        self.stopped.append(name)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.cluster = FolderCluster(folder)
        self.backend = Recorder()
        settings = Settings.from_yaml(
            "rayClusters: [{name: x, url: 'http://ray', namespaces: ['*']}]\nworkers: 4"
        )
        world = world_of(self.cluster, settings, self.backend)
        self.seen: list[str] = []
        self.errors: list[Exception] = []
        self.controller = Controller(world, self._step)
        self.controller.queue._base = 0.01

    async def _step(self, job: LabelingJob, _world: World) -> Outcome:
        self.seen.append(job.metadata.name)
        if self.errors:
            raise self.errors.pop(0)
        return Outcome()

    def entry(self, name: str, folder: Path, **status: Any) -> JobEntry:
        body = self.cluster.apply(job_of(folder, name))
        return JobEntry.of({**body, "status": status})

    async def idle(self) -> None:
        async with asyncio.timeout(10):
            while True:
                await asyncio.sleep(0.03)
                queue = self.controller.queue
                if not len(queue) and not queue.in_process and not queue._timers:
                    return

    def count(self, name: str, **labels: str) -> float:
        value = self.controller.world.metrics.registry.get_sample_value(name, labels)
        return value or 0.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    found = Bench(tmp_path)
    found.controller.start()
    found.controller.active.set()
    yield found
    await found.controller.stop(1)


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("changed"),
        ClusterError("away"),
        BackendError("RayUnreachable", "away"),
        ValueError("surprise"),
    ],
)
async def test_a_failed_reconcile_comes_again(
    bench: Bench, tmp_path: Path, error: Exception
) -> None:
    bench.errors = [error, error]
    bench.controller.job_seen(bench.entry("animals", tmp_path))
    await bench.idle()
    assert len(bench.seen) >= 3
    assert bench.controller.queue.failures(("default", "animals")) == 0


async def test_a_deleted_jobs_stage_is_stopped_also_when_ray_is_away_at_first(
    bench: Bench, tmp_path: Path
) -> None:
    entry = bench.entry("animals", tmp_path, step={"name": "animals-1-r001-tra-p1-a1", "round": 1})
    bench.controller.job_seen(entry)
    await bench.idle()
    next((tmp_path / "labelingjobs").glob("*/*.json")).unlink()
    bench.backend.error = BackendError("RayUnreachable", "away")
    bench.controller.job_deleted(entry)
    await asyncio.sleep(0.1)
    assert bench.backend.stopped == []
    bench.backend.error = None
    await bench.idle()
    assert bench.backend.stopped == ["animals-1-r001-tra-p1-a1"]
    assert len(bench.controller.cache) == 0


async def test_a_job_made_again_does_not_wait_for_the_ray_of_its_predecessor(
    bench: Bench, tmp_path: Path
) -> None:
    entry = bench.entry("animals", tmp_path, step={"name": "animals-1-r001-tra-p1-a1", "round": 1})
    bench.controller.job_seen(entry)
    await bench.idle()
    next((tmp_path / "labelingjobs").glob("*/*.json")).unlink()
    bench.backend.error = BackendError("RayUnreachable", "away")
    bench.controller.job_deleted(entry)
    bench.seen.clear()
    bench.controller.job_seen(bench.entry("animals", tmp_path))
    await asyncio.sleep(0.2)
    assert "animals" in bench.seen
    bench.backend.error = None
    await bench.idle()
    assert bench.backend.stopped == ["animals-1-r001-tra-p1-a1"]


async def test_what_was_deleted_while_the_watch_was_away_is_found_by_counting(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surelabel_operator.controller.COUNT_SECONDS", 0.02)
    entry = bench.entry("animals", tmp_path, step={"name": "animals-1-r001-tra-p1-a1", "round": 1})
    bench.controller.job_seen(entry)
    keeping = asyncio.create_task(bench.controller.keep_in_step(600))
    await asyncio.sleep(0.2)
    assert bench.backend.stopped == []
    next((tmp_path / "labelingjobs").glob("*/*.json")).unlink()
    async with asyncio.timeout(10):
        while not bench.backend.stopped:
            await asyncio.sleep(0.02)
    keeping.cancel()
    assert len(bench.controller.cache) == 0


async def test_an_end_without_the_lease_reconciles_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.controller.active.clear()
    bench.controller.job_seen(bench.entry("animals", tmp_path))
    await asyncio.sleep(0.1)
    await bench.controller.stop(1)
    assert bench.seen == []


async def test_a_resync_finds_what_the_watch_missed(bench: Bench, tmp_path: Path) -> None:
    ghost = bench.entry("ghost", tmp_path, step={"name": "ghost-r001-tra-p1-a1", "round": 1})
    kept = bench.entry("kept", tmp_path)
    for entry in (ghost, kept):
        bench.controller.job_seen(entry)
    await bench.idle()
    (tmp_path / "labelingjobs/default/ghost.json").unlink()
    bench.entry("missed", tmp_path)
    bench.seen.clear()
    bench.controller.resync(await bench.cluster.list_entries())
    await bench.idle()
    assert bench.count("labeling_resync_repairs_total", kind="ghost") == 1
    assert bench.count("labeling_resync_repairs_total", kind="missed") == 1
    assert sorted(bench.seen) == ["kept", "missed"]
    assert bench.backend.stopped == ["ghost-r001-tra-p1-a1"]


async def test_a_changed_team_wakes_the_jobs_that_use_it(bench: Bench, tmp_path: Path) -> None:
    bench.cluster.apply(team_of(tmp_path))
    bench.controller.job_seen(bench.entry("animals", tmp_path))
    await bench.idle()
    bench.seen.clear()
    bench.controller.team_seen("default", "another")
    bench.controller.team_seen("default", "team")
    await bench.idle()
    assert bench.seen == ["animals"]


async def test_nothing_is_reconciled_while_another_process_holds_the_lease(
    bench: Bench, tmp_path: Path
) -> None:
    bench.controller.active.clear()
    bench.controller.job_seen(bench.entry("animals", tmp_path))
    await asyncio.sleep(0.1)
    assert bench.seen == []
    bench.controller.active.set()
    await bench.idle()
    assert bench.seen == ["animals"]


async def test_jobs_that_wait_for_the_lease_are_neither_a_backlog_nor_stuck(
    bench: Bench, tmp_path: Path
) -> None:
    bench.controller.active.clear()
    for number in range(6):
        bench.controller.job_seen(bench.entry(f"animals-{number}", tmp_path))
    await asyncio.sleep(0.1)
    queue = bench.controller.queue
    # Each of the four workers has taken one, to begin at once.
    assert (len(queue), queue.in_process) == (2, 4)
    assert bench.count("labeling_workqueue_depth") == 0
    assert bench.count("labeling_active_workers") == 0
    assert bench.count("labeling_workqueue_longest_running_seconds") == 0
    bench.controller.active.set()
    await bench.idle()
    assert len(bench.seen) == 6


async def test_a_spec_that_cannot_be_read_becomes_a_condition(bench: Bench, tmp_path: Path) -> None:
    body = job_of(tmp_path)
    body["spec"]["workforce"]["annotatorsPerItem"] = "three"
    entry = JobEntry.of(bench.cluster.apply(body))
    bench.controller.job_seen(entry)
    await bench.idle()
    found = await bench.cluster.get_identity("default", "animals")
    assert found is not None
    stalled = found.status.condition("Stalled")
    assert stalled is not None
    assert (stalled.status, stalled.reason) == ("True", "InvalidSpec")
    assert "spec.workforce.annotatorsPerItem" in stalled.message
    assert bench.seen == []


async def test_our_own_patch_wakes_nobody(bench: Bench, tmp_path: Path) -> None:
    entry = bench.entry("animals", tmp_path)
    bench.controller.world.memory.written[entry.uid] = entry.resource_version
    bench.controller.job_seen(entry)
    await bench.idle()
    assert bench.seen == []
    assert len(bench.controller.cache) == 1
