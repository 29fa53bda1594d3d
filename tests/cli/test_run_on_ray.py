"""``surelabel run`` with its own Ray: killed in the middle, started again, nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.run_jobs import JOB, read_output, write_data, write_job
from surelabel_cli.reaper import marked_processes

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

# Two batches, so that there is a middle.
TWO_ROUNDS = JOB.replace("maxOpenItems: 12", "maxOpenItems: 6")


def start(tmp_path: Path) -> subprocess.Popen[bytes]:
    job = write_job(tmp_path / "job.yaml", TWO_ROUNDS)
    arguments = ["run", str(job), "--workdir", str(tmp_path / "run"), "--json"]
    with (tmp_path / "stdout").open("wb") as out, (tmp_path / "stderr").open("ab") as err:
        # A shell lets what it starts in the background ignore Ctrl-C, and so do its children.
        listening = ["env", "--default-signal=INT"]
        return subprocess.Popen(
            [*listening, sys.executable, "-m", "surelabel_cli.main", *arguments],
            stdout=out,
            stderr=err,
        )


def wait_for(what: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 400
    while not what():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def left_over(tmp_path: Path) -> list[int]:
    """Ray's processes of the run; those that were just killed may still be ending."""
    deadline = time.monotonic() + 30
    folder = str(tmp_path / "run" / "ray")
    while (found := marked_processes(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_a_run_killed_in_its_second_round_goes_on_and_leaves_no_ray(tmp_path: Path) -> None:
    write_data(tmp_path / "run")
    log = tmp_path / "stderr"
    first = start(tmp_path)
    rounds = tmp_path / "run" / "out" / "small" / "state"
    wait_for(lambda: list(rounds.glob("*/rounds/0002/ann-p1/a1/STAGE.json")), first, log)
    assert marked_processes(str(tmp_path / "run" / "ray"))
    first.kill()
    first.wait(30)
    assert left_over(tmp_path) == []
    commits = {path: path.stat().st_mtime_ns for path in rounds.glob("*/rounds/*/*/COMMITTED.json")}

    second = start(tmp_path)
    assert second.wait(500) == 0, log.read_text()
    assert left_over(tmp_path) == []
    status = json.loads((tmp_path / "stdout").read_text())
    assert status["labelCounters"]["humanLabeled"] == 12
    assert [line["mood"] for line in read_output(tmp_path / "run")] == [0, 1] * 6
    # What was done before the kill was not done again.
    assert {path: path.stat().st_mtime_ns for path in commits} == commits


def test_an_interrupted_run_says_so_and_ends_its_ray(tmp_path: Path) -> None:
    write_data(tmp_path / "run")
    process = start(tmp_path)
    cluster = tmp_path / "run" / "cluster" / "labelingjobs" / "default" / "small.json"
    wait_for(
        lambda: cluster.exists() and b'"submittedTime"' in cluster.read_bytes(),
        process,
        tmp_path / "stderr",
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert left_over(tmp_path) == []
    text = (tmp_path / "stderr").read_text()
    assert "Stopped. The same command goes on from here." in text
    assert "Traceback" not in text
