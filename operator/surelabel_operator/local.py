"""``surelabel run``: the operator's own loop over one LabelingJob, with a folder for a cluster.

Only cluster, installation and Ray differ from the operator's; what reconcile does is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from surelabel_operator.backends import Backend
from surelabel_operator.backends.ray_clusters import RayClusters
from surelabel_operator.backends.ray_watch import FAST_SECONDS
from surelabel_operator.child_trust import Target
from surelabel_operator.cluster import EventDraft
from surelabel_operator.controller import Controller
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.logging import SecretText
from surelabel_operator.metrics import Metrics
from surelabel_operator.resources import LabelingJob
from surelabel_operator.settings import (
    EVERY,
    AllowedEntrypoints,
    AllowedImages,
    AllowedName,
    AllowedPrefixes,
    KubeRay,
    RayCluster,
    RayOrigin,
    Settings,
    StorageSettings,
)
from surelabel_operator.stores import Stores
from surelabel_operator.trust import RayTarget
from surelabel_operator.world import Backends, World

# On the user's own machine, with the user's own credentials, nothing is closed.
_EVERYWHERE = ("file:///", "s3://", "gs://", "az://")
_RESYNC_SECONDS = 20.0
_SETTLE_SECONDS = 20.0
_WORKERS = 2


@dataclass(frozen=True)
class _OneRay:
    """Every address is the local Ray."""

    clusters: RayClusters
    target: RayTarget

    def of(self, target: Target) -> Backend:
        del target
        return self.clusters.of(self.target)


async def run_local(
    folder: Path,
    ray_url: str,
    ray_token: str | None,
    resources: Sequence[Mapping[str, Any]],
    on_status: Callable[[LabelingJob], None] = lambda _job: None,
    *,
    on_event: Callable[[EventDraft], None] = lambda _event: None,
    python: str = "python",
    entrypoints: Sequence[str] = (),
    stage_time: datetime | None = None,
) -> LabelingJob:
    """The LabelingJob in ``resources`` when it has ended or is Stalled.

    ``folder`` holds the cluster; a run that was killed goes on where it was. ``resources``: one
    LabelingJob and the WorkTeams that it needs, with absolute URIs. ``python``: the interpreter
    of the local Ray's jobs; ``entrypoints``: prefixes of the models of others that may run.
    FolderInUseError if another process works there.
    """

    async def token(_name: str) -> SecretText | None:
        return SecretText(ray_token) if ray_token is not None else None

    def build(changed: Callable[[str, str], None]) -> tuple[Backends, RayClusters]:
        clusters = RayClusters(token, changed, python)
        target = RayTarget(ray_url.rstrip("/"), "local" if ray_token is not None else None)
        return _OneRay(clusters, target), clusters

    return await run_in_folder(
        folder,
        resources,
        build,
        on_status=on_status,
        on_event=on_event,
        entrypoints=entrypoints,
        stage_time=stage_time,
    )


async def run_in_folder(
    folder: Path,
    resources: Sequence[Mapping[str, Any]],
    build: Callable[[Callable[[str, str], None]], tuple[Backends, Any]],
    *,
    on_status: Callable[[LabelingJob], None] = lambda _job: None,
    on_event: Callable[[EventDraft], None] = lambda _event: None,
    entrypoints: Sequence[str] = (),
    stage_time: datetime | None = None,
) -> LabelingJob:
    """``run_local`` with any backend; ``build`` makes it and what has to be closed at the end."""
    ended = asyncio.Event()

    def seen(job: LabelingJob) -> None:
        on_status(job)
        if has_come_to_rest(job):
            ended.set()

    cluster = FolderCluster(folder, seen, on_event)
    installation = cluster.open()
    try:
        body = None
        for resource in resources:
            stored = cluster.apply(resource)
            body = stored if stored["kind"] == "LabelingJob" else body
        if body is None:
            raise ValueError("there is no LabelingJob among the resources")
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        settings = _settings(body, entrypoints, stage_time)

        def changed(namespace: str, name: str) -> None:
            controller.changed(namespace, name)

        backends, closing = build(changed)
        world = World(
            cluster=cluster,
            settings=settings,
            stores=Stores(cluster, settings),
            backends=backends,
            metrics=Metrics("local"),
            installation=lambda: installation,
        )
        controller = Controller(world)
        return await _drive(controller, closing, key, ended)
    finally:
        cluster.close()


def has_come_to_rest(job: LabelingJob) -> bool:
    """Whether the job has ended, or waits for a person."""
    succeeded, stalled = job.status.condition("Succeeded"), job.status.condition("Stalled")
    return (succeeded is not None and succeeded.status != "Unknown") or (
        stalled is not None and stalled.status == "True"
    )


async def _drive(
    controller: Controller, closing: Any, key: tuple[str, str], ended: asyncio.Event
) -> LabelingJob:
    world = controller.world
    job = await world.cluster.get_job(*key)
    if job is not None and job.status.step is not None and not has_come_to_rest(job):
        world.memory.unsettled.add(job.metadata.uid)
    resync = asyncio.create_task(controller.keep_in_step(_RESYNC_SECONDS))
    controller.start()
    controller.active.set()
    controller.changed(*key)
    try:
        # A run that came to rest before ends at once, after a look at what it left.
        while not ended.is_set():
            job = await world.cluster.get_job(*key)
            idle = len(controller.queue) == 0 and controller.queue.in_process == 0
            if job is not None and idle and has_come_to_rest(job):
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(FAST_SECONDS):
                    await ended.wait()
        await _settle(controller, key)
        job = await world.cluster.get_job(*key)
    finally:
        resync.cancel()
        await controller.stop()
        await closing.close()
    if job is None:
        raise RuntimeError(f"LabelingJob {key[0]}/{key[1]} vanished from the folder")
    return job


async def _settle(controller: Controller, key: tuple[str, str]) -> None:
    """Wait until nothing of the job is left to stop or to delete."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _SETTLE_SECONDS
    while loop.time() < end:
        queue = controller.queue
        job = await controller.world.cluster.get_job(*key)
        uid = job.metadata.uid if job is not None else ""
        if not queue.in_process and not len(queue):
            if uid not in controller.world.memory.unsettled:
                return
            queue.add(key)
        await asyncio.sleep(0.05)


def _settings(
    body: Mapping[str, Any], entrypoints: Sequence[str], stage_time: datetime | None
) -> Settings:
    """Settings that allow what the job asks for."""
    address = body["spec"]["compute"]["ray"].get("address") or {}
    clusters, origins = [], []
    if "name" in address:
        # The url is never asked: all addresses are the local Ray.
        clusters = [RayCluster(name=address["name"], url="http://localhost", namespaces=(EVERY,))]
    elif "url" in address:
        origins = [RayOrigin(origin=address["url"], namespaces=(EVERY,))]
    return Settings(
        ray_clusters=tuple(clusters),
        ray_origins=tuple(origins),
        # Nor is KubeRay: what a job says of its cluster's pods does not matter here.
        kube_ray=KubeRay(
            image="local",
            images=(AllowedImages(prefixes=_images(body), namespaces=(EVERY,)),),
            service_accounts=_named(body, "serviceAccountName"),
            priority_classes=_named(body, "priorityClassName"),
        ),
        storage=StorageSettings(
            local_files=True,
            allowed_prefixes=(AllowedPrefixes(prefixes=_EVERYWHERE, namespaces=(EVERY,)),),
        ),
        # A job file from elsewhere must not choose what runs here.
        model_entrypoints=(
            (AllowedEntrypoints(prefixes=tuple(entrypoints), namespaces=(EVERY,)),)
            if entrypoints
            else ()
        ),
        workers=_WORKERS,
        stage_time=stage_time,
        log_format="text",
    )


def _template(body: Mapping[str, Any]) -> Mapping[str, Any]:
    cluster = body["spec"]["compute"]["ray"].get("cluster") or {}
    return cluster.get("template") or {}


def _images(body: Mapping[str, Any]) -> tuple[str, ...]:
    return (_template(body).get("image") or "local",)


def _named(body: Mapping[str, Any], field: str) -> tuple[AllowedName, ...]:
    name = _template(body).get(field)
    return (AllowedName(name=name, namespaces=(EVERY,)),) if name else ()
