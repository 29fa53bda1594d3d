"""Simulated people: an annotate step is a job of the same backend as every other stage."""

from __future__ import annotations

from surelabel_contract.stages import JobRef, StageConfig
from surelabel_operator.backends import Backend, Submission, Submitted
from surelabel_operator.observed import Attempt


class SimulatedPeople:
    """Runs the annotate stage's program, which plays the people."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def submit(self, submission: Submission, config: StageConfig) -> Submitted:
        """Start the program; ``config`` has the people in it, and the store has ``config``."""
        del config
        return await self._backend.submit(submission)

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """What the backend knows."""
        return await self._backend.observe(job, expected)

    async def stop(self, name: str) -> None:
        """End the program; the answers that it wrote stay."""
        await self._backend.stop(name)

    async def delete(self, name: str) -> None:
        """Let the backend forget the ended program."""
        await self._backend.delete(name)
