"""The operator's own process, with a backend that answers within 10 ms and a log of latencies.

``python operator_entry.py LATENCIES [the operator's arguments]``. Each line of LATENCIES is the
time from the first event about a job to the end of the reconcile that followed, in seconds.
Stages are done at once, with canned reports: what is measured is the operator.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fake_stage
from surelabel_contract.stages import JobRef
from surelabel_operator.__main__ import main
from surelabel_operator.backends import Submission, Submitted
from surelabel_operator.cache import Key
from surelabel_operator.calls import external_call
from surelabel_operator.controller import Controller
from surelabel_operator.observed import Attempt, AttemptState
from surelabel_operator.trust import RayTarget
from surelabel_operator.workqueue import WorkQueue

_ANSWER = 0.008
_STAGE = 1.0


class CannedBackend:
    """Every stage takes a second and costs nothing; every question is answered in 8 ms."""

    def __init__(self, changed: Callable[[str, str], None]) -> None:
        self._changed = changed
        self._attempts: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, target: RayTarget) -> CannedBackend:
        """``Backends``: there is one cluster."""
        del target
        return self

    async def submit(self, submission: Submission) -> Submitted:
        """Let the stage end a second later."""
        async with external_call("ray", "submit", submission.name):
            await asyncio.sleep(_ANSWER)
        self._note(submission, AttemptState.RUNNING)
        task = asyncio.create_task(self._run(submission))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Submitted.CREATED

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """What was submitted under these names."""
        async with external_call("ray", "get", job.name):
            await asyncio.sleep(_ANSWER)
        return tuple(self._attempts[name] for name in expected if name in self._attempts)

    async def stop(self, name: str) -> None:
        """Nothing runs."""

    async def delete(self, name: str) -> None:
        """Forget the attempt."""
        self._attempts.pop(name, None)

    async def close(self) -> None:
        """End what waits."""
        for task in self._tasks:
            task.cancel()

    def _note(self, submission: Submission, state: AttemptState) -> None:
        self._attempts[submission.name] = Attempt(
            name=submission.name,
            step=submission.step,
            attempt=submission.attempt,
            state=state,
            ours=True,
        )

    async def _run(self, submission: Submission) -> None:
        await asyncio.sleep(_STAGE)
        place = Path(unquote(urlsplit(submission.config_uri).path))
        config = json.loads(place.read_bytes())
        folder = Path(unquote(urlsplit(config["folderUri"]).path))
        report = fake_stage.report(config, folder, place)
        fake_stage.create(place.parent.parent / "COMMITTED.json", report)
        self._note(submission, AttemptState.SUCCEEDED)
        self._changed(submission.job.namespace, submission.job.name)


def write_latencies(path: Path) -> None:
    """Time every key from its arrival in the queue to the end of its reconcile."""
    arrived: dict[Key, float] = {}
    log = path.open("a", buffering=1)
    add, process = WorkQueue.add, Controller._process

    def timed_add(self: WorkQueue[Key], key: Key, *, background: bool = False) -> None:
        # A resync is no event.
        if not background:
            arrived.setdefault(key, time.monotonic())
        add(self, key, background=background)

    async def timed_process(self: Controller, key: Key) -> None:
        # What arrives from here on waits for the next reconcile.
        since = arrived.pop(key, None)
        await process(self, key)
        if since is not None:
            log.write(f"{time.monotonic() - since:.6f}\n")

    WorkQueue.add = timed_add  # type: ignore[assignment,method-assign]
    Controller._process = timed_process  # type: ignore[method-assign]


if __name__ == "__main__":
    write_latencies(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:], CannedBackend))
