"""The operator with 10,000 LabelingJobs, 500 of them at work as RayJobs; KubeRay is simulated.

python tests/bench/ray_job_scale.py [JOBS ACTIVE]        (default: 10000 500)
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from kubernetes import client, config, watch
from operator_plane import JOBS, NAMESPACE, Bench, Running, cpu_seconds
from operator_scale import percentile, settled, writes_of
from page import Section, publish, say

import fake_stage
from faults.admin import Admin
from faults.kube_ray import install_crds
from operator_bench import job_of
from surelabel_cli.control_plane import ControlPlane
from surelabel_cli.toolchain import find_toolchain
from surelabel_operator.kube_api import MERGE_PATCH, ApiError, KubeApi, load_configuration

COUNT, ACTIVE = (int(given) for given in sys.argv[1:3] or ("10000", "500"))
_RAY_JOBS = f"/apis/ray.io/v1/namespaces/{NAMESPACE}/rayjobs"
_BUSY_SECONDS, _IDLE_SECONDS = 120, 300
# How long a stage takes, drawn for each.
_STAGE_SECONDS = (15.0, 45.0)


class SimulatedKubeRay:
    """Answers each RayJob as KubeRay does, and commits what its stage would have."""

    def __init__(self, api: KubeApi, kubeconfig: Path) -> None:
        self._api = api
        self._kubeconfig = kubeconfig
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: dict[str, float] = {}
        self._draw = random.Random(7)
        # Seconds from the status of a RayJob that succeeded to the next RayJob of its LabelingJob.
        self.latencies: list[float] = []
        self.created = 0
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Answer nothing any more."""
        self._over.set()
        for task in self._tasks:
            task.cancel()

    def _watch(self) -> None:
        api = config.new_client_from_config(config_file=str(self._kubeconfig))
        objects = client.CustomObjectsApi(api)
        while not self._over.is_set():
            with suppress(Exception):
                stream = watch.Watch().stream(
                    objects.list_namespaced_custom_object, "ray.io", "v1", NAMESPACE, "rayjobs"
                )
                for event in stream:
                    if event["type"] == "ADDED":
                        found = event["object"]
                        self._loop.call_soon_threadsafe(self._added, found, time.monotonic())

    def _added(self, job: dict[str, Any], now: float) -> None:
        if self._over.is_set():
            return
        uid = job["metadata"]["labels"]["surelabel.dev/job-uid"]
        self.created += 1
        ended = self._ended.pop(uid, None)
        if ended is not None:
            self.latencies.append(now - ended)
        task = self._loop.create_task(self._run(job, uid))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, job: dict[str, Any], uid: str) -> None:
        name = job["metadata"]["name"]
        await self._patch(name, jobDeploymentStatus="Initializing", rayClusterName="x")
        await self._patch(name, jobDeploymentStatus="Running", jobStatus="RUNNING")
        await asyncio.sleep(self._draw.uniform(*_STAGE_SECONDS))
        uri = job["spec"]["entrypoint"].rpartition(" ")[2].strip("'")
        place = Path(unquote(urlsplit(uri).path))
        found = json.loads(place.read_bytes())
        folder = Path(unquote(urlsplit(found["folderUri"]).path))
        fake_stage.create(
            place.parent.parent / "COMMITTED.json", fake_stage.report(found, folder, place)
        )
        self._ended[uid] = time.monotonic()
        await self._patch(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")

    async def _patch(self, name: str, **status: Any) -> None:
        # Suspended or ended meanwhile: then it is gone.
        with suppress(ApiError):
            await self._api.request(
                "patch",
                "rayjobs",
                f"{_RAY_JOBS}/{name}/status",
                body={"status": status},
                content_type=MERGE_PATCH,
            )


def job(folder: Path, number: int) -> dict[str, Any]:
    """A LabelingJob with a RayCluster of its own, suspended, of rounds without end."""
    body = job_of(folder, f"job-{number:05d}", suspend=True)
    body["spec"]["compute"] = {"ray": {"cluster": {"scope": "Job"}}}
    body["spec"]["workforce"]["maxOpenItems"] = 1
    return body


async def each(numbers: range, work: Any) -> None:
    """``work`` for every number, 16 at a time."""
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await work(number)

    await asyncio.gather(*(worker() for _ in range(16)))


async def fill(bench: Bench, section: Section) -> None:
    """All measurements."""

    async def create(number: int) -> None:
        body = job(bench.folder, number)
        await bench.api.request("create", "labelingjobs", JOBS, body=body)

    async def resume(number: int) -> None:
        await bench.change(number, {"spec": {"suspend": False}})

    await each(range(COUNT), create)
    say(f"ray_jobs: {COUNT} jobs created")
    first = await bench.operator(plain=True)
    await settled(first, COUNT)
    first.stop()

    operator = await bench.operator(plain=True)
    await settled(operator, COUNT)
    say(f"ray_jobs: idle for {_IDLE_SECONDS} s")
    before, cpu = writes_of(operator.metrics()), cpu_seconds(operator.process.pid)
    await asyncio.sleep(_IDLE_SECONDS)
    after, used = writes_of(operator.metrics()), cpu_seconds(operator.process.pid) - cpu
    section.add(f"API writes in {_IDLE_SECONDS} s, {COUNT:,} jobs idle",
                f"{after[1] - before[1]:.0f}; {after[0] - before[0]:.0f} to the Lease",
                "0 to jobs", after[1] == before[1])  # fmt: skip
    millicores = used * 1000 / _IDLE_SECONDS
    section.add("CPU meanwhile, with the resync every 600 s", f"{millicores:.1f} millicores",
                "< 10 millicores", millicores < 10)  # fmt: skip

    ray = SimulatedKubeRay(bench.api, bench.plane.kubeconfig)
    say(f"ray_jobs: {ACTIVE} jobs at work")
    await each(range(ACTIVE), resume)
    await asyncio.sleep(60)
    ray.latencies.clear()
    metrics, steps, used = operator.metrics(), ray.created, cpu_seconds(operator.process.pid)
    await asyncio.sleep(_BUSY_SECONDS)
    busy(section, operator, ray, (metrics, steps, used))

    operator.stop()
    operator = await bench.operator(plain=True)
    section.add(f"restart to ready with {COUNT:,} jobs, {ACTIVE} at work", operator.start, "< 15 s",
                operator.seconds < 15)  # fmt: skip
    operator.stop()
    ray.stop()


def busy(
    section: Section,
    operator: Running,
    ray: SimulatedKubeRay,
    before: tuple[dict[str, float], int, float],
) -> None:
    """What the operator did and cost while jobs were at work."""
    metrics, steps, cpu = before
    steps = ray.created - steps
    found = ray.latencies
    p99 = percentile(found, 99)
    section.add("RayJob's status to the next step's RayJob, p99", f"{p99 * 1000:.0f} ms "
                f"(p50 {percentile(found, 50) * 1000:.0f}, max {max(found) * 1000:.0f}; "
                f"{len(found):,} steps)", "< 1 s", p99 < 1)  # fmt: skip
    megabytes = operator.megabytes
    section.add("memory", f"{megabytes:.0f} MB (peak {operator.peak_megabytes:.0f})", "< 350 MB",
                megabytes < 350)  # fmt: skip
    used = cpu_seconds(operator.process.pid) - cpu
    section.add(
        "CPU",
        f"{used * 1000 / _BUSY_SECONDS:.0f} millicores, "
        f"{used * 1000 / max(1, steps):.0f} ms a step, {steps / _BUSY_SECONDS:.1f} steps/s",
    )
    calls: Counter[str] = Counter()
    for name, value in operator.metrics().items():
        if name.startswith("labeling_kube_requests_total"):
            labels = dict(part.split("=") for part in name.split("{")[1].rstrip("}").split(","))
            what = f"{labels['verb']} {labels['resource']}".replace('"', "")
            calls[what] += int(value - metrics.get(name, 0))
    rows = [
        (what, f"{count / max(1, steps):.2f}") for what, count in sorted(calls.items()) if count
    ]
    section.tables.append(
        ("Requests to the API server for each step:", ("request", "a step"), rows)
    )


async def measure(folder: Path) -> Section:
    """The section of RayJobs."""
    section = Section(
        "ray_jobs",
        "The operator with many RayJobs",
        f"{COUNT:,} LabelingJobs with a RayCluster each on a real etcd and kube-apiserver on the "
        f"same machine, {ACTIVE} of them at work at a time. KubeRay does not run: a program sets "
        "the RayJobs' status and writes what their stages would commit, each after 15 to 45 s.",
    )
    with ControlPlane(folder / "plane", find_toolchain().control_plane) as plane:
        install_crds(Admin(plane.kubeconfig))
        api = KubeApi(await load_configuration(plane.kubeconfig))
        bench = Bench(folder, plane, api)
        settings = yaml.safe_load(bench.settings.read_text())
        settings["kubeRay"] = {"image": "surelabel/workloads:bench"}
        bench.settings.write_text(yaml.safe_dump(settings))
        try:
            await bench.install()
            await fill(bench, section)
        finally:
            await api.close()
    return section


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
        publish(asyncio.run(measure(Path(name).resolve())))
