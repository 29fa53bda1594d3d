"""External calls by names that two runs share, and the observer that kills a process at one."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from surelabel_operator.calls import Call

# What differs from run to run: the digest of the uid in step names and in the store's keys.
_RANDOM = (
    (re.compile(r"-[0-9a-f]{10}-r(?=\d)"), "-UID-r"),
    (re.compile(r"/state/[0-9a-f]{8}/"), "/state/UID/"),
    (re.compile(r"\.[0-9a-f]{16}$"), ".EVENT"),
)
_WRITES = frozenset({"create", "patch", "update", "replace", "submit", "stop", "delete"})
# What the operator does beside the job's reconcile, at times of its own.
_BESIDE = frozenset({"leases", "workteams/status"})
ANY = "any"
# Less than any stage takes from its start to its commit.
_AT_ONCE_SECONDS = 0.05


@dataclass(frozen=True, order=True)
class Point:
    """Before or after the ``occurrence``-th call of this kind to this target.

    Writes are counted from the start, reads from the write before them (``since``): how often the
    operator looks while it waits is a matter of time.
    """

    system: str
    operation: str
    target: str
    occurrence: int
    since: str = ""
    when: str = "before"

    def __str__(self) -> str:
        name = f"{self.when} {self.system} {self.operation} {self.target or '-'} #{self.occurrence}"
        return name + (f", since {self.since}" if self.since else "")

    def is_met_by(self, point: Point) -> bool:
        """Whether a process that is to be killed here dies at ``point``."""
        if self.operation != ANY:
            return self == point
        return bool(point.since) and (self.since, self.when) == (point.since, point.when)

    def nearby(self, number: int) -> Point:
        """What to try where the point was not reached ``number`` times.

        A look that did not come again is replaced by the one before it, then by any since the
        same write: all of them find and leave the same.
        """
        if number in (1, 2) and self.since and (self.occurrence == 1 or number == 2):
            return replace(self, system=ANY, operation=ANY, target=ANY, occurrence=0)
        return replace(self, occurrence=max(1, self.occurrence - number % 3))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Point:
        return cls(**json.loads(text))


class CallLog:
    """Writes every call down as a Point, and kills the process with -9 at ``victim``.

    ``own``: parts of targets that only this run has (namespace, folder), with what to call them.
    """

    def __init__(self, path: Path, own: Iterable[tuple[str, str]], victim: Point | None) -> None:
        self._path = path
        self._file = path.open("a")
        # Longest first: one may be part of another.
        self._own = sorted(own, key=lambda pair: -len(pair[0]))
        self._victim = victim
        self._seen: Counter[tuple[str, str, str, str]] = Counter()
        self._last_write = ""
        self._open: dict[int, Point] = {}

    def begin(self, call: Call) -> None:
        system, operation, target = call.system, call.operation, self._pattern(call.target)
        verb, _, resource = operation.partition(" ")
        read = verb not in _WRITES and resource not in _BESIDE
        since = self._last_write if read else ""
        self._seen[system, operation, target, since] += 1
        count = self._seen[system, operation, target, since]
        point = Point(system, operation, target, count, since)
        if not read and resource not in _BESIDE:
            self._last_write = f"{operation} {target} #{count}"
        self._open[id(call)] = point
        self._happened(point)

    def end(self, call: Call) -> None:
        point = self._open.pop(id(call), None)
        if point is not None:
            self._happened(replace(point, when="after"))

    def _happened(self, point: Point) -> None:
        self._file.write(f"{time.monotonic():.4f} {point.to_json()}\n")
        self._file.flush()
        if self._victim is not None and self._victim.is_met_by(point):
            reached(self._path).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def _pattern(self, target: str) -> str:
        for text, name in self._own:
            target = target.replace(text, name)
        parts = urlsplit(target)
        if parts.scheme in ("http", "https"):
            target = parts.path + (f"?{parts.query}" if parts.query else "")
        for pattern, name in _RANDOM:
            target = pattern.sub(name, target)
        return target


def reached(log: Path) -> Path:
    """A file that says that the process came to its victim."""
    return log.with_suffix(".reached")


def points_of(log: Path) -> list[Point]:
    """Before and after every call of the run, in their order."""
    return [point for _, point in _events(log)]


def cuts_of(log: Path) -> list[Point]:
    """The points at which a kill leaves different worlds.

    Between a call's answer and the next call that follows at once nothing happens outside: the
    two points are one.
    """
    events = _events(log)
    following = [*events[1:], (math.inf, None)]
    return [
        point
        for (at, point), (next_at, following_point) in zip(events, following, strict=True)
        if point.when == "before"
        or following_point is None
        or following_point.when == "after"
        or next_at - at > _AT_ONCE_SECONDS
    ]


def without_polls(points: Iterable[Point]) -> list[Point]:
    """The points without the looks at a running stage from the third on.

    How often Ray is asked while a stage runs is a matter of time; each asks the same.
    """
    return [p for p in points if (p.system, p.operation) != ("ray", "get") or p.occurrence <= 2]


def _events(log: Path) -> list[tuple[float, Point]]:
    found = []
    for line in log.read_text().splitlines():
        at, _, point = line.partition(" ")
        found.append((float(at), Point.from_json(point)))
    return found
