"""The operator as one process on Kubernetes: watch, Lease, workers, sweep, probes; start and end.

It puts the parts together and knows no policy.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kubernetes.aio.client.configuration import Configuration

from surelabel_operator.backends.choice import BuildBackends, ClosingBackends, EveryBackend
from surelabel_operator.backends.ray_cluster import RayCluster
from surelabel_operator.backends.ray_clusters import RayClusters
from surelabel_operator.cache import JobEntry
from surelabel_operator.calls import observed_calls
from surelabel_operator.child_keeper import ChildKeeper
from surelabel_operator.children import Child
from surelabel_operator.cluster import ClusterError
from surelabel_operator.controller import Controller
from surelabel_operator.kube import KubeCluster
from surelabel_operator.kube_api import KubeApi
from surelabel_operator.lease import Lease, LeaseTimes
from surelabel_operator.logging import SecretText
from surelabel_operator.metrics import Metrics
from surelabel_operator.place import Place
from surelabel_operator.server import ProbeServer
from surelabel_operator.settings import Settings
from surelabel_operator.stores import Stores
from surelabel_operator.sweep import Sweep, ray_targets
from surelabel_operator.teams import Teams
from surelabel_operator.watch import check_at_start, watch_children, watch_jobs
from surelabel_operator.world import World

LOG = logging.getLogger(__name__)

SWEEP_SECONDS = 600.0
_BEAT_SECONDS = 1.0
_LATE_BEAT_SECONDS = 30.0
_STUCK_SECONDS = 300.0


class Service:
    """One operator process; ``run`` returns when it was told to stop or cannot go on.

    ``build_backends`` replaces Ray in tests.
    """

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        place: Place,
        *,
        build_backends: BuildBackends | None = None,
        lease_times: LeaseTimes | None = None,
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._place = place
        self.metrics = Metrics(_version(), os.environ.get("SURELABEL_REVISION", ""), _kopf())
        self._api = KubeApi(configuration)
        self._cluster = KubeCluster(self._api, settings.watch_namespaces, place.identity)
        self.lease = Lease(
            self._api,
            namespace=place.namespace,
            name=settings.lease_name,
            release=settings.release,
            identity=place.identity,
            times=lease_times,
            on_change=self._lease_changed,
        )
        self._children = ChildKeeper(
            self._api,
            self._cluster,
            self._cluster.get_secret,
            settings.watch_namespaces,
            lambda: self.lease.installation,
            self._job_changed,
            self._job_ended,
        )
        build = build_backends or self._build_backends
        self._backends = build(self._job_changed)
        world = World(
            cluster=self._cluster,
            settings=settings,
            stores=Stores(self._cluster, settings),
            backends=self._backends,
            metrics=self.metrics,
            installation=lambda: self.lease.installation,
        )
        self.controller = Controller(world)
        self.server = ProbeServer(
            self._sick, self._not_ready, self.metrics.render, lambda: self.lease.standby
        )
        self._teams = Teams(self._cluster)
        self._listed = False
        self._beat = time.monotonic()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask ``run`` to end: finish what runs, release the Lease."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until stopped; StartError where that is not possible at all."""
        self._take_signals()
        with observed_calls(self.metrics):
            await self.server.start("0.0.0.0", self._settings.metrics_port)  # noqa: S104
            LOG.info("listening", extra={"port": self.server.port})
            try:
                await check_at_start(self._api)
                await self._serve()
            finally:
                await self._backends.close()
                await self.server.stop()
                await self._api.close()

    async def _serve(self) -> None:
        source = (self._api, self._configuration, self._settings.watch_namespaces)
        lease = asyncio.create_task(self.lease.run(), name="lease")
        tasks = [
            asyncio.create_task(watch_jobs(self, *source), name="watch"),
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._stop.wait(), name="stop"),
            lease,
        ]
        if self._settings.kube_ray is not None:
            children = watch_children(self, *source)
            tasks.append(asyncio.create_task(children, name="child watch"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            LOG.info("stopping", extra={"because": sorted(task.get_name() for task in done)})
            await self.controller.stop()
        finally:
            # The Lease goes last, when nothing of ours acts any more.
            for task in (*(t for t in tasks if t is not lease), lease):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await _quietly(task)
        for task in done:
            task.result()

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not in the main thread, or not on this system: then somebody else stops us.
            with suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)

    async def _work(self) -> None:
        beat = asyncio.create_task(self._beat_on(), name="beat")
        try:
            # The watch lists, too; this list is what "ready" and the first sweep wait for.
            for entry in await self._first_list():
                self.controller.job_seen(entry)
            self._listed = True
            self.controller.start()
            LOG.info("listed", extra={"jobs": len(self.controller.cache)})
            async with asyncio.TaskGroup() as group:
                group.create_task(self._teams.run(self.lease.held))
                group.create_task(self.controller.keep_in_step(self._settings.resync_seconds))
                group.create_task(self._sweep())
                if self._settings.kube_ray is not None:
                    group.create_task(self._keep_children())
        finally:
            beat.cancel()

    async def _sweep(self) -> None:
        await self.lease.held.wait()
        sweep = Sweep(
            self._cluster,
            self._settings,
            self.lease.installation,
            self.controller.cache.get,
            self._job_ended,
        )
        while True:
            await self.lease.held.wait()
            targets = ray_targets(self._settings, self.controller.cache)
            found = (self._backends.of(target) for target in targets)
            await sweep.run(ray for ray in found if isinstance(ray, RayCluster))
            await asyncio.sleep(SWEEP_SECONDS)

    async def _keep_children(self) -> None:
        await self.lease.held.wait()
        await self._children.keep_in_step(self.controller.cache.get)

    async def _first_list(self) -> list[JobEntry]:
        while True:
            try:
                return await self._cluster.list_entries()
            except ClusterError as error:
                LOG.warning("the first list failed: %s", error)
                await asyncio.sleep(1)

    async def _beat_on(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    # -- what the watch tells

    def job_seen(self, entry: JobEntry) -> None:
        """A LabelingJob."""
        self.controller.job_seen(entry)

    def job_deleted(self, entry: JobEntry) -> None:
        """A LabelingJob that is gone."""
        self.controller.job_deleted(entry)

    def team_seen(self, namespace: str, name: str) -> None:
        """A WorkTeam: its own status, and the jobs that use it."""
        self._cluster.team_seen(namespace, name)
        self._teams.seen(namespace, name)
        self.controller.team_seen(namespace, name)

    def child_seen(self, child: Child) -> None:
        """A RayJob or RayCluster."""
        self._children.child_seen(child)

    def child_gone(self, child: Child) -> None:
        """A RayJob or RayCluster that is gone."""
        self._children.child_gone(child)

    def watch_alive(self, resource: str) -> None:
        """The watch delivered something."""
        self.metrics.watch_last_event.labels(resource).set_to_current_time()

    # -- what others ask

    def _lease_changed(self, held: bool) -> None:
        self.metrics.leader.set(held)
        if held:
            self.controller.active.set()
        else:
            self.controller.active.clear()

    def _job_ended(self, entry: JobEntry) -> None:
        """The job has ended, and something of it is left."""
        self.controller.world.memory.unsettled.add(entry.uid)
        self.controller.queue.add(entry.key)

    def _build_backends(self, changed: Callable[[str, str], None]) -> ClosingBackends:
        return EveryBackend(RayClusters(self._token, changed), self._children)

    def _job_changed(self, namespace: str, name: str) -> None:
        self.controller.changed(namespace, name)

    async def _token(self, secret_name: str) -> SecretText | None:
        try:
            secret = await self._cluster.get_secret(self._place.namespace, secret_name)
        except ClusterError as error:
            LOG.warning("a Ray token could not be read: %s", error)
            return None
        value = None if secret is None else secret.data.get("token")
        return None if value is None else SecretText(value.decode().strip())

    def _sick(self) -> str | None:
        if time.monotonic() - self._beat > _LATE_BEAT_SECONDS:
            return "the event loop does not turn"
        longest = self.controller.queue.longest_running_seconds()
        if longest > _STUCK_SECONDS and self.controller.active.is_set():
            return f"a reconcile has run for {longest:.0f} s"
        return None

    def _not_ready(self) -> str | None:
        if not self._listed:
            return "the LabelingJobs have not been listed yet"
        return self.lease.problem


async def _quietly(task: asyncio.Task[Any]) -> None:
    """Wait for a task that was cancelled; its error was or will be raised elsewhere."""
    await asyncio.wait([task])


def _version() -> str:
    try:
        return version("surelabel")
    except PackageNotFoundError:
        return "unknown"


def _kopf() -> str:
    return version("kopf")
