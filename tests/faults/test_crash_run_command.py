"""The ``surelabel run`` command with its own Ray, killed with -9 around calls of its own log."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from faults import small_job
from faults.call_points import Point, cuts_of, reached, without_polls
from surelabel_cli.reaper import marked_processes

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

_DRAWN = 2
# The command has no fixed clock, which is for tests of the operator alone.
_CLOCK = re.compile(rb'"creation-date":"[^"]*"')


def run(folder: Path, number: int, point: Point | None) -> int:
    """Exit status of the command in ``folder``."""
    folder.mkdir(exist_ok=True)
    small_job.write_data(folder)
    job = folder / "job.yaml"
    objects = [small_job.team(folder), small_job.job(folder, folder / "out")]
    job.write_text(yaml.safe_dump_all(objects))
    command = [
        sys.executable,
        str(Path(__file__).with_name("run_command.py")),
        str(folder / f"calls-{number}"),
        json.dumps([[str(folder), "RUN"]]),
        point.to_json() if point is not None else "",
        *("run", str(job), "--workdir", str(folder), "--json"),
    ]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("ab") as err:
        return subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=out,
            stderr=err,
            timeout=400,
            check=False,
        ).returncode


def look(folder: Path) -> tuple[bytes, list[str]]:
    """The manifest without its clock, and the steps that have a commit."""
    assert left_over(folder) == []
    out = folder / "out"
    commits = small_job.commits_of(out)
    assert set(commits.values()) == {1}
    return _CLOCK.sub(b"", small_job.manifest_of(out)), sorted(commits)


def left_over(folder: Path) -> list[int]:
    """Ray's processes of the run; those that were just killed may still be ending."""
    deadline = time.monotonic() + 30
    while (found := marked_processes(str(folder / "ray"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_the_command_killed_at_drawn_calls_goes_on_and_leaves_no_ray(
    tmp_path: Path, say_at_end: Callable[[str], None]
) -> None:
    seed = secrets.randbelow(10**6)
    assert run(tmp_path / "whole", 1, None) == 0, (tmp_path / "whole/stderr").read_text()
    expected = look(tmp_path / "whole")
    cuts = without_polls(cuts_of(tmp_path / "whole" / "calls-1"))
    points = random.Random(seed).sample(cuts, _DRAWN)
    say_at_end(f"surelabel run with Ray killed, seed {seed}: {'; '.join(map(str, points))}")
    for number, point in enumerate(points):
        folder = tmp_path / f"killed-{number}"
        status = run(folder, 1, point)
        if reached(folder / "calls-1").exists():
            assert status == -signal.SIGKILL
            assert left_over(folder) == []
            status = run(folder, 2, None)
        assert status == 0, f"{point}\n{(folder / 'stderr').read_text()}"
        assert look(folder) == expected, point
