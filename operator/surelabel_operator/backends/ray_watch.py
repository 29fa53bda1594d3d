"""Watches running jobs of one Ray cluster with as few requests as their number allows.

Nothing is asked while none of ours runs; up to 20 jobs are asked one by one, more by one list
(which Ray neither pages nor prunes). It tells whom it concerns that something changed, never what.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from surelabel_operator.backends.ray_jobs import RayError, RayJob, RayJobs

LOG = logging.getLogger(__name__)

SINGLE_MAX = 20
FAST_SECONDS = 0.5
SLOW_SECONDS = 3.0
YOUNG_SECONDS = 30.0
SLOW_LIST_SECONDS = 2.0
TICK_MAX_SECONDS = 60.0

Changed = Callable[[str], None]


@dataclass(slots=True)
class _Watched:
    since: float
    changed: Changed
    # When Ray was asked last; an answer older than this watch counts for nothing.
    asked: float = -1.0
    job: RayJob | None = None
    # Looks under way, which have the answer anyway and need not be told.
    askers: int = 0
    # Wall time at which it was first seen to run after it had waited. Ray's own start_time is
    # that of the submission.
    running_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may change: what has ended, or is not known any more, does not."""
        return self.asked < 0 or (self.job is not None and not self.job.has_ended)


class RayWatch:
    """The running jobs of one Ray cluster, by submission id."""

    def __init__(self, jobs: RayJobs) -> None:
        self._jobs = jobs
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._listing: asyncio.Task[None] | None = None
        self._slow_factor = 1.0
        self._error: RayError | None = None

    @property
    def running(self) -> int:
        """How many jobs are asked about."""
        return len(self._open())

    def watch(self, submission_id: str, changed: Changed) -> None:
        """Tell ``changed`` of the job's further changes, until ``forget``."""
        known = self._watched.get(submission_id)
        if known is not None:
            known.changed = changed
        else:
            self._watched[submission_id] = _Watched(_now(), changed)
        self._start()

    def forget(self, submission_id: str) -> None:
        """The job concerns nobody any more."""
        self._watched.pop(submission_id, None)

    def outdate(self, submission_id: str) -> None:
        """What is known of the job is old, also what is being asked: ask Ray at the next look."""
        entry = self._watched.get(submission_id)
        if entry is not None:
            entry.since, entry.asked, entry.job = _now(), -1.0, None
            self._start()

    async def observe(self, submission_id: str, changed: Changed) -> RayJob | None:
        """The job as Ray has it now, or had it a tick ago; None: Ray does not know it.

        RayError if Ray cannot be asked. The job is watched from then on.
        """
        self.watch(submission_id, changed)
        entry = self._watched[submission_id]
        if entry.job is not None and entry.job.has_ended:
            return entry.job
        if entry.asked >= 0 and _now() - entry.asked <= 2 * self._tick_seconds():
            if self._error is not None:
                raise self._error
            return entry.job
        entry.asked = -1.0
        entry.askers += 1
        try:
            await self._refresh([submission_id])
            if entry.asked < 0:
                # The list that was shared had begun before this job was of interest: what it does
                # not have says nothing.
                await self._ask(submission_id)
        finally:
            entry.askers -= 1
        return entry.job

    def running_since(self, submission_id: str) -> float | None:
        """Wall time at which the job began to run, if it was seen to wait before."""
        entry = self._watched.get(submission_id)
        return None if entry is None else entry.running_since

    async def close(self) -> None:
        """Stop asking."""
        tasks = [task for task in (self._task, self._listing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watched.clear()

    # -- the loop

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"ray watch {self._jobs.url}")

    async def _run(self) -> None:
        while self._open():
            await asyncio.sleep(self._tick_seconds())
            if self._open():
                await self._tick()

    def _open(self) -> list[str]:
        return [name for name, entry in self._watched.items() if entry.is_open]

    async def _tick(self) -> None:
        # Shown by the condition of each job that is told of it.
        with suppress(RayError):
            await self._refresh(self._open())

    def _tick_seconds(self) -> float:
        now = _now()
        running = [entry for entry in self._watched.values() if entry.is_open]
        young = len(running) <= SINGLE_MAX and any(
            now - entry.since < YOUNG_SECONDS for entry in running
        )
        tick = FAST_SECONDS if young and self._error is None else SLOW_SECONDS
        return min(TICK_MAX_SECONDS, tick * self._slow_factor)

    async def _refresh(self, ids: list[str]) -> None:
        try:
            if self.running <= SINGLE_MAX:
                await asyncio.gather(*(self._ask(submission_id) for submission_id in ids))
            else:
                # Many reconciles ask at once after a restart: they share one list.
                if self._listing is None or self._listing.done():
                    self._listing = asyncio.create_task(self._list())
                await asyncio.shield(self._listing)
        except RayError as error:
            self._set_error(error)
            raise
        self._set_error(None)

    def _set_error(self, error: RayError | None) -> None:
        was_well, self._error = self._error is None, error
        if was_well == (error is None):
            return
        if error is not None:
            LOG.warning("Ray at %s cannot be asked: %s", self._jobs.url, error)
        # Whoever found it out, all who wait for this Ray must know.
        for submission_id, entry in list(self._watched.items()):
            self._tell(submission_id, entry)

    @staticmethod
    def _tell(submission_id: str, entry: _Watched) -> None:
        if entry.askers == 0:
            entry.changed(submission_id)

    async def _ask(self, submission_id: str) -> None:
        started = _now()
        self._note(submission_id, await self._jobs.get(submission_id), started)

    async def _list(self) -> None:
        started = _now()
        found = {job.submission_id: job for job in await self._jobs.list()}
        slow = _now() - started > SLOW_LIST_SECONDS
        self._slow_factor = min(self._slow_factor * 2, 20) if slow else 1.0
        for submission_id in self._open():
            self._note(submission_id, found.get(submission_id), started)

    def _note(self, submission_id: str, job: RayJob | None, started: float) -> None:
        entry = self._watched.get(submission_id)
        # An answer under way while the job was submitted or stopped may not know of it yet.
        if entry is None or entry.since > started:
            return
        before = _state(entry)
        entry.job, entry.asked = job, _now()
        now = _state(entry)
        if before == "PENDING" and now == "RUNNING":
            entry.running_since = time.time()
        if before != now:
            # Here and not in the tick: a list that one look began brings news of all others.
            self._tell(submission_id, entry)


def _state(entry: _Watched) -> str:
    return entry.job.state if entry.job is not None else ""


def _now() -> float:
    return asyncio.get_running_loop().time()
