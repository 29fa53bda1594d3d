"""Every stage killed with -9 before and after each of its writes, and started again.

The writes are those of a run that nobody kills; each kill begins with the store as it was before
the stage. What a stage leaves must be the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faults.call_points import Point, points_of, reached
from faults.crash_result import wait_for_end
from faults.fork_server import ForkServer, fork
from surelabel.stages.runner import ACCESS_VARIABLE
from surelabel_contract.keys import COMMIT_FILE
from surelabel_contract.stages import AutoLabeling, StageConfig
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

pytestmark = pytest.mark.timeout(600)

_WRITES = ("create", "put", "replace")


@dataclass
class CrashingDriver(MiniDriver):
    """Runs each stage once whole, then once for each point of its log."""

    address: str = ""
    killed: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    def start(self, config: StageConfig) -> int:
        folder = Storage(self.access).folder(self.folder_uri)
        key = self.keys.config(config.step, config.attempt)
        folder.create(key, config.to_json())
        uri = folder.uri_of(key)
        before = self.root / "before"
        shutil.copytree(self.path, before)
        whole = self.root / "log"
        assert self._run(uri, whole, None) == 0
        expected = self._left()
        for point in points_of(whole):
            if point.operation not in _WRITES:
                continue
            shutil.rmtree(self.path)
            shutil.copytree(before, self.path)
            log = self.root / f"log-{self.runs}"
            assert self._run(uri, log, point) is None, point
            assert reached(log).exists(), point
            assert self._run(uri, log, None) == 0, point
            assert self._left() == expected, point
            self.killed[config.step.stage.value] += 1
        shutil.rmtree(before)
        whole.unlink()
        return 0

    def _run(self, uri: str, log: Path, point: Point | None) -> int | None:
        """Exit status; None if it was killed."""
        self.runs += 1
        folder = self.root / f"run-{self.runs}"
        pid = fork(
            self.address,
            "watched_stage",
            *(uri, str(log), [[str(self.root), "ROOT"]]),
            point.to_json() if point is not None else "",
            env={**os.environ, ACCESS_VARIABLE: self.access.to_json().decode()},
            folder=str(folder),
            output=str(self.root / "stages.log"),
            meta="{}",
        )
        assert wait_for_end(pid, 60)
        status = folder / "rc"
        return int(status.read_text()) if status.exists() else None

    def _left(self) -> dict[str, Any]:
        """Every object, of the commits without what they took."""
        found: dict[str, Any] = dict(self.tree())
        for path in self.path.rglob(COMMIT_FILE):
            report = json.loads(path.read_bytes())
            del report["seconds"]
            found[str(path.relative_to(self.path))] = report
        return found


def test_every_stage_killed_around_every_write_goes_on_to_the_same_bytes(
    tmp_path: Path, fork_server: ForkServer, say_at_end: Callable[[str], None]
) -> None:
    promise = AutoLabeling(
        target_error_permille=500, risk_permille=500, seed_items=6, items_per_round=2
    )
    driver = CrashingDriver(
        tmp_path,
        accuracies=(1000,) * 3,
        auto_labeling=promise,
        max_rounds=2,
        address=fork_server.address,
    )
    words = ("a purring cat", "a barking dog")
    # One line is broken, so that the list of rejected ones has something in it.
    lines: list[Any] = [{"source": f"{words[n % 2]}, number {n}"} for n in range(20)]
    driver.write_input([*lines, "{broken"], [*(str(n % 2) for n in range(20)), None])
    report = driver.run_job()
    assert report.progressed.counters.machine_labeled > 0
    kinds = ", ".join(f"{stage} {count}" for stage, count in driver.killed.items())
    say_at_end(f"stages killed around their writes: {kinds}")
    assert set(driver.killed) == {
        *("prepare", "annotate", "consolidate", "train", "infer", "export"),
    }
