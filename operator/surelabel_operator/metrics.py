"""Every metric of the operator, by its exact name; names are never changed.

Series of a LabelingJob (job_series.py) are made from the operator's cache at scrape time, so that
they vanish with the job. No label ever holds a round, an attempt, a submission id or an error's
text.
"""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from surelabel_operator.cache import JobEntry
from surelabel_operator.calls import Call
from surelabel_operator.job_series import render_jobs

_RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_STAGE_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)
# Class names outside this list are counted as "Other", so that no library grows the series.
_EXCEPTIONS = frozenset(
    {
        "ApiError",
        "AssertionError",
        "AttributeError",
        "BackendError",
        "ClusterError",
        "ConfigurationError",
        "ConflictError",
        "ConnectionError",
        "KeyError",
        "RayError",
        "RuntimeError",
        "StorageError",
        "TimeoutError",
        "TypeError",
        "ValidationError",
        "ValueError",
    }
)


class QueueState(Protocol):
    """What the scrape asks a work queue."""

    def __len__(self) -> int:
        """Keys that wait."""

    @property
    def in_process(self) -> int:
        """Keys in process."""

    def longest_running_seconds(self) -> float:
        """Age of the oldest key in process."""

    def unfinished_seconds(self) -> float:
        """Summed ages of the keys in process."""


class Metrics:
    """The operator's metrics; one object per operator, no global registry."""

    def __init__(self, version: str, revision: str = "unknown", kopf: str = "none") -> None:
        registry = self.registry = CollectorRegistry(auto_describe=False)
        self._jobs: Iterable[JobEntry] = ()
        self.reconciles = Counter(
            "labeling_reconcile_total", "Reconciles by result.", ["result"], registry=registry
        )
        self.reconcile_seconds = Histogram(
            "labeling_reconcile_duration_seconds",
            "Time of one reconcile.",
            buckets=_RECONCILE_BUCKETS,
            registry=registry,
        )
        self.exceptions = Counter(
            "labeling_reconcile_exceptions_total",
            "Reconciles that ended in an exception, by its class.",
            ["exception"],
            registry=registry,
        )
        self.queue_adds = Counter(
            "labeling_workqueue_adds_total", "Keys that began to wait.", registry=registry
        )
        self.queue_retries = Counter(
            "labeling_workqueue_retries_total", "Keys added with back-off.", registry=registry
        )
        self.queue_seconds = Histogram(
            "labeling_workqueue_queue_duration_seconds",
            "Time from a key's arrival to its processing.",
            buckets=_RECONCILE_BUCKETS,
            registry=registry,
        )
        self.work_seconds = Histogram(
            "labeling_workqueue_work_duration_seconds",
            "Time of a key's processing.",
            buckets=_RECONCILE_BUCKETS,
            registry=registry,
        )
        self.max_workers = Gauge(
            "labeling_max_workers", "Reconciles that may run at once.", registry=registry
        )
        self.watch_last_event = Gauge(
            "labeling_watch_last_event_timestamp_seconds",
            "When the watch last delivered something; at first, when it began.",
            ["resource"],
            registry=registry,
        )
        self.resync_repairs = Counter(
            "labeling_resync_repairs_total",
            "What the list found that the watch had missed.",
            ["kind"],
            registry=registry,
        )
        self.kube_requests = Counter(
            "labeling_kube_requests_total",
            "Requests to the Kubernetes API.",
            ["verb", "resource", "code"],
            registry=registry,
        )
        self.kube_seconds = Histogram(
            "labeling_kube_request_duration_seconds",
            "Time of a request to the Kubernetes API.",
            ["verb", "resource"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.ray_requests = Counter(
            "labeling_ray_requests_total",
            "Requests to Ray's Jobs API.",
            ["operation", "code"],
            registry=registry,
        )
        self.ray_seconds = Histogram(
            "labeling_ray_request_duration_seconds",
            "Time of a request to Ray's Jobs API.",
            ["operation"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.storage_requests = Counter(
            "labeling_storage_requests_total",
            "Requests to the object store.",
            ["operation", "result"],
            registry=registry,
        )
        self.storage_seconds = Histogram(
            "labeling_storage_request_duration_seconds",
            "Time of a request to the object store.",
            ["operation"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.status_conflicts = Counter(
            "labeling_status_patch_conflicts_total",
            "Status patches refused because the object had changed.",
            registry=registry,
        )
        self.leader = Gauge(
            "labeling_leader_status", "1 while this process holds the Lease.", registry=registry
        )
        self.rounds = Counter(
            "labeling_rounds_total", "Rounds that ended.", ["outcome"], registry=registry
        )
        self.stage_attempts = Counter(
            "labeling_stage_attempts_total",
            "Attempts of stages by how they ended.",
            ["stage", "outcome"],
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "labeling_stage_duration_seconds",
            "Time from submission to the operator's seeing the end.",
            ["stage", "outcome"],
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self.children = Counter(
            "labeling_children_created_total",
            "Ray jobs submitted.",
            ["stage", "result"],
            registry=registry,
        )
        Gauge(
            "labeling_build_info",
            "Always 1; what runs stands in the labels.",
            ["version", "revision", "python", "kopf"],
            registry=registry,
        ).labels(version, revision, platform.python_version(), kopf).set(1)

    def watch_queue(self, queue: QueueState, acts: Callable[[], bool]) -> None:
        """Show the queue's state at each scrape, zeros while the process does not act."""
        self.registry.register(_QueueCollector(queue, acts))

    def watch_jobs(self, jobs: Iterable[JobEntry]) -> None:
        """Show the series of the jobs that ``jobs`` yields at each scrape."""
        self._jobs = jobs

    def exception(self, error: BaseException) -> None:
        """Count a reconcile's exception by its class, as far as the class is listed."""
        name = next((c.__name__ for c in type(error).__mro__ if c.__name__ in _EXCEPTIONS), "Other")
        self.exceptions.labels(name).inc()

    async def render(self) -> AsyncIterator[bytes]:
        """All series in Prometheus' text format, in pieces."""
        yield generate_latest(self.registry)
        async for piece in render_jobs(self._jobs):
            yield piece

    # -- QueueMetrics

    def added(self) -> None:
        """A key began to wait."""
        self.queue_adds.inc()

    def waited(self, seconds: float) -> None:
        """A key was handed out after this time."""
        self.queue_seconds.observe(seconds)

    def worked(self, seconds: float) -> None:
        """A key was done after this time."""
        self.work_seconds.observe(seconds)

    def retried(self) -> None:
        """A key was added with its back-off."""
        self.queue_retries.inc()

    # -- CallObserver

    def begin(self, call: Call) -> None:
        """Nothing: a call counts when it is answered."""

    def end(self, call: Call) -> None:
        """Count an answered or failed call."""
        if call.system == "kube":
            verb, _, resource = call.operation.partition(" ")
            self.kube_requests.labels(verb, resource, call.code).inc()
            self.kube_seconds.labels(verb, resource).observe(call.seconds)
        elif call.system == "ray":
            self.ray_requests.labels(call.operation, call.code).inc()
            self.ray_seconds.labels(call.operation).observe(call.seconds)
        elif call.system == "store":
            self.storage_requests.labels(call.operation, call.code).inc()
            self.storage_seconds.labels(call.operation).observe(call.seconds)


class _QueueCollector(Collector):
    def __init__(self, queue: QueueState, acts: Callable[[], bool]) -> None:
        self._queue = queue
        self._acts = acts

    def collect(self) -> Iterator[Metric]:
        queue, acts = self._queue, self._acts()
        for name, text, value in (
            ("labeling_workqueue_depth", "Keys that wait.", len(queue)),
            (
                "labeling_workqueue_longest_running_seconds",
                "Age of the oldest key in process.",
                queue.longest_running_seconds(),
            ),
            (
                "labeling_workqueue_unfinished_work_seconds",
                "Summed ages of the keys in process.",
                queue.unfinished_seconds(),
            ),
            ("labeling_active_workers", "Reconciles that run.", queue.in_process),
        ):
            # In a standby all keys wait for the Lease: that is no backlog, and nothing is stuck.
            yield GaugeMetricFamily(name, text, value=value if acts else 0)
