"""Kopf as a watcher: every event updates the cache and enqueues a key. Nothing else.

Only ``on.event`` handlers: Kopf's others write annotations, finalizers and status, and lose
status on a crash. A handler never raises and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import kopf
from kubernetes.aio.client.configuration import Configuration

from surelabel_operator.cache import JobEntry
from surelabel_operator.children import RAY_CLUSTER, RAY_JOB, Child
from surelabel_operator.manifests import INSTALLATION_LABEL, RAY_GROUP, RAY_VERSION
from surelabel_operator.resources import API_GROUP

LOG = logging.getLogger(__name__)
_VERSION = "v1alpha1"


def _registry(configuration: Configuration) -> kopf.OperatorRegistry:
    """A registry of its own: Kopf's global one would leak handlers between operators."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(configuration)

    return registry


class Listener(Protocol):
    """Who is told what the watch sees."""

    def job_seen(self, entry: JobEntry) -> None:
        """The LabelingJob was listed, created or changed."""

    def job_deleted(self, entry: JobEntry) -> None:
        """The LabelingJob is gone."""

    def team_seen(self, namespace: str, name: str) -> None:
        """The WorkTeam was listed, created, changed or deleted."""

    def watch_alive(self, resource: str) -> None:
        """The watch delivered something, or begins."""


def build_registry(listener: Listener, configuration: Configuration) -> kopf.OperatorRegistry:
    """A registry for LabelingJobs and WorkTeams."""
    registry = _registry(configuration)

    @kopf.on.event(API_GROUP, _VERSION, "labelingjobs", registry=registry)
    async def labeling_job(event: Mapping[str, Any], **_: Any) -> None:
        listener.watch_alive("labelingjobs")
        try:
            entry = JobEntry.of(event["object"])
        except (KeyError, TypeError, ValueError) as error:
            # An object that no schema let in; the resync reports it again.
            LOG.warning("a LabelingJob could not be read from the watch: %r", error)
            return
        if event["type"] == "DELETED":
            listener.job_deleted(entry)
        else:
            listener.job_seen(entry)

    @kopf.on.event(API_GROUP, _VERSION, "workteams", registry=registry)
    async def work_team(event: Mapping[str, Any], **_: Any) -> None:
        listener.watch_alive("workteams")
        metadata = event["object"]["metadata"]
        listener.team_seen(metadata.get("namespace") or "", metadata["name"])

    return registry


class ChildListener(Protocol):
    """Who is told of RayJobs and RayClusters that an operator of ours made."""

    def child_seen(self, child: Child) -> None:
        """The child was listed, created or changed."""

    def child_gone(self, child: Child) -> None:
        """The child is gone."""

    def watch_alive(self, resource: str) -> None:
        """The watch delivered something, or begins."""


def build_child_registry(
    listener: ChildListener, configuration: Configuration
) -> kopf.OperatorRegistry:
    """A registry for KubeRay's objects; those of others end here."""
    registry = _registry(configuration)

    def seen(event: Mapping[str, Any], kind: str, resource: str) -> None:
        listener.watch_alive(resource)
        labels = event["object"]["metadata"].get("labels") or {}
        if INSTALLATION_LABEL not in labels:
            return
        try:
            # Kopf's list leaves the kind out of its items.
            child = Child.of({**event["object"], "kind": kind})
        except (KeyError, TypeError, ValueError) as error:
            LOG.warning("a %s could not be read from the watch: %r", kind, error)
            return
        if event["type"] == "DELETED":
            listener.child_gone(child)
        else:
            listener.child_seen(child)

    @kopf.on.event(RAY_GROUP, RAY_VERSION, "rayjobs", registry=registry)
    async def ray_job(event: Mapping[str, Any], **_: Any) -> None:
        seen(event, RAY_JOB, "rayjobs")

    @kopf.on.event(RAY_GROUP, RAY_VERSION, "rayclusters", registry=registry)
    async def ray_cluster(event: Mapping[str, Any], **_: Any) -> None:
        seen(event, RAY_CLUSTER, "rayclusters")

    return registry


def build_settings() -> kopf.OperatorSettings:
    """Kopf's settings for thousands of objects and no writes."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.posting.level = logging.WARNING
    # No watching of CRDs and namespaces: smaller RBAC. A CRD that comes later is never served,
    # which is why the operator exits at the start without it.
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    settings.watching.client_timeout = 600
    settings.watching.inactivity_timeout = 70
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    # Then it gives up, and the watch begins anew (watch.py).
    settings.networking.error_backoffs = (0.5, 1, 2, 3, 5)
    # A limit below the number of objects can dead-lock Kopf's start.
    settings.queueing.worker_limit = None
    # One task per object lives this long: a thousand idle tasks are memory for nothing.
    settings.queueing.idle_timeout = 1
    settings.execution.max_workers = 4
    # Unused, since nothing is written; ours all the same.
    settings.persistence.finalizer = f"{API_GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(
        prefix=API_GROUP, v1=False
    )
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=API_GROUP)
    return settings


async def connection_info(configuration: Configuration) -> kopf.ConnectionInfo:
    """Kopf's credentials from those that the operator's own client has."""
    key = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, token = (key or "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        ca_data=_base64(configuration.ca_cert_data),
        insecure=None if configuration.verify_ssl else True,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        scheme=scheme.capitalize() if token else None,
        token=token or None,
    )


def _base64(data: str | bytes | None) -> bytes | None:
    if data is None:
        return None
    import base64

    return base64.b64encode(data.encode() if isinstance(data, str) else data)
