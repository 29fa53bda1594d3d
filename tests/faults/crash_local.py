"""One run of the small job by ``surelabel run``'s loop: killed at a point, started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from faults import small_job
from faults.call_points import Point, reached
from faults.crash_result import Result, differences, look, lost, wait_for_end
from faults.fork_server import fork
from faults.lane_stages import ForkedRun

_SECONDS = 90.0


class LocalLane:
    """A folder in which runs follow each other."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._address = address
        small_job.write_data(self._data, items=20)
        self._number = 0

    def run(self, point: Point | None, expected: Result | None = None) -> Result:
        """Run the job to its end, killed once at ``point``."""
        started = time.monotonic()
        self._number += 1
        folder = self._folder / f"run-{self._number}"
        folder.mkdir()
        attempts = ForkedRun(folder / "jobs", self._address)
        try:
            result = self._go(folder, point, attempts)
        finally:
            attempts.kill_all()
        result.seconds = time.monotonic() - started
        if expected is not None:
            result.problems += differences(result, expected)
        if point is not None and not result.problems:
            shutil.rmtree(folder)
        return result

    def _go(self, folder: Path, point: Point | None, attempts: ForkedRun) -> Result:
        log = folder / "calls-1"
        result = Result(point, log)
        self._start(folder, log, point)
        if reached(log).exists():
            result.reached = True
            before = _stored_status(folder)
            self._start(folder, folder / "calls-2", None)
            result.problems += lost(before, _stored_status(folder))
        look(result, _stored_status(folder), folder / "out", attempts)
        return result

    def _start(self, folder: Path, log: Path, point: Point | None) -> None:
        """Start the loop and wait for its end, by itself or by the kill."""
        own = [[str(folder), "RUN"], [str(self._folder), "LANE"]]
        resources = [small_job.team(self._data), small_job.job(self._data, folder / "out")]
        pid = fork(
            self._address,
            "local_run",
            *(str(folder), resources, self._address, small_job.STAGE_TIME, str(log), own),
            point.to_json() if point is not None else "",
            env=dict(os.environ),
            output=str(folder / "run.log"),
        )
        if not wait_for_end(pid, _SECONDS):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            text = (folder / "run.log").read_text(errors="replace")
            raise AssertionError(f"no end after {_SECONDS:.0f} s in {folder}\n{text[-3000:]}")


def _stored_status(folder: Path) -> dict[str, Any]:
    """The status in the folder's cluster."""
    path = folder / "cluster" / "labelingjobs" / "default" / f"{small_job.NAME}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_bytes()).get("status") or {}
    except FileNotFoundError:
        return {}
    return found
