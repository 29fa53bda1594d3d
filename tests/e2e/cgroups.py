"""The cgroup that all pods are in: apart from those of a kubelet that the machine may have, so
that all of it can be ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NAME = "surelabel-e2e"
_ROOT = Path("/sys/fs/cgroup")
# What the kubelet looks for, where the machine has it.
_CONTROLLERS = ("cpuset", "cpu", "memory", "hugetlb", "pids")


def make() -> None:
    """Make the cgroup in every hierarchy."""
    for hierarchy in _hierarchies():
        if (hierarchy / "cgroup.subtree_control").exists():
            here = (hierarchy / "cgroup.controllers").read_text().split()
            wanted = " ".join(f"+{name}" for name in _CONTROLLERS if name in here)
            (hierarchy / "cgroup.subtree_control").write_text(wanted)
        (hierarchy / NAME).mkdir(exist_ok=True)


def remove(seconds: float = 20.0) -> None:
    """Kill every process in the cgroup, whoever its parent is, and remove it."""
    deadline = time.monotonic() + seconds
    while left := list(_groups()):
        for group in left:
            for pid in (group / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            # Refused as long as a process or a cgroup is in it.
            with suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise RuntimeError(f"cgroups {', '.join(map(str, left))} could not be removed.")
        time.sleep(0.02)


def _groups() -> Iterator[Path]:
    """The cgroup and all below it, the innermost first."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / NAME, topdown=False):
            yield Path(folder)


def _hierarchies() -> list[Path]:
    """One with version 2, one a controller with version 1."""
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    # Two controllers that share a hierarchy have a symbolic link each.
    return [each for each in _ROOT.iterdir() if each.is_dir() and not each.is_symlink()]
