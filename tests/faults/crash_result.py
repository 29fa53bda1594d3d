"""What a run of the small job left, compared with the run that nobody killed."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from faults import small_job
from faults.call_points import Point


@dataclass
class Result:
    """What a run left; ``problems`` is empty if it left what it must."""

    point: Point | None
    # The call log of the first process; kept only of a run that nobody killed.
    calls: Path
    reached: bool = False
    seconds: float = 0.0
    manifest: bytes = b""
    steps: list[str] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Attempts(Protocol):
    """The attempts of one run, wherever they run."""

    def started(self) -> Sequence[str]:
        """Names of those that ever ran, as far as is known afterwards."""
        ...

    def running(self) -> Sequence[str]:
        """Names of those that run."""
        ...


def look(result: Result, status: dict[str, Any], output: Path, attempts: Attempts) -> None:
    """Fill the result from status, store and attempts, and note what must not be."""
    result.status = small_job.lasting(status)
    if result.status["conditions"].get("Succeeded", ("",))[0] != "True":
        result.problems.append(f"not Succeeded: {status.get('conditions')}")
        return
    result.manifest = small_job.manifest_of(output)
    commits = small_job.commits_of(output)
    result.steps = sorted(commits)
    if twice := [step for step, count in commits.items() if count != 1]:
        result.problems.append(f"more than one commit: {twice}")
    if running := attempts.running():
        result.problems.append(f"still running: {running}")
    started, recorded = attempts.started(), small_job.attempts_of(output)
    if more := sorted(set(started) - set(recorded)):
        result.problems.append(f"started, but not recorded: {more}")
    if len(started) > len(commits):
        # A kill of the operator is no failure of a stage: no step needs to run twice. An attempt
        # that was recorded and not yet in the status is passed over; it never runs.
        result.problems.append(f"{len(commits)} steps ran as {started}")


def differences(result: Result, expected: Result) -> list[str]:
    """What is not as in the run that nobody killed."""
    found = []
    if result.manifest != expected.manifest:
        found.append(f"manifest differs: {result.manifest!r} and not {expected.manifest!r}")
    if result.steps != expected.steps:
        found.append(f"steps {result.steps} and not {expected.steps}")
    found += [
        f"status.{key}: {result.status.get(key)} and not {expected.status[key]}"
        for key in expected.status
        if result.status.get(key) != expected.status[key]
    ]
    return found


def lost(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What the status had when the operator was killed, and has no more."""
    found = [
        f"status.{key} was {before[key]} and is {after.get(key)}"
        for key in ("startTime", "stateURI", "labelAttributeName")
        if key in before and before[key] != after.get(key)
    ]
    rounds = {entry["round"] for entry in after.get("recentRounds", ())}
    if missing := {entry["round"] for entry in before.get("recentRounds", ())} - rounds:
        found.append(f"status.recentRounds lost {sorted(missing)}")
    old, new = (s.get("labelCounters", {}).get("totalLabeled", 0) for s in (before, after))
    if old > new:
        found.append(f"status.labelCounters.totalLabeled was {old} and is {new}")
    return found


def wait_for_end(pid: int, seconds: float = 30) -> bool:
    """Whether the process, which need not be our child, is gone within the time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
