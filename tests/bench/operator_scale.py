"""The operator with 1,000 and 10,000 LabelingJobs on the real API server, bare Kopf beside it.

python tests/bench/operator_scale.py [FEW MANY]        (default: 1000 10000)
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from operator_plane import Bench, Running
from page import Section, publish, say

from scraped import writes_of
from surelabel_cli.control_plane import ControlPlane
from surelabel_cli.toolchain import find_toolchain
from surelabel_operator.kube_api import KubeApi, load_configuration

FEW, MANY = (int(given) for given in sys.argv[1:3] or ("1000", "10000"))
_STEADY_SECONDS = 60
_LIMIT = 1_200
# One job a second runs through five stages; ten a second are touched.
_BUSY_SECONDS, _TOUCHED_PER_SECOND = 40, 10


async def settled(running: Running, jobs: int, seconds: float = 420) -> None:
    """Wait until the queue is empty and nothing was added for three seconds."""
    end, before, still = time.monotonic() + seconds, -1.0, 0
    while time.monotonic() < end and still < 3:
        await asyncio.sleep(1)
        values = running.metrics()
        adds = values["labeling_workqueue_adds_total"]
        idle = not values["labeling_workqueue_depth"] and not values["labeling_active_workers"]
        still = still + 1 if idle and adds == before and adds >= jobs else 0
        before = adds


def percentile(values: list[float], percent: int) -> float:
    """Of the sorted values, the one that so many percent do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def fresh(bench: Bench, count: int) -> tuple[Running, Running, float, float]:
    """Operator and Kopf after a start with ``count`` jobs, and their memory when they have
    settled; the operator still runs."""
    kopf = await bench.kopf(count)
    await asyncio.sleep(5)
    kopf_megabytes = kopf.megabytes
    kopf.stop()
    operator = await bench.operator()
    await settled(operator, count)
    return operator, kopf, operator.megabytes, kopf_megabytes


async def busy(bench: Bench) -> list[float]:
    """Latencies while jobs run and others are touched."""
    bench.latencies.write_text("")
    for second in range(_BUSY_SECONDS):
        started = time.monotonic()
        await bench.change(second, {"spec": {"suspend": False}})
        for touched in range(_TOUCHED_PER_SECOND):
            body = {"metadata": {"annotations": {"touched": f"{second}"}}}
            await bench.change(100 + second * _TOUCHED_PER_SECOND + touched, body)
            await asyncio.sleep(0.05)
        await asyncio.sleep(max(0.0, started + 1 - time.monotonic()))
    await asyncio.sleep(15)
    return [float(line) for line in bench.latencies.read_text().split()]


async def fill(bench: Bench, section: Section) -> None:
    """All measurements, the few jobs first."""
    rate = await bench.create(range(FEW))
    say(f"operator: {FEW} jobs created, {rate:.0f}/s")
    first = await bench.operator()
    started = time.monotonic()
    await settled(first, FEW)
    say(f"operator: all suspended after {time.monotonic() - started:.0f} s")
    first.stop()

    operator, kopf, few, kopf_few = await fresh(bench, FEW)
    section.add(f"ready with {FEW:,} jobs listed", operator.start, "≤ 3 s",
                operator.seconds <= 3)  # fmt: skip
    section.add("bare Kopf in the same minute, all seen", kopf.start,
                f"(ratio {operator.seconds / kopf.seconds:.1f}, "
                f"of CPU {operator.cpu / kopf.cpu:.1f})")  # fmt: skip
    section.add(f"memory at {FEW:,} jobs", f"{few:.0f} MB (peak {operator.peak_megabytes:.0f})",
                "< 160 MB", few < 160)  # fmt: skip
    section.add("bare Kopf's", f"{kopf_few:.0f} MB", f"(ratio {few / kopf_few:.1f})")
    say(f"operator: {_STEADY_SECONDS} s of steady state")
    before, versions = writes_of(operator.metrics()), await bench.versions()
    await asyncio.sleep(_STEADY_SECONDS)
    after, now = writes_of(operator.metrics()), await bench.versions()
    changed = sum(now[name] != version for name, version in versions.items())
    section.add(f"API writes in {_STEADY_SECONDS} s of steady state, all jobs suspended",
                f"{after[1] - before[1]:.0f} ({changed} jobs changed); "
                f"{after[0] - before[0]:.0f} to the Lease",
                "0 to jobs", after[1] == before[1] and not changed)  # fmt: skip

    say("operator: jobs run")
    found = await busy(bench)
    p99 = percentile(found, 99)
    section.add("event to finished reconcile, p99", f"{p99 * 1000:.0f} ms "
                f"(p50 {percentile(found, 50) * 1000:.0f}, max {max(found) * 1000:.0f}; "
                f"{len(found):,} reconciles)", "< 250 ms", p99 < 0.25)  # fmt: skip
    ended = operator.metrics().get('labeling_rounds_total{outcome="succeeded"}', 0)
    section.add("jobs that ran to their end meanwhile", f"{ended:.0f} of {_BUSY_SECONDS}")

    rate = await bench.create(range(FEW, MANY))
    say(f"operator: {MANY} jobs, {rate:.0f}/s")
    await settled(operator, MANY)
    grown = operator.megabytes
    operator.stop()
    say("operator: starts again with all of them")
    operator, kopf, many, kopf_many = await fresh(bench, MANY)
    per_job = (many - few) * 1000 / (MANY - FEW)
    per_grown = (grown - few) * 1000 / (MANY - FEW)
    kopf_per_job = (kopf_many - kopf_few) * 1000 / (MANY - FEW)
    section.add(f"memory at {MANY:,} jobs, started with them",
                f"{many:.0f} MB (peak {operator.peak_megabytes:.0f}), {per_job:.1f} KB a job",
                "< 20 KB a job", per_job < 20)  # fmt: skip
    section.add(f"memory at {MANY:,} jobs, {MANY - FEW:,} of them created while it ran",
                f"{grown:.0f} MB, {per_grown:.1f} KB a job", "< 20 KB a job",
                per_grown < 20)  # fmt: skip
    section.add("bare Kopf's", f"{kopf_many:.0f} MB, {kopf_per_job:.1f} KB a job")
    section.add(f"ready with {MANY:,} jobs listed",
                f"{operator.start} (bare Kopf {kopf.start})")  # fmt: skip
    operator.stop()


async def measure(folder: Path) -> Section:
    """The section of the operator."""
    section = Section(
        "operator",
        "The operator with many jobs",
        "LabelingJobs on a real etcd and kube-apiserver on the same machine, all suspended at "
        "first; `file://` storage, a backend that answers after 8 ms and whose stages take one "
        "second. Bare Kopf is an operator of one `on.event` handler that counts what it sees.",
    )
    with ControlPlane(folder / "plane", find_toolchain().control_plane) as plane:
        api = KubeApi(await load_configuration(plane.kubeconfig))
        bench = Bench(folder, plane, api)
        try:
            await bench.install()
            async with asyncio.timeout(_LIMIT):
                await fill(bench, section)
        except TimeoutError:
            section.notes.append(f"Ended after {_LIMIT} s; what is missing was not measured.")
        finally:
            await api.close()
    section.notes.append(
        f"For the p99 one job a second was resumed and ran through its five stages while "
        f"{_TOUCHED_PER_SECOND} others a second were touched, for {_BUSY_SECONDS} s."
    )
    return section


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
        publish(asyncio.run(measure(Path(name).resolve())))
