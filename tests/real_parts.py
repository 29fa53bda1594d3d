"""Real components that the processes of one test run share: run as ``python real_parts.py KIND
FOLDER OWNER_PID``, it holds one component until the owner ends or SIGTERM comes.

A component of its own process, since the test process that needs it first may end before the
others.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "SURELABEL_TEST_FOLDER"
OWNER_VARIABLE = "SURELABEL_TEST_OWNER"
CONTROL_PLANE = "control-plane"
RAY = "ray"
# Held to the end of the process, which the components may outlive.
_started: list[subprocess.Popen[bytes]] = []


def open_shared_folder() -> Path:
    """Make this process the owner of a new folder; processes that it starts see it."""
    folder = Path(tempfile.mkdtemp(prefix="surelabel-tests-"))
    os.environ[FOLDER_VARIABLE] = str(folder)
    os.environ[OWNER_VARIABLE] = str(os.getpid())
    return folder


def close_shared_folder(folder: Path) -> None:
    """End the shared components and remove the folder."""
    for note in folder.glob("*.pid"):
        pid = int(note.read_text())
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
        deadline = time.monotonic() + 60
        while note.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    for host in _started:
        # Only where one process runs all tests is it also the parent.
        with suppress(subprocess.TimeoutExpired):
            host.wait(timeout=10)
    shutil.rmtree(folder, ignore_errors=True)


def shared_component(kind: str) -> dict[str, Any]:
    """How to reach the component, which is started by the first who asks."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    ready = folder / f"{kind}.json"
    log = folder / f"{kind}.log"
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            with log.open("wb") as output:
                host = subprocess.Popen(
                    [sys.executable, __file__, kind, str(folder), os.environ[OWNER_VARIABLE]],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            _started.append(host)
            deadline = time.monotonic() + 180
            while not ready.exists():
                if host.poll() is not None or time.monotonic() > deadline:
                    host.kill()
                    raise RuntimeError(f"{kind} did not start:\n{log.read_text()[-4_000:]}")
                time.sleep(0.05)
    described: dict[str, Any] = json.loads(ready.read_text())
    return described


def main(kind: str, folder: Path, owner: int) -> None:
    """Hold one component until the owner ends or SIGTERM comes."""
    from surelabel_cli.control_plane import ControlPlane
    from surelabel_cli.local_ray import LocalRay
    from surelabel_cli.toolchain import find_toolchain

    # Before the start, so that an owner which ends meanwhile is noticed.
    owner_end = os.pidfd_open(owner)
    read_end, write_end = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(write_end, b"."))
    note = folder / f"{kind}.pid"
    note.write_text(str(os.getpid()))
    described: dict[str, Any]
    try:
        with ExitStack() as stack:
            if kind == CONTROL_PLANE:
                binaries = find_toolchain(build=False).control_plane
                plane = stack.enter_context(ControlPlane(folder / kind, binaries))
                described = {
                    "kubeconfig": str(plane.kubeconfig),
                    "kubectl": str(plane.kubectl),
                    "url": plane.url,
                }
            else:
                ray = stack.enter_context(LocalRay(folder / kind, cpus=2))
                described = {"url": ray.url, "token_file": str(ray.token_file)}
            draft = folder / f"{kind}.draft"
            draft.write_text(json.dumps(described))
            draft.rename(folder / f"{kind}.json")
            select.select([owner_end, read_end], [], [])
    finally:
        note.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
