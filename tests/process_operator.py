"""The operator's own process with plain processes for stages: what the fault tests start.

``python process_operator.py FOLDER [the operator's arguments]``; FOLDER holds the attempts.
``SURELABEL_TEST_STAGES``: the command of a stage, else the real one.
``SURELABEL_TEST_CALLS``: a file that gets a line for each external call.
``SURELABEL_TEST_KILL``: ``before 17`` or ``after 17`` kills the process with -9 at this call.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from process_backend import ProcessBackend
from surelabel_operator.__main__ import main
from surelabel_operator.calls import Call, observed_calls


class KillAt:
    """Counts external calls, writes them down, and kills the process at one of them."""

    def __init__(self, log: Path | None, when: str, number: int) -> None:
        self._log = log.open("a") if log is not None else None
        self._when = when
        self._number = number
        self._begun = 0

    def begin(self, call: Call) -> None:
        self._begun += 1
        call.number = self._begun  # type: ignore[attr-defined]
        if self._log is not None:
            self._log.write(f"{self._begun} {call.system} {call.operation} {call.target}\n")
            self._log.flush()
        self._kill("before", self._begun)

    def end(self, call: Call) -> None:
        self._kill("after", call.number)  # type: ignore[attr-defined]

    def _kill(self, when: str, number: int) -> None:
        if when == self._when and number == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


def run() -> int:
    folder, *arguments = sys.argv[1:]
    command = os.environ.pop("SURELABEL_TEST_STAGES", None)
    log = os.environ.pop("SURELABEL_TEST_CALLS", None)
    when, _, number = os.environ.pop("SURELABEL_TEST_KILL", "never 0").partition(" ")
    observer = KillAt(Path(log) if log else None, when, int(number))
    with observed_calls(observer):
        return main(arguments, lambda changed: ProcessBackend(Path(folder), changed, command))


if __name__ == "__main__":
    sys.exit(run())
