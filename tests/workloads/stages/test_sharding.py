"""Shards over real Ray tasks give what they give one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from surelabel.stages import runner
from surelabel_contract.stages import AutoLabeling, Encoder, StageConfig
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

# A process of its own, since a Ray that once ran in a test process leaves threads behind.
ON_RAY = """
import os, sys
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
os.environ["RAY_ADDRESS"] = "of the session above"
from surelabel.stages import runner
status = runner.main(sys.argv[1:], os.environ, lambda operation, uri, result: None)
ray.shutdown()
sys.exit(status)
"""


def driver_of(root: Path) -> MiniDriver:
    root.mkdir()
    driver = MiniDriver(root)
    driver.write_input([{"source": f"text {number}"} for number in range(25_000)], ["0"])
    return driver


def encoding_driver_of(root: Path) -> MiniDriver:
    from workloads.encoders.onnx_files import WORDS, text_files, write_files

    driver = driver_of(root)
    uri = write_files(root / "encoder", text_files())
    driver.auto_labeling = AutoLabeling(
        target_error_permille=50, risk_permille=50, encoder=Encoder(uri=uri)
    )
    driver.write_input([{"source": WORDS[number % 12]} for number in range(4_500)], ["0"])
    return driver


@pytest.mark.ray
@pytest.mark.parametrize(
    ("make", "n_files"), [(driver_of, 3), (encoding_driver_of, 6)], ids=["plain", "encoder"]
)
def test_prepare_over_ray_writes_the_same_items(
    tmp_path: Path, make: Callable[[Path], MiniDriver], n_files: int
) -> None:
    spread, alone = make(tmp_path / "spread"), make(tmp_path / "alone")

    def start_on_ray(config: StageConfig) -> int:
        folder = Storage(spread.access).folder(spread.folder_uri)
        key = spread.keys.config(config.step, config.attempt)
        folder.create(key, config.to_json())
        environment = {**os.environ, runner.ACCESS_VARIABLE: spread.access.to_json().decode()}
        command = [sys.executable, "-c", ON_RAY, folder.uri_of(key)]
        return subprocess.run(command, env=environment, check=False, timeout=120).returncode

    spread.start = start_on_ray  # type: ignore[method-assign]
    spread.run(0, Stage.PREPARE)
    alone.run(0, Stage.PREPARE)
    items = spread.path / spread.keys.items
    assert len(list(items.iterdir())) == n_files
    for path in items.iterdir():
        assert path.read_bytes() == (alone.path / alone.keys.items / path.name).read_bytes()
