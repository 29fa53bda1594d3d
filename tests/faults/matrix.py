"""Runs many points, several at a time, and says what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from faults.call_points import Point, points_of
from faults.crash_result import Result

_TRIES = 4
# Calls that time decides (a renewal of the Lease, a look more or less) may not come again.
_UNREACHED_MAX = 0.03


class Lane(Protocol):
    """Where one run at a time goes to its end."""

    def run(self, point: Point | None, expected: Result | None = None) -> Result:
        """The run that is killed at ``point``, compared with ``expected``."""
        ...


@dataclass
class Outcome:
    """All runs of a matrix."""

    name: str
    points: int
    cuts: int
    seconds: float = 0.0
    runs: int = 0
    unreached: list[Point] = field(default_factory=list)
    failed: list[tuple[Point, list[str]]] = field(default_factory=list)
    systems: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """One line for the end of the test run."""
        each = self.seconds / max(1, self.cuts)
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self.systems.items()))
        return (
            f"{self.name}: {self.points} points, {self.cuts} different kills ({kinds}), "
            f"{self.runs} runs in {self.seconds:.0f} s ({each:.2f} s each), "
            f"{len(self.unreached)} not reached, {len(self.failed)} failed"
        )

    def check(self) -> None:
        """AssertionError with what failed."""
        told = [f"{point}:\n    " + "\n    ".join(problems) for point, problems in self.failed]
        assert not told, self.summary() + "\n" + "\n".join(told[:12])
        limit = max(1, int(_UNREACHED_MAX * self.cuts))
        lines = "\n".join(map(str, self.unreached))
        assert len(self.unreached) <= limit, f"{self.summary()}\n{lines}"


def run_matrix(name: str, points: Sequence[Point], lanes: Sequence[Lane], whole: Result) -> Outcome:
    """Run every point in one of the lanes; ``whole`` is the run that nobody killed."""
    outcome = Outcome(name, len(points_of(whole.calls)), len(points))
    outcome.systems.update(point.system for point in points)
    todo: SimpleQueue[Point] = SimpleQueue()
    for point in points:
        todo.put(point)
    started = time.monotonic()

    def work(lane: Lane) -> None:
        while not todo.empty():
            _try(todo.get(), lane, whole, outcome)

    with ThreadPoolExecutor(len(lanes)) as pool:
        for future in [pool.submit(work, lane) for lane in lanes]:
            future.result()
    outcome.seconds = time.monotonic() - started
    return outcome


def _try(point: Point, lane: Lane, whole: Result, outcome: Outcome) -> None:
    for number in range(_TRIES):
        victim = point.nearby(number)
        outcome.runs += 1
        try:
            result = lane.run(victim, whole)
        except AssertionError as error:
            outcome.failed.append((victim, [str(error)]))
            return
        if result.problems:
            outcome.failed.append((victim, result.problems))
            return
        if result.reached:
            return
    outcome.unreached.append(point)
