"""Ends what a dead parent left: run as ``python -I -S reaper.py MARKER``, standard input a pipe.

The pipe's other end belongs to the parent alone. When the parent ends in whatever way, kill -9
included, the read returns and every process that carries the marker in its environment is
killed. PR_SET_PDEATHSIG would not do: it acts when the parent's *thread* ends, and it does not
reach grandchildren such as Ray's workers.

Standard library only, imports nothing of ours: it must start in milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

MARKER = "SURELABEL_PROCESS_FOLDER"


def marked_processes(value: str) -> list[int]:
    """Live processes whose environment says ``MARKER=value``, and what belongs to them: their
    descendants and their sessions. Never the caller."""
    # Descendants and sessions, since a process that sets its title writes over its environment.
    wanted = f"{MARKER}={value}".encode()
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    marked: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        try:
            # After the name in parentheses: state, parent, group, session.
            state, parent, _, session = (
                (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
            )
            if state in b"ZX":
                continue
            parents[pid], sessions[pid] = int(parent), int(session)
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                marked.add(pid)
        except OSError:
            # It has ended, or it is another user's.
            continue
    family = set(marked)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    own_sessions = {sessions[pid] for pid in marked}
    return sorted(family | {pid for pid, number in sessions.items() if number in own_sessions})


def end_marked(value: str, seconds: float = 10.0) -> list[int]:
    """Kill every marked process; those that are still there after ``seconds``."""
    deadline = time.monotonic() + seconds
    # Again and again, since a process may have forked while it was looked for.
    while left := marked_processes(value):
        if time.monotonic() > deadline:
            return left
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:
                continue
        time.sleep(0.02)
    return []


def main() -> None:
    """Wait for the end of the parent, then clean up."""
    # A terminal's Ctrl-C and a stop of the group are for the parent, which stops in order.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_marked(sys.argv[1])


if __name__ == "__main__":
    main()
