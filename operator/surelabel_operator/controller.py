"""The queue, its workers and the cache: keys come in from a watch, jobs are reconciled.

The same for Kubernetes and ``surelabel run``. What was decided is never remembered here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import JobRef
from surelabel_contract.store import StorageError
from surelabel_operator.backends import BackendError
from surelabel_operator.cache import JobCache, JobEntry, Key
from surelabel_operator.cluster import ClusterError, ConflictError, GoneError
from surelabel_operator.reconcile import Outcome, reconcile, refuse
from surelabel_operator.resources import InvalidSpecError, LabelingJob, RayAddress
from surelabel_operator.trust import ray_target
from surelabel_operator.workqueue import QueueShutDownError, WorkQueue
from surelabel_operator.world import World

LOG = logging.getLogger(__name__)

# How often the jobs are counted: one small request for each watched namespace.
COUNT_SECONDS = 30.0

Reconcile = Callable[[LabelingJob, World], Awaitable[Outcome]]


class Controller:
    """Reconciles what its queue holds, with ``settings.workers`` workers."""

    def __init__(self, world: World, step: Reconcile = reconcile) -> None:
        self.world = world
        self.cache = JobCache()
        self.queue: WorkQueue[Key] = WorkQueue(metrics=world.metrics)
        self._step = step
        # Cleared where another process holds the Lease: keys wait meanwhile.
        self.active = asyncio.Event()
        # Jobs that are gone, whose stage may still run.
        self._deleted: dict[Key, dict[str, JobEntry]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        world.metrics.watch_queue(self.queue, self.active.is_set)
        world.metrics.watch_jobs(self.cache)

    # -- what the watch tells

    def job_seen(self, entry: JobEntry) -> None:
        """Remember the job and look at it."""
        replaced = self.cache.put(entry)
        if replaced is not None:
            self._bury(replaced)
        if self.world.memory.written.get(entry.uid) != entry.resource_version:
            self.queue.add(entry.key)

    def job_deleted(self, entry: JobEntry) -> None:
        """Stop what the job still runs."""
        known = self.cache.get(entry.key)
        if known is not None and known.uid == entry.uid:
            self.cache.remove(entry.key)
        self._bury(entry)

    def team_seen(self, namespace: str, name: str) -> None:
        """Look at the jobs whose people come from the team."""
        for key in self.cache.using_team(namespace, name):
            self.queue.add(key)

    def changed(self, namespace: str, name: str) -> None:
        """Something that belongs to the job changed."""
        self.queue.add((namespace, name))

    def resync(self, entries: list[JobEntry]) -> None:
        """Repair the cache by a list, and look at every job, after everything more urgent."""
        repairs = self.world.metrics.resync_repairs
        listed = {entry.key: entry for entry in entries}
        for known in self.cache:
            entry = listed.get(known.key)
            if entry is None or entry.uid != known.uid:
                repairs.labels("ghost").inc()
                self.cache.remove(known.key)
                self._bury(known)
        for entry in entries:
            before = self.cache.get(entry.key)
            if before is None:
                repairs.labels("missed").inc()
            if before is None or before.resource_version != entry.resource_version:
                self.cache.put(entry)
            self.queue.add(entry.key, background=True)

    async def keep_in_step(self, seconds: float) -> None:
        """Repair by a list every so often, and when jobs are missing, until cancelled."""
        while True:
            await self._until_due(seconds)
            try:
                self.resync(await self.world.cluster.list_entries())
            except ClusterError as error:
                LOG.warning("the resync failed: %s", error)

    async def _until_due(self, seconds: float) -> None:
        """Until the time has passed, or the cluster has had another number of jobs twice.

        A watch that broke off and listed anew never tells of what was deleted meanwhile.
        """
        end, differed = time.monotonic() + seconds, False
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(COUNT_SECONDS, left))
            try:
                differs = await self.world.cluster.count_jobs() != len(self.cache)
            except ClusterError as error:
                LOG.info("the LabelingJobs could not be counted: %s", error)
                continue
            if differs and differed:
                return
            differed = differs

    # -- the workers

    def start(self) -> None:
        """Start the workers; they wait until ``active``."""
        count = self.world.settings.workers
        self.world.metrics.max_workers.set(count)
        self._tasks = [
            asyncio.create_task(self._work(), name=f"worker {number}") for number in range(count)
        ]

    async def stop(self, grace_seconds: float = 20) -> None:
        """Take nothing more; finish what runs, and cancel what does not end in time."""
        self._stopping = True
        self.queue.shut_down()
        # Lets those end that wait for the Lease.
        self.active.set()
        _, late = (
            await asyncio.wait(self._tasks, timeout=grace_seconds) if self._tasks else ((), ())
        )
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueShutDownError:
                return
            try:
                held = self.active.is_set()
                await self.active.wait()
                if self._stopping and not held:
                    # Woken by the end, not by the Lease, which another process may hold.
                    return
                await self._process(key)
            finally:
                self.queue.done(key)

    async def _process(self, key: Key) -> None:
        metrics, started = self.world.metrics, time.monotonic()
        extra = {"namespace": key[0], "job": key[1]}
        try:
            outcome = await self._reconcile(key)
        except ConflictError:
            metrics.status_conflicts.inc()
            metrics.reconciles.labels("requeue").inc()
            # The newer object is decided on at once; only a storm of conflicts backs off.
            if self.queue.failures(key) < 3:
                self.queue.add_after(key, 0.05)
            self.queue.add_rate_limited(key)
        except GoneError:
            metrics.reconciles.labels("success").inc()
            self.queue.forget(key)
        except (ClusterError, BackendError, StorageError, ConfigurationError) as error:
            metrics.reconciles.labels("error").inc()
            metrics.exception(error)
            LOG.warning("%s", error, extra=extra)
            self.queue.add_rate_limited(key)
        except Exception as error:
            # One job's surprise must not end the worker: it is shown, counted and tried again.
            metrics.reconciles.labels("error").inc()
            metrics.exception(error)
            LOG.exception("reconcile failed", extra=extra)
            self.queue.add_rate_limited(key)
        else:
            self._settle(key, outcome)
        finally:
            metrics.reconcile_seconds.observe(time.monotonic() - started)

    def _settle(self, key: Key, outcome: Outcome) -> None:
        if outcome.back_off:
            result = "requeue"
            self.queue.add_rate_limited(key)
        else:
            result = "success" if outcome.seconds is None else "requeue_after"
            if outcome.terminal:
                result = "terminal"
            self.queue.forget(key)
        if outcome.seconds is not None:
            self.queue.add_after(key, outcome.seconds)
        self.world.metrics.reconciles.labels(result).inc()

    async def _reconcile(self, key: Key) -> Outcome:
        stopped = await self._stop_deleted(key)
        outcome = await self._reconcile_live(key)
        if stopped:
            return outcome
        # Its successor of the same name does not wait for a Ray that is away.
        return replace(outcome, back_off=True)

    async def _reconcile_live(self, key: Key) -> Outcome:
        # Live, never from the cache: a decision on an old object could start what was stopped.
        try:
            job = await self.world.cluster.get_job(*key)
        except InvalidSpecError as error:
            await refuse(*key, error, self.world)
            return Outcome()
        if job is None:
            self.cache.remove(key)
            return Outcome()
        return await self._step(job, self.world)

    # -- deletion

    def _bury(self, entry: JobEntry) -> None:
        self.world.memory.forget(entry.uid)
        # What runs as a child goes with its owner.
        at_address = entry.ray_name or entry.ray_url
        if entry.step_name and at_address and not entry.is_finished:
            self._deleted.setdefault(entry.key, {})[entry.uid] = entry
        self.queue.add(entry.key)

    async def _stop_deleted(self, key: Key) -> bool:
        """Stop the stage that a deleted job's last status names; the sweep finds all others.

        False where Ray could not be asked, so that it must be tried again.
        """
        for uid, entry in list(self._deleted.get(key, {}).items()):
            address = RayAddress(name=entry.ray_name or None, url=entry.ray_url or None)
            try:
                backend = self.world.backends.of(
                    ray_target(self.world.settings, entry.namespace, address)
                )
                ref = JobRef(
                    namespace=entry.namespace,
                    name=entry.name,
                    uid=uid,
                    installation=self.world.installation(),
                )
                for attempt in await backend.observe(ref, (entry.step_name,)):
                    if attempt.ours and attempt.runs:
                        await backend.stop(attempt.name)
                        LOG.info("stopped %s of a deleted job", attempt.name)
            except ConfigurationError:
                # A cluster that the namespace may not use any more: nothing of ours to stop.
                LOG.info("%s: its Ray cluster may not be used any more", entry.step_name)
            except BackendError as error:
                LOG.warning("%s of a deleted job cannot be stopped: %s", entry.step_name, error)
                continue
            self._deleted[key].pop(uid, None)
        if self._deleted.get(key):
            return False
        self._deleted.pop(key, None)
        return True
