"""A stage killed at any request to the store, run again, or run twice at once: same bytes."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from surelabel.stages import runner
from surelabel.stages.context import StateCorruptedError
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import AutoLabeling, StageConfig, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

WRITES = ("create", "put")
WORDS = ("good fine", "bad awful")


class KilledError(BaseException):
    """Nothing in a stage may catch this, as nothing catches SIGKILL."""


class KillAt:
    """Dies before or after the n-th write."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number, self.after, self.seen = number, after, 0
        self.uris: list[str] = []

    def __call__(self, operation: str, uri: str, result: str | None) -> None:
        if operation not in WRITES or (result is not None) != self.after:
            return
        self.seen += 1
        self.uris.append(uri)
        if self.seen == self.number:
            raise KilledError


def driver_of(root: Path, n: int = 12, *, with_models: bool = False) -> MiniDriver:
    """Two rounds on ``n`` items; with models the second one is chosen by the first one's."""
    root.mkdir(exist_ok=True)
    promise = AutoLabeling(
        target_error_permille=50, risk_permille=50, seed_items=6, items_per_round=6
    )
    driver = MiniDriver(
        root, spec={"max_open_items": 6}, auto_labeling=promise if with_models else None
    )
    driver.write_input(
        [{"source": f"{WORDS[number % 2]} {number}"} for number in range(n)],
        [str(number % 2) for number in range(n)],
    )
    return driver


def relative(driver: MiniDriver) -> dict[str, bytes]:
    """The tree with the driver's own folder made equal."""
    root = str(driver.root).encode()

    def normal(key: str, data: bytes) -> bytes:
        if not key.endswith((".json", ".jsonl")):
            return data
        # The digest of a config names the driver's folder too.
        return re.sub(rb"shards/[0-9a-f]{16}", b"shards/DIGEST", data.replace(root, b"ROOT"))

    return {key: normal(key, data) for key, data in driver.tree().items() if "/shards/" not in key}


@pytest.mark.parametrize("with_models", [False, True], ids=["people", "models"])
def test_two_executions_of_a_job_write_the_same_bytes(tmp_path: Path, with_models: bool) -> None:
    first = driver_of(tmp_path / "a", with_models=with_models)
    second = driver_of(tmp_path / "b", with_models=with_models)
    first.run_job()
    second.run_job()
    assert relative(first) == relative(second)


@pytest.mark.parametrize("with_models", [False, True], ids=["people", "models"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_stage_killed_at_any_write_goes_on_to_the_same_bytes(
    tmp_path: Path, after: bool, with_models: bool
) -> None:
    expected = driver_of(tmp_path / "whole", with_models=with_models)
    expected.run_job()
    driver = driver_of(tmp_path / "killed", with_models=with_models)
    kills = 0

    def start_until_done(config: StageConfig) -> int:
        nonlocal kills
        number = 1
        while True:
            killer = KillAt(number, after=after)
            folder = Storage(driver.access).folder(driver.folder_uri)
            key = driver.keys.config(config.step, config.attempt)
            folder.create(key, config.to_json())
            access = {runner.ACCESS_VARIABLE: driver.access.to_json().decode()}
            try:
                return runner.main([folder.uri_of(key)], access, killer)
            except KilledError:
                kills += 1
                number += 1

    driver.start = start_until_done  # type: ignore[method-assign]
    driver.run_job()
    assert kills > 30
    assert relative(driver) == relative(expected)


def test_a_late_twin_loses_and_exits_0(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    step = Step(round=0, stage=Stage.PREPARE)
    late = driver.config(step, None)
    commit = driver.path / driver.keys.commit(step)

    def twin_commits_first(operation: str, uri: str, result: str | None) -> None:
        if operation == "create" and uri.endswith("COMMITTED.json") and result is None:
            driver.observer = lambda *_: None
            assert driver.start(driver.config(step, None)) == 0

    driver.observer = twin_commits_first
    assert driver.start(late) == 0
    assert StageReport.from_json(commit.read_bytes()).attempt == 2


def test_a_step_that_is_committed_is_not_done_again(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    driver.run(0, Stage.PREPARE)
    written: list[str] = []

    def record(operation: str, uri: str, result: str | None) -> None:
        if operation in WRITES and result is None:
            written.append(uri)

    driver.observer = record
    assert driver.start(driver.config(Step(round=0, stage=Stage.PREPARE), None)) == 0
    assert written == []


def test_finished_shards_survive_a_retry(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    n = 25_000
    driver.write_input([{"source": f"text {k}"} for k in range(n)], ["0"])
    driver.observer = KillAt(5, after=True)
    step = Step(round=0, stage=Stage.PREPARE)
    with pytest.raises(KilledError):
        driver.start(driver.config(step, None))
    done = sorted(path.name for path in (driver.path / driver.keys.items).iterdir())
    recomputed = KillAt(0, after=True)
    driver.observer = recomputed
    assert driver.start(driver.config(step, None)) == 0
    assert done == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    parts = [uri.rpartition("/")[2] for uri in recomputed.uris if ".parquet" in uri]
    # Two shards were finished; the third had its rows, but not yet its word that it is done.
    assert parts == ["part-00002.parquet", "labels.parquet"]


def test_a_process_without_access_says_what_to_set(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != runner.ACCESS_VARIABLE}
    command = [sys.executable, "-m", "surelabel.stages", f"file://{tmp_path}/STAGE.json"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "SURELABEL_STORAGE_ACCESS is not set" in done.stderr


def test_a_damaged_input_is_named(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    before = driver.run(0, Stage.PREPARE)
    path = driver.path / before.carry["tasks"].key
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    step = Step(round=1, stage=Stage.ANNOTATE)
    assert driver.start(driver.config(step, before)) == 2
    failure = driver.failure(step)
    assert failure.reason == "StateCorrupted"
    assert before.carry["tasks"].key in failure.message


def test_a_stage_ends_itself_at_its_timeout(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    step = Step(round=0, stage=Stage.PREPARE)
    config = driver.config(step, None, timeout_seconds=0)
    folder = Storage(driver.access).folder(driver.folder_uri)
    key = driver.keys.config(step, 1)
    folder.create(key, config.to_json())
    script = (
        "import sys, time, os; from surelabel.stages import runner\n"
        "wait = lambda operation, uri, result: 'input.manifest' in uri and time.sleep(30)\n"
        "sys.exit(runner.main([sys.argv[1]], os.environ, wait))"
    )
    access = driver.access.to_json().decode()
    done = subprocess.run(
        [sys.executable, "-c", script, folder.uri_of(key)],
        env={**os.environ, runner.ACCESS_VARIABLE: access},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert driver.failure(step).reason == "StageTimeout"


def test_stages_run_as_plain_processes(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "processes")
    driver.in_process = False
    driver.run_job()
    inside = driver_of(tmp_path / "inside")
    inside.run_job()
    assert relative(driver) == relative(inside)
    assert len([json.loads(line) for line in driver.output_lines()]) == 12


@pytest.mark.parametrize(
    "error", [ConfigurationError("SomeReason", "a message"), StateCorruptedError("another")]
)
def test_an_error_of_a_shard_keeps_its_reason_between_processes(
    error: ConfigurationError,
) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.reason, str(again)) == (type(error), error.reason, str(error))
