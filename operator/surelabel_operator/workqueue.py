"""A rate-limited queue of keys with client-go's semantics.

A key waits at most once however often it is added; it is never handed to two workers at once,
and a key added while it is processed comes again afterwards. It knows nothing of what keys mean.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)


class QueueMetrics(Protocol):
    """What a queue tells about itself; seconds are of the event loop's clock."""

    def added(self) -> None:
        """A key began to wait."""

    def waited(self, seconds: float) -> None:
        """A key was handed out after this time in the queue."""

    def worked(self, seconds: float) -> None:
        """A key was done after this time."""

    def retried(self) -> None:
        """A key was added with its back-off."""


class NoMetrics:
    """Forgets everything it is told."""

    def added(self) -> None:
        """Nothing."""

    def waited(self, seconds: float) -> None:
        """Nothing."""

    def worked(self, seconds: float) -> None:
        """Nothing."""

    def retried(self) -> None:
        """Nothing."""


class QueueShutDownError(Exception):
    """The queue hands out nothing more."""


class WorkQueue(Generic[K]):
    """Keys that want work, each at most once, in order of arrival.

    ``base_seconds`` doubles with each failure of a key up to ``max_seconds``. Keys added with
    ``background=True`` (a resync of everything) wait behind all others, so that an event is
    answered at once even then.
    """

    def __init__(
        self,
        base_seconds: float = 0.2,
        max_seconds: float = 60,
        metrics: QueueMetrics | None = None,
    ) -> None:
        self._base = base_seconds
        self._max = max_seconds
        self._metrics: QueueMetrics = metrics or NoMetrics()
        self._ready: deque[K] = deque()
        self._background: deque[K] = deque()
        # Waiting, with the time of arrival; a key in process may be here too ("dirty").
        self._dirty: dict[K, float] = {}
        self._started: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    # -- adding

    def add(self, key: K, *, background: bool = False) -> None:
        """Let the key be processed; nothing happens if it waits already."""
        if self._closed:
            return
        if key in self._dirty:
            self._promote(key, background)
            return
        self._dirty[key] = self._now()
        self._metrics.added()
        if key not in self._started:
            self._enqueue(key, background)

    def add_after(self, key: K, seconds: float) -> None:
        """Add the key when the time has passed; the earliest of several times counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def add_rate_limited(self, key: K) -> float:
        """Add the key after its back-off; the seconds it has to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The exponent is bounded: 2.0 ** 2000 overflows.
        seconds = float(min(self._max, self._base * 2.0 ** min(failures, 64)))
        self._metrics.retried()
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure waits the shortest time again."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often the key was added with back-off since it was forgotten."""
        return self._failures.get(key, 0)

    # -- taking

    async def get(self) -> K:
        """The next key, which stays in process until ``done``; QueueShutDownError at the end."""
        while True:
            if self._closed:
                raise QueueShutDownError
            if self._ready or self._background:
                return self._take()
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                # Woken and cancelled at once: pass the wake-up on, or a key waits for ever.
                if getter.done() and not getter.cancelled():
                    self._wake()
                raise
            finally:
                if getter in self._getters:
                    self._getters.remove(getter)

    def done(self, key: K) -> None:
        """The key is not in process any more; it comes again if it was added meanwhile."""
        started = self._started.pop(key, None)
        if started is None:
            return
        self._metrics.worked(self._now() - started)
        if key in self._dirty and not self._closed:
            self._enqueue(key, background=False)

    def shut_down(self) -> None:
        """Hand out nothing more; keys in process may be finished."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)

    # -- looking

    def __len__(self) -> int:
        return len(self._ready) + len(self._background)

    @property
    def in_process(self) -> int:
        """Keys taken and not done."""
        return len(self._started)

    def longest_running_seconds(self) -> float:
        """How long the oldest key in process has been worked on; 0 without any."""
        return self._now() - min(self._started.values()) if self._started else 0.0

    def unfinished_seconds(self) -> float:
        """Sum of the times that all keys in process have been worked on."""
        now = self._now()
        return sum(now - started for started in self._started.values())

    # -- inside

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _enqueue(self, key: K, background: bool) -> None:
        (self._background if background else self._ready).append(key)
        self._wake()

    def _promote(self, key: K, background: bool) -> None:
        # Linear, but only where an event comes for a key that a resync has just added.
        if not background and key not in self._started and key in self._background:
            self._background.remove(key)
            self._ready.append(key)

    def _take(self) -> K:
        key = (self._ready or self._background).popleft()
        now = self._now()
        self._metrics.waited(now - self._dirty.pop(key))
        self._started[key] = now
        return key

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
