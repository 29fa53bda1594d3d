"""One run of the small job on the API server: killed at a point, started again, looked at."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from faults import small_job
from faults.admin import Admin, job_path, lease_path, team_path
from faults.call_points import Point, reached
from faults.crash_result import Result, differences, look, lost, wait_for_end
from faults.fork_server import fork
from faults.lane_stages import LaneStages

# After the end a job's last children are deleted and its last Event is written.
_QUIET_SECONDS = 0.3


class Lane:
    """A namespace in which runs follow each other."""

    def __init__(
        self, namespace: str, folder: Path, kubeconfig: Path, address: str, stages: LaneStages
    ) -> None:
        self.namespace = namespace
        self.folder = folder
        self.data = folder / "data"
        self.stages = stages
        self._kubeconfig = kubeconfig
        self._address = address
        self.admin = Admin(kubeconfig)
        small_job.write_data(self.data)
        settings = small_job.settings(namespace, folder, stages.ray_settings)
        (folder / "settings.yaml").write_text(settings)
        self.admin.create_namespace(namespace)
        self._number = 0

    def close(self) -> None:
        """Let go of the namespace."""
        self.admin.delete(f"/api/v1/namespaces/{self.namespace}")
        self.admin.close()

    def run(self, point: Point | None, expected: Result | None = None) -> Result:
        """Run the job to its end, killed once at ``point``."""
        started = time.monotonic()
        self._number += 1
        run = _Run(self, self.folder / f"run-{self._number}", point)
        try:
            result = run.go()
        finally:
            run.clean_up()
        result.seconds = time.monotonic() - started
        if expected is not None:
            result.problems += differences(result, expected)
        if point is not None and not result.problems:
            shutil.rmtree(run.folder)
        return result

    def start(self, folder: Path, log: Path, point: Point | None) -> int:
        """Pid of an operator."""
        own = [[str(folder), "RUN"], [str(self.folder), "LANE"], [self.namespace, "NAMESPACE"]]
        arguments = [
            f"--settings={self.folder / 'settings.yaml'}",
            f"--kubeconfig={self._kubeconfig}",
            f"--namespace={self.namespace}",
        ]
        return fork(
            self._address,
            "operator",
            *(arguments, self.stages.program(folder), str(log), own),
            point.to_json() if point is not None else "",
            # One pod after the other has this name, so the Lease is its own again.
            env={**os.environ, "POD_NAME": "operator-0"},
            output=str(folder / "operator.log"),
        )


class _Run:
    def __init__(self, lane: Lane, folder: Path, point: Point | None) -> None:
        self._lane, self.folder, self._point = lane, folder, point
        self._admin, self._namespace = lane.admin, lane.namespace
        folder.mkdir()
        self._output = folder / "out"
        body = small_job.job(lane.data, self._output)
        # Its status is written as well, so each run has its own.
        self._admin.request("POST", team_path(self._namespace), small_job.team(lane.data))
        uid = self._admin.request("POST", job_path(self._namespace), body)["metadata"]["uid"]
        self._attempts = lane.stages.of_run(folder, uid)
        self._pid = 0
        self._ask = 0.0

    def go(self) -> Result:
        lane, log = self._lane, self.folder / "calls-1"
        self._pid = lane.start(self.folder, log, self._point)
        result = Result(self._point, log)
        end = time.monotonic() + lane.stages.seconds
        # Watched to the end, since the last points lie after it.
        self._until(lambda: reached(log).exists() or self._is_quiet(), end)
        if reached(log).exists():
            result.reached = True
            wait_for_end(self._pid)
            before = self._status()
            self._pid = lane.start(self.folder, self.folder / "calls-2", None)
            self._until(self._is_quiet, end)
            result.problems += lost(before, self._status())
        look(result, self._status(), self._output, self._attempts)
        return result

    def clean_up(self) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            wait_for_end(self._pid)
        self._attempts.kill_all()
        self._admin.delete(job_path(self._namespace, small_job.NAME))
        self._admin.delete(team_path(self._namespace, "team"))
        self._admin.delete(lease_path(self._namespace))

    def _until(self, condition: Callable[[], bool], end: float) -> None:
        while not condition():
            if time.monotonic() > end:
                log = (self.folder / "operator.log").read_text(errors="replace")
                raise AssertionError(
                    f"no end after {self._lane.stages.seconds:.0f} s in {self.folder}\n"
                    f"{self._status()}\n{log[-3000:]}"
                )
            time.sleep(0.05)

    def _is_quiet(self) -> bool:
        """Ended, and no call of the operator for a moment."""
        if not self._attempts.may_have_exported() and time.monotonic() < self._ask:
            # A look at the files costs nothing; the API server has enough to do.
            return False
        self._ask = time.monotonic() + 1
        conditions = {c["type"]: c["status"] for c in self._status().get("conditions", ())}
        if "True" not in (conditions.get("Succeeded"), conditions.get("Stalled")):
            return False
        logs = self.folder.glob("calls-?")
        last = max((path.stat().st_mtime for path in logs), default=0.0)
        return time.time() - last > _QUIET_SECONDS and not self._attempts.running()

    def _status(self) -> dict[str, Any]:
        found = self._admin.job(self._namespace, small_job.NAME)
        status: dict[str, Any] = found.get("status") or {}
        return status
