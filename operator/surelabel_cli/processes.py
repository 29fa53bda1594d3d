"""Child processes of one folder: logs, bounded stops, and nothing left behind.

A ``ProcessFamily`` owns a folder (by a lock). Every child carries the folder's path in its
environment, and so do its own children; by that mark all of them are found again, whatever
sessions or groups they made. They end with the ``with`` block, with the death of this process
(see reaper), and at the latest when the folder is used again.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from surelabel_cli import reaper
from surelabel_cli.work_folder import make_work_folder

# Below the range that the kernel gives to outgoing connections, so that a server which is
# started again finds its port free.
_PORTS = range(20_000, 32_000)


class ProcessError(Exception):
    """A child did not start or ended early; the message shows the end of its log."""


class FolderInUseError(Exception):
    """Another live process owns the folder."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    chosen: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise ProcessError(
        f"Needed {count} free ports from {_PORTS.start} to {_PORTS.stop - 1} of 127.0.0.1, found "
        f"{len(chosen)}. End what listens there."
    )


class Child:
    """One running child; its output goes to ``log``."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def check(self) -> None:
        """ProcessError if it has ended."""
        if not self.running:
            raise ProcessError(
                f"{self.name} ended with status {self.process.returncode}. "
                f"The end of {self.log}:\n{self.log_end()}"
            )

    def log_end(self, size: int = 2_000) -> str:
        """The last lines that it wrote."""
        try:
            return self.log.read_bytes()[-size:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self, seconds: float = 5.0) -> None:
        """SIGTERM, and SIGKILL after ``seconds``; returns when it has ended."""
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL; returns when it has ended."""
        if self.running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)


class ProcessFamily:
    """The children of one folder, as a context manager.

    On entry leftovers of an earlier owner are killed; FolderInUseError if that owner lives.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.children: list[Child] = []
        self._lock: IO[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        make_work_folder(self.folder)
        lock = (self.folder / ".owner.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise FolderInUseError(
                f"{self.folder} is in use by another running command. "
                "Stop that one first, or choose another folder."
            ) from None
        self._lock = lock
        self._end_leftovers()
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, str(self.folder)],
            stdin=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != reaper.MARKER},
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Child:
        """Start a child; its output is appended to ``<folder>/logs/<name>.log``.

        ``env`` replaces this process's environment.
        """
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{name}.log"
        environment = dict(os.environ if env is None else env)
        environment[reaper.MARKER] = str(self.folder)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=cwd,
                # Its own session: Ctrl-C is for us alone, who stop the children in order.
                start_new_session=True,
            )
        child = Child(name, process, log)
        self.children = [other for other in self.children if other.running]
        self.children.append(child)
        return child

    def kill_all(self) -> None:
        """SIGKILL for every process of the family; it can start new ones afterwards."""
        self._end_leftovers()
        for child in self.children:
            child.kill()
        self.children = []

    def stop(self) -> None:
        """End all children, the latest first, then whatever they left; idempotent."""
        for child in reversed(self.children):
            child.stop()
        self.children = []
        if self._lock is None:
            return
        self._end_leftovers()
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.close()
            self._reaper.wait(15)
            self._reaper = None
        self._lock.close()
        self._lock = None

    def _end_leftovers(self) -> None:
        if left := reaper.end_marked(str(self.folder)):
            raise ProcessError(
                f"Processes {left} of {self.folder} could not be ended. End them and try again."
            )


def wait_until(what: str, ready: Callable[[], bool], child: Child | None, seconds: float) -> None:
    """Poll until ``ready()``; ProcessError when the child ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child is not None:
            child.check()
        if time.monotonic() > deadline:
            log = f" The end of {child.log}:\n{child.log_end()}" if child else ""
            raise ProcessError(f"{what} was not ready after {seconds:.0f} s.{log}")
        time.sleep(0.05)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
