"""How far the Go tools are: packages compiled of all that are to be, in few lines.

A build of minutes must be seen to go on, in a log of CI as well, and not fill it. Standard library
only.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

# A line for each twentieth of the packages, but not sooner than that after another; and one where
# nothing was said for so long.
_PARTS = 20
_APART_SECONDS = 10.0
_QUIET_SECONDS = 60.0
_LOOK_SECONDS = 1.0
# `go build -v` names a package when it is compiled.
_PACKAGE = re.compile(r"[\w.~/-]+")


class GoProgress:
    """Follows what go writes to standard error; a context manager, within which it tells.

    ``clock``: seconds, as time.monotonic.
    """

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._started = self._spoken = clock()
        self._fetched = 0
        self._compiled = 0
        # Of all packages; None: not known yet.
        self._total: int | None = None
        self._parts = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._clock() - self._started

    def expect(self, packages: int) -> None:
        """So many packages are to be compiled; those of an earlier build are not among them."""
        self._total = packages

    def follow(self, lines: Iterable[str]) -> list[str]:
        """Read to the end; the lines that are no progress."""
        problems = []
        for raw in lines:
            line = raw.rstrip()
            if line.startswith("go: downloading "):
                self._fetched += 1
            elif _PACKAGE.fullmatch(line):
                self._compiled += 1
            else:
                problems.append(line)
        return problems

    def news(self) -> str | None:
        """What is worth a line now, if anything is."""
        now = self._clock()
        parts = _PARTS * self._compiled // self._total if self._total else 0
        if now - self._spoken < (_APART_SECONDS if parts > self._parts else _QUIET_SECONDS):
            return None
        self._parts, self._spoken = max(parts, self._parts), now
        elapsed = int(now - self._started)
        return f"tools: {elapsed // 60}:{elapsed % 60:02d}  {self._state()}"

    def _state(self) -> str:
        if self._total is None:
            return f"{self._fetched} modules fetched"
        if self._compiled >= self._total:
            return "all packages compiled; linking"
        share = 100 * self._compiled // self._total
        return f"{share} %, {self._compiled:,} of {self._total:,} packages compiled"

    def _tell(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            line = self.news()
            if line is not None:
                self._say(line)
