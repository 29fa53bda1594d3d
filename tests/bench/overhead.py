"""What a stage takes beyond an empty Ray job, both measured in turn on the same local Ray.

The stages are submitted as the operator does it; an empty job (``import ray; ray.init()``) goes
before each, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
import shlex
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
from page import Section, publish, say

from surelabel_cli.local_ray import LocalRay
from surelabel_contract.stages import AutoLabeling, Ending, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from surelabel_operator.backends import Submission
from surelabel_operator.backends.ray_cluster import RayCluster
from surelabel_operator.backends.ray_jobs import JobDraft, RayJobs
from surelabel_operator.logging import SecretText
from workloads.stages.mini_driver import MiniDriver

_TIMES = 3
_ITEMS = 400
_POLL = 0.02
_TARGET = 1.5
_EMPTY = f"{shlex.quote(sys.executable)} -c 'import ray; ray.init()'"


@dataclass
class Seconds:
    """Of one stage, each time: to its commit, to Ray's "done", and of the empty job before it."""

    commit: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)

    def beyond(self, which: list[float]) -> float:
        """The median of the differences to the empty jobs."""
        return statistics.median(a - b for a, b in zip(which, self.empty, strict=True))


class Bench:
    """Submits to one Ray, one job at a time."""

    def __init__(self, session: aiohttp.ClientSession, ray: LocalRay) -> None:
        token = SecretText(ray.token)

        async def read_token() -> SecretText:
            return token

        self.jobs = RayJobs(session, ray.url, read_token)
        self.cluster = RayCluster(self.jobs, lambda *_: None, python=sys.executable)
        self.number = 0

    async def empty(self) -> float:
        """Seconds from submission to done of a job that only connects to Ray."""
        self.number += 1
        name = f"empty-{self.number}"
        started = time.perf_counter()
        await self.jobs.submit(JobDraft(name, _EMPTY, {}, {}, num_cpus=1))
        await self._done(name)
        return time.perf_counter() - started

    async def stage(
        self, driver: MiniDriver, step: Step, before: StageReport | None, into: Seconds
    ) -> StageReport:
        """The report of a step that ran as a Ray job; its seconds go ``into``."""
        ending = Ending(succeeded=True, reason="Completed") if step.stage is Stage.EXPORT else None
        config = driver.config(step, before, ending)
        folder = Storage(driver.access).folder(driver.folder_uri)
        key = driver.keys.config(step, config.attempt)
        folder.create(key, config.to_json())
        commit = driver.path / driver.keys.commit(step)
        submission = Submission(
            name=f"{config.name}-{self.number}",
            job=config.job,
            step=step,
            attempt=config.attempt,
            config_uri=folder.uri_of(key),
            storage=driver.access,
            resources=config.resources,
            timeout_seconds=config.timeout_seconds,
        )
        started, clock = time.perf_counter(), time.time()
        await self.cluster.submit(submission)
        await self._done(submission.name)
        into.done.append(time.perf_counter() - started)
        if not commit.exists():
            found = await self.jobs.get(submission.name)
            raise SystemExit(f"{submission.name}: {found.message if found else 'is gone'}")
        into.commit.append(commit.stat().st_mtime - clock)
        report = driver.report(step)
        into.work.append(report.seconds["total"])
        return report

    async def _done(self, name: str) -> None:
        while True:
            found = await self.jobs.get(name)
            if found is None or found.has_ended:
                return
            await asyncio.sleep(_POLL)


def write_input(driver: MiniDriver) -> None:
    """Texts that a model can tell apart, and the truth about them."""
    labels = [("good", "bad")[number % 2] for number in range(_ITEMS)]
    words = {"good": "a fine warm day", "bad": "rain and cold wind"}
    lines = [{"source": f"{words[label]}, number {i}"} for i, label in enumerate(labels)]
    driver.write_input(lines, labels)


async def run(ray: LocalRay, folder: Path) -> dict[str, Seconds]:
    """Seconds of each stage, by its name."""
    found: dict[str, Seconds] = defaultdict(Seconds)
    async with aiohttp.ClientSession() as session:
        bench = Bench(session, ray)
        # The first job of a Ray head pays for what all share.
        await bench.empty()
        for number in range(_TIMES):
            root = folder / str(number)
            root.mkdir()
            auto = AutoLabeling(
                target_error_permille=50, risk_permille=50, seed_items=100, items_per_round=100
            )
            driver = MiniDriver(root, labels=("good", "bad"), auto_labeling=auto)
            write_input(driver)
            report = None
            for stage in Stage:
                step = Step(round=0 if stage is Stage.PREPARE else 1, stage=stage)
                seconds = found[stage.value]
                seconds.empty.append(await bench.empty())
                report = await bench.stage(driver, step, report, seconds)
                say(f"overhead: {stage.value} {seconds.done[-1]:.1f} s, "
                    f"empty job {seconds.empty[-1]:.1f} s")  # fmt: skip
        await bench.cluster.close()
    return found


def measure(folder: Path) -> Section:
    """The section of the overhead."""
    section = Section(
        "overhead",
        "Seconds per stage beyond Ray's own",
        f"A job of {_ITEMS} texts with a model, every stage as a job of a local Ray, {_TIMES} "
        "times; medians. Before each stage an empty job ran (`import ray; ray.init()`). Commit: "
        "from the submission to the stage's `COMMITTED.json`; done: to Ray's word that the job "
        "has ended, which the operator waits for; work: what the stage itself measured.",
    )
    with LocalRay(folder / "ray") as ray:
        found = asyncio.run(run(ray, folder))
    empties = [second for seconds in found.values() for second in seconds.empty]
    section.add("empty job, submission to done",
                f"{statistics.median(empties):.2f} s ({min(empties):.2f} to {max(empties):.2f})",
                "about 3 s")  # fmt: skip
    for name, seconds in found.items():
        beyond = seconds.beyond(seconds.done)
        section.add(f"{name}, done beyond the empty job", f"{beyond:.2f} s", f"≤ {_TARGET} s",
                    beyond <= _TARGET)  # fmt: skip
    header = ("stage", "empty", "done", "commit", "commit beyond empty", "work")
    median = statistics.median
    lines = [
        (
            name,
            *(f"{median(s):.2f}" for s in (seconds.empty, seconds.done, seconds.commit)),
            f"{seconds.beyond(seconds.commit):.2f}",
            f"{median(seconds.work):.2f}",
        )
        for name, seconds in found.items()
    ]
    section.tables.append(("Medians in seconds:", header, lines))
    return section


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
        publish(measure(Path(name)))
