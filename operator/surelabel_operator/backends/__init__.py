"""Where stages run: the protocol. Each backend has a file of its own beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from surelabel_contract.stages import JobRef, Resources, StorageAccess
from surelabel_contract.steps import Step
from surelabel_operator.observed import Attempt

# In the environment of every stage: its StorageAccess as JSON.
STORAGE_VARIABLE = "SURELABEL_STORAGE_ACCESS"


class BackendError(Exception):
    """The backend could not be asked: what it runs is unknown, neither running nor failed.

    ``reason`` is one of reasons.py (RayUnreachable, RayUnauthorized, ...).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Submitted(StrEnum):
    """What came of a submission; all three are answers, not errors."""

    CREATED = "created"
    # One of ours with this name was there already.
    ADOPTED = "adopted"
    # Something that is not ours has the name; observe() reports it with ours=False.
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Submission:
    """One attempt to run: ``python -m surelabel.stages <config_uri>``."""

    # Submission id and child name.
    name: str
    # Metadata of the job or child: installation, namespace, name, uid, step key and attempt.
    job: JobRef
    step: Step
    attempt: int
    config_uri: str
    # First bytes that the stage needs to open config_uri; holds no secret.
    storage: StorageAccess
    resources: Resources
    timeout_seconds: int
    # The RayCluster that status names, if the job has had one of its own.
    cluster: str | None = None


class Backend(Protocol):
    """Runs attempts. Every call may be repeated; BackendError where it cannot be asked."""

    async def submit(self, submission: Submission) -> Submitted:
        """Start the attempt unless something has its name."""
        ...

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """What is known of this job; at least the attempts named in ``expected``, if they exist."""
        ...

    async def stop(self, name: str) -> None:
        """Ask it to end; unknown or ended is success."""
        ...

    async def delete(self, name: str) -> None:
        """Forget an ended attempt; unknown is success."""
        ...


@runtime_checkable
class KeepsClusters(Protocol):
    """A backend that makes Ray clusters for jobs, which hold compute also while nothing runs."""

    def clusters(self, job: JobRef) -> tuple[str, ...]:
        """Names of the job's clusters that are not being deleted, as last seen."""
        ...

    async def release(self, name: str) -> None:
        """Let the cluster go; unknown is success."""
        ...
