"""The cluster as reconcile sees it: Kubernetes, or a folder (``surelabel run``).

Implementations raise ClusterError for what a later try may mend, ConflictError where the object
has changed, and never write spec, labels, annotations or finalizers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from surelabel_operator.cache import JobEntry
from surelabel_operator.resources import JobStatus, LabelingJob, Metadata, WorkTeam


class ClusterError(Exception):
    """The cluster could not be asked, or refused for now."""


class ConflictError(ClusterError):
    """The object is not the one that was decided on any more: read again, decide again."""


class GoneError(ClusterError):
    """The object does not exist any more."""


@dataclass(frozen=True)
class Secret:
    """A Secret, read by name. ``repr`` hides the values, so that no log can show them."""

    name: str
    labels: Mapping[str, str]
    data: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Secret(name={self.name!r}, keys={sorted(self.data)})"


@dataclass(frozen=True)
class EventDraft:
    """An Event about a LabelingJob."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Identity:
    """A LabelingJob without its spec."""

    metadata: Metadata
    status: JobStatus


class Cluster(Protocol):
    """Reads and the two writes that the operator needs."""

    async def get_job(self, namespace: str, name: str) -> LabelingJob | None:
        """The LabelingJob as it is now (not from a cache); None: there is none.

        InvalidSpecError where its spec cannot be read.
        """
        ...

    async def get_identity(self, namespace: str, name: str) -> Identity | None:
        """Who has this name now, also where the spec cannot be read; None: nobody."""
        ...

    async def list_entries(self) -> list[JobEntry]:
        """All LabelingJobs of the watched namespaces, as the cache keeps them."""
        ...

    async def count_jobs(self) -> int:
        """How many LabelingJobs ``list_entries`` would give, at a fraction of its cost."""
        ...

    async def patch_status(self, job: LabelingJob | Identity, status: JobStatus) -> LabelingJob:
        """The job after a merge patch of /status with ``job``'s resourceVersion.

        Fields that ``status`` has not, but the job's has, are removed. ConflictError, GoneError;
        InvalidSpecError where the patch was made, but the spec cannot be read.
        """
        ...

    async def get_work_team(self, namespace: str, name: str) -> WorkTeam | None:
        """The WorkTeam, at most seconds old; None: there is none."""
        ...

    async def get_secret(self, namespace: str, name: str) -> Secret | None:
        """The Secret, by name only; None: there is none, or it may not be read."""
        ...

    async def create_event(self, job: LabelingJob, event: EventDraft) -> None:
        """Write an Event; losing one is not an error."""
        ...

    def clock_skew_seconds(self) -> float:
        """Our clock minus the API server's, from the Date header of its latest answer."""
        ...
