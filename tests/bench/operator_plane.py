"""What the operator's benchmark stands on: a control plane with jobs, processes and their cost."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page import ROOT

from operator_bench import job_of, team_of, write_texts
from scraped import scrape
from surelabel_cli.control_plane import ControlPlane
from surelabel_operator.kube_api import MERGE_PATCH, KubeApi

NAMESPACE = "bench"
JOBS = f"/apis/surelabel.dev/v1alpha1/namespaces/{NAMESPACE}/labelingjobs"
_ENTRY = Path(__file__).with_name("operator_entry.py")
_PEER = Path(__file__).with_name("kopf_peer.py")


@dataclass
class Running:
    """A process and the seconds that it took to know all jobs."""

    process: subprocess.Popen[bytes]
    seconds: float
    # CPU seconds until then, which a busy machine changes least.
    cpu: float = 0.0
    port: int = 0

    @property
    def start(self) -> str:
        """Both, for people."""
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s of CPU"

    @property
    def megabytes(self) -> float:
        """Resident memory now."""
        return memory(self.process.pid, "VmRSS")

    @property
    def peak_megabytes(self) -> float:
        """The most resident memory so far."""
        return memory(self.process.pid, "VmHWM")

    def metrics(self) -> dict[str, float]:
        """Every series and its value."""
        return scrape(self.port)

    def stop(self) -> None:
        """End it in its own time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def memory(pid: int, field: str) -> float:
    """A field of the process's status in MB."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def cpu_seconds(pid: int) -> float:
    """CPU seconds of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """One control plane, one namespace, an operator or Kopf at a time."""

    def __init__(self, folder: Path, plane: ControlPlane, api: KubeApi) -> None:
        self.folder, self.plane, self.api = folder, plane, api
        self.latencies = folder / "latencies"
        self._starts = 0
        write_texts(folder)
        self.settings = folder / "settings.yaml"
        self.settings.write_text(yaml.safe_dump({
            "watchNamespaces": [NAMESPACE],
            "rayClusters": [{"name": "x", "url": "http://127.0.0.1:9", "namespaces": ["*"]}],
            "storage": {
                "localFiles": True,
                "allowedPrefixes": [{"namespaces": ["*"], "prefixes": [f"file://{folder}"]}],
            },
            "metricsPort": 0,
            "logFormat": "text",
        }))  # fmt: skip

    async def install(self) -> None:
        """CRDs, the namespace and its team."""
        for kind in ("labelingjob", "workteam"):
            self._kubectl("apply", "-f", str(ROOT / "crds" / f"{kind}.yaml"))
            self._kubectl("wait", "--for=condition=Established", f"crd/{kind}s.surelabel.dev")
        self._kubectl("create", "namespace", NAMESPACE)
        teams = JOBS.replace("labelingjobs", "workteams")
        await self.api.request("create", "workteams", teams, body=team_of(self.folder))

    async def create(self, numbers: range) -> float:
        """Create suspended jobs; how many a second."""
        started, left = time.monotonic(), iter(numbers)

        async def worker() -> None:
            for number in left:
                job = job_of(self.folder, f"job-{number:05d}", suspend=True)
                await self.api.request("create", "labelingjobs", JOBS, body=job)

        await asyncio.gather(*(worker() for _ in range(16)))
        return len(numbers) / (time.monotonic() - started)

    async def change(self, number: int, body: dict[str, Any]) -> None:
        """Merge ``body`` into a job."""
        path = f"{JOBS}/job-{number:05d}"
        await self.api.request(
            "patch", "labelingjobs", path, body=body, content_type=MERGE_PATCH
        )  # fmt: skip

    async def versions(self) -> dict[str, str]:
        """Every job's resourceVersion."""
        found = await self.api.request("list", "labelingjobs", JOBS)
        return {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in found["items"]}

    async def operator(self, *, plain: bool = False) -> Running:
        """An operator that is ready; ``plain``: without the canned backend."""
        program = ["-m", "surelabel_operator"] if plain else [str(_ENTRY), str(self.latencies)]
        found, log = self._start(
            "operator",
            *program,
            f"--settings={self.settings}",
            f"--kubeconfig={self.plane.kubeconfig}",
            f"--namespace={NAMESPACE}",
        )

        def is_ready() -> bool:
            if not found.port and (port := re.search(r"listening port=(\d+)", log.read_text())):
                found.port = int(port[1])
            if not found.port:
                return False
            try:
                url = f"http://127.0.0.1:{found.port}/readyz"
                urllib.request.urlopen(url, timeout=5).close()
            except OSError:
                return False
            return True

        found.seconds = await self._until(is_ready, found, log)
        return found

    async def kopf(self, count: int) -> Running:
        """Bare Kopf that has seen ``count`` jobs."""
        found, log = self._start("kopf", str(_PEER), NAMESPACE, str(count))
        found.seconds = await self._until(lambda: "seen" in log.read_text(), found, log)
        return found

    def _start(self, name: str, *arguments: str) -> tuple[Running, Path]:
        """A process that ends with the control plane, and its log."""
        self._starts += 1
        env = {**os.environ, "POD_NAME": "surelabel-0", "KUBECONFIG": str(self.plane.kubeconfig)}
        child = self.plane.family.start(
            f"{name}-{self._starts}", [sys.executable, *arguments], env=env
        )
        return Running(child.process, time.monotonic()), child.log

    async def _until(self, condition: Callable[[], bool], found: Running, log: Path) -> float:
        """Seconds since the start when the condition held; SystemExit if it never does."""
        started = found.seconds
        while not condition():
            if found.process.poll() is not None or time.monotonic() - started > 120:
                raise SystemExit(f"not ready:\n{log.read_text()[-3000:]}")
            await asyncio.sleep(0.02)
        found.cpu = cpu_seconds(found.process.pid)
        return time.monotonic() - started

    def _kubectl(self, *arguments: str) -> None:
        command = [str(self.plane.kubectl), f"--kubeconfig={self.plane.kubeconfig}", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
