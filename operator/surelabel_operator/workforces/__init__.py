"""Who annotates: the protocol. Each workforce has a file of its own beside this one."""

from __future__ import annotations

from typing import Protocol

from surelabel_contract.stages import JobRef, StageConfig
from surelabel_operator.backends import Submission, Submitted
from surelabel_operator.observed import Attempt


class Workforce(Protocol):
    """Carries out annotate steps; errors as with Backend.

    Handing out ends with the step's STOP.json in the store, which the operator writes itself.
    """

    async def submit(self, submission: Submission, config: StageConfig) -> Submitted:
        """Give the step to the people; the same step again is success."""
        ...

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """As Backend.observe."""
        ...

    async def stop(self, name: str) -> None:
        """Close the step without a commit (suspend, deadline, deletion); answers are kept."""
        ...

    async def delete(self, name: str) -> None:
        """Forget an ended step."""
        ...
