"""Everything outside that a reconcile touches, behind protocols, and what it remembers.

The same for Kubernetes and for ``surelabel run``: only cluster, backends and installation differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from surelabel_contract.stages import JobRef
from surelabel_operator.backends import Backend
from surelabel_operator.child_trust import Target
from surelabel_operator.cluster import Cluster
from surelabel_operator.memory import Memory
from surelabel_operator.metrics import Metrics
from surelabel_operator.resources import LabelingJob
from surelabel_operator.settings import Settings
from surelabel_operator.stores import Stores


class Backends(Protocol):
    """Finds the backend of a job."""

    def of(self, target: Target) -> Backend:
        """The backend; for a Ray cluster that was there before, shared by all its jobs."""
        ...


@dataclass
class World:
    """What a reconcile works with."""

    cluster: Cluster
    settings: Settings
    stores: Stores
    backends: Backends
    metrics: Metrics
    # Known once the Lease was read, which is before any worker starts.
    installation: Callable[[], str]
    memory: Memory = field(default_factory=Memory)

    def job_ref(self, job: LabelingJob) -> JobRef:
        """Whose steps the job's are."""
        meta = job.metadata
        return JobRef(
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            installation=self.installation(),
        )

    def now(self) -> datetime:
        """The real time, for back-off, timeouts and conditions."""
        return datetime.now(UTC)

    def data_time(self) -> datetime:
        """The time that goes into data; the settings may fix it."""
        # Whole seconds: what Kubernetes keeps of a time, so that store and status agree.
        return self.settings.stage_time or self.now().replace(microsecond=0)

    def monotonic(self) -> float:
        """Seconds of the process's clock."""
        return time.monotonic()
