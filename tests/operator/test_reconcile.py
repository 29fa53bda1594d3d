"""One reconcile with a real store in a folder: what actions meet becomes conditions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from folder_world import world_of
from operator_bench import job_of, team_of, write_texts
from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import JobRef
from surelabel_contract.steps import Stage
from surelabel_operator.backends import BackendError, Submission, Submitted
from surelabel_operator.cluster import GoneError
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.observe import observe
from surelabel_operator.observed import Attempt, AttemptState
from surelabel_operator.reconcile import Outcome, reconcile
from surelabel_operator.resources import LabelingJob
from surelabel_operator.settings import Settings


class Backend:
    """Runs what it is given for ever, unless it refuses."""

    def __init__(self) -> None:
        self.error: BackendError | None = None
        self.attempts: dict[str, Attempt] = {}

    def of(self, _target: object) -> Backend:
        return self

    async def submit(self, submission: Submission) -> Submitted:
        if self.error is not None:
            raise self.error
        self.attempts[submission.name] = Attempt(
            submission.name, submission.step, submission.attempt, AttemptState.RUNNING
        )
        return Submitted.CREATED

    async def observe(self, _job: JobRef, _expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        return tuple(self.attempts.values())

    async def stop(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        self.attempts.pop(name, None)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writes = 0
        self.backend = Backend()
        write_texts(folder)
        self.cluster = FolderCluster(folder / "cluster", seen=lambda _job: self._count())
        settings = Settings.from_yaml(
            "rayClusters: [{name: x, url: 'http://ray', namespaces: ['*']}]\n"
            "storage:\n  localFiles: true\n"
            f"  allowedPrefixes: [{{namespaces: ['*'], prefixes: ['file://{folder}']}}]\n"
        )
        self.world = world_of(self.cluster, settings, self.backend)
        self.cluster.apply(team_of(folder))

    def _count(self) -> None:
        self.writes += 1

    def apply(self, **spec: Any) -> None:
        self.cluster.apply(job_of(self.folder, **spec))

    async def job(self) -> LabelingJob:
        found = await self.cluster.get_job("default", "animals")
        assert found is not None
        return found

    async def reconcile(self) -> Outcome:
        return await reconcile(await self.job(), self.world)

    async def conditions(self) -> Mapping[str, tuple[str, str]]:
        job = await self.job()
        return {c.type: (c.status, c.reason) for c in job.status.conditions}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_submission_that_ray_refuses_is_shown_and_written_once(bench: Bench) -> None:
    bench.apply()
    bench.backend.error = BackendError("RayRefused", "400 bad runtime_env")
    outcome = await bench.reconcile()
    assert outcome.back_off
    assert (await bench.conditions())["Ready"] == ("False", "RayRefused")
    before = bench.writes
    for _ in range(5):
        assert (await bench.reconcile()).back_off
    assert bench.writes == before
    bench.backend.error = None
    await bench.reconcile()
    found = await bench.conditions()
    assert found["Ready"] == ("True", "Progressing")
    assert found["RoundRunning"][0] == "True"


async def test_an_output_that_cannot_be_written_is_shown_and_written_once(bench: Bench) -> None:
    # A file where a folder has to be: the store answers, and refuses to write.
    (bench.folder / "out").write_text("in the way")
    bench.apply()
    assert (await bench.reconcile()).back_off
    found = await bench.conditions()
    assert found["StorageAvailable"] == ("False", "StorageUnavailable")
    assert found["Ready"] == ("False", "StorageUnavailable")
    before = bench.writes
    for _ in range(3):
        assert (await bench.reconcile()).back_off
    assert bench.writes == before
    (bench.folder / "out").unlink()
    await bench.reconcile()
    found = await bench.conditions()
    assert found["StorageAvailable"] == ("True", "Available")
    assert found["Ready"] == ("True", "Progressing")


async def test_a_job_that_was_deleted_since_it_was_read_claims_no_output(bench: Bench) -> None:
    bench.apply()
    job = await bench.job()
    next((bench.folder / "cluster" / "labelingjobs").glob("*/*.json")).unlink()
    with pytest.raises(GoneError):
        await reconcile(job, bench.world)
    assert not (bench.folder / "out" / "animals" / "OWNER.json").exists()


async def test_a_stop_that_ray_refuses_is_shown(bench: Bench) -> None:
    bench.apply()
    await bench.reconcile()
    bench.backend.error = BackendError("RayUnreachable", "away")
    bench.apply(suspend=True)
    assert (await bench.reconcile()).back_off
    found = await bench.conditions()
    assert found["Ready"] == ("False", "RayUnreachable")
    assert found["Suspended"] == ("Unknown", "Suspending")


async def test_a_stop_request_counts_while_no_attempt_runs(bench: Bench) -> None:
    bench.apply()
    await bench.reconcile()
    job = await bench.job()
    step = job.status.step
    assert step is not None
    annotating = step.with_(stage=Stage.ANNOTATE, round=1, submitted_time=None)
    body = job.with_(status=job.status.with_(step=annotating))
    stop = StateKeys.of(job.metadata.uid).stop_request(annotating.step)
    path = bench.folder / "out" / "animals" / stop
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert (await observe(body, bench.world)).observed.stop_requested


async def test_a_stalled_job_is_looked_at_again_when_its_deadline_passes(bench: Bench) -> None:
    bench.apply(activeDeadlineSeconds=600)
    await bench.reconcile()
    bench.apply(activeDeadlineSeconds=600, workforce={"workTeam": "nobody"})
    outcome = await bench.reconcile()
    assert outcome.terminal
    assert outcome.seconds is not None
    assert 500 < outcome.seconds <= 600
