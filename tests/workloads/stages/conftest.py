"""Jobs that several files look at; each is done once a process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from surelabel_contract.stages import AutoLabeling
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(
    target_error_permille=100, risk_permille=200, seed_items=60, items_per_round=40
)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """An auto-labeled job on 500 digits, from prepare to export; not to be changed."""
    driver = digits_driver(tmp_path_factory.mktemp("digits") / "job", 500, auto_labeling=PROMISE)
    driver.run_job()
    return driver


@pytest.fixture
def at_proposal(finished: MiniDriver, tmp_path: Path) -> Callable[[], MiniDriver]:
    """Copies of that job as its first region had just been proposed, which may go on."""

    def copy() -> MiniDriver:
        last = next(n for n, r in enumerate(finished.reports) if r.next.proposal_pending)
        # The number keeps copies of one test apart.
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        kept = finished.reports[: last + 1]
        for report in kept:
            step = finished.keys.step(report.step)
            shutil.copytree(finished.path / step, root / "out/job" / step)
        shutil.copytree(finished.path / finished.keys.items, root / "out/job" / finished.keys.items)
        for name in ("input.manifest", "truth.jsonl"):
            shutil.copy(finished.root / name, root / name)
        attempts = {report.step.key: 1 for report in kept}
        return replace(finished, root=root, reports=list(kept), attempts=attempts)

    return copy
