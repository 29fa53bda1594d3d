"""Nothing that we started outlives us, however we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from surelabel_cli.processes import (
    FolderInUseError,
    ProcessError,
    ProcessFamily,
    free_ports,
    wait_until,
)
from surelabel_cli.reaper import marked_processes

# Leaves a grandchild in a session of its own, as Ray's jobs do.
_NESTED = ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"]
_PARENT = """
import sys, time
from pathlib import Path
from surelabel_cli.processes import ProcessFamily
with ProcessFamily(Path(sys.argv[1])) as family:
    family.start("nested", ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"])
    print("started", flush=True)
    time.sleep(1000)
"""


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def start_parent(folder: Path) -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    assert until(lambda: len(marked_processes(str(folder))) == 2)
    return parent


def end(parent: subprocess.Popen[str], number: int) -> None:
    parent.send_signal(number)
    parent.wait(30)
    assert parent.stdout is not None
    parent.stdout.close()


def test_children_and_grandchildren_end_with_the_block(tmp_path: Path) -> None:
    with ProcessFamily(tmp_path) as family:
        family.start("nested", _NESTED)
        assert until(lambda: len(marked_processes(str(tmp_path))) == 2)
    assert marked_processes(str(tmp_path)) == []


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    end(start_parent(tmp_path), signal.SIGKILL)
    assert until(lambda: marked_processes(str(tmp_path)) == [])


def test_leftovers_end_when_the_folder_is_used_again(tmp_path: Path) -> None:
    parent = start_parent(tmp_path)
    # The reaper dies first: nobody but the next owner can clean up.
    [watcher] = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_reaper_of(entry, tmp_path)
    ]
    os.kill(watcher, signal.SIGKILL)
    end(parent, signal.SIGKILL)
    assert len(marked_processes(str(tmp_path))) == 2
    with ProcessFamily(tmp_path):
        assert marked_processes(str(tmp_path)) == []


def _is_reaper_of(process: Path, folder: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(folder).encode() in command and any(c.endswith(b"reaper.py") for c in command)


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with (
        ProcessFamily(tmp_path),
        pytest.raises(FolderInUseError, match="in use by another running command"),
        ProcessFamily(tmp_path),
    ):
        pass


def test_another_folder_is_not_touched(tmp_path: Path) -> None:
    # One path begins with the other.
    with ProcessFamily(tmp_path / "a") as one, ProcessFamily(tmp_path / "ab") as other:
        child = other.start("sleep", ["sleep", "1000"])
        one.start("sleep", ["sleep", "1000"])
        one.kill_all()
        assert child.running


def test_a_child_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    with ProcessFamily(tmp_path) as family:
        child = family.start("broken", ["sh", "-c", "echo no such flag; exit 3"])
        with pytest.raises(ProcessError, match=r"(?s)broken ended with status 3.*no such flag"):
            wait_until("broken", lambda: False, child, 30)


def test_a_child_that_never_gets_ready_is_told_as_well(tmp_path: Path) -> None:
    with ProcessFamily(tmp_path) as family:
        child = family.start("slow", ["sleep", "1000"])
        with pytest.raises(ProcessError, match="was not ready after 0 s"):
            wait_until("slow", lambda: False, child, 0.2)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with ProcessFamily(tmp_path) as family:
        child = family.start(
            "deaf", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]
        )
        assert until(lambda: child.log_end() == "deaf\n")
        child.stop(seconds=0.2)
        assert not child.running


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20
