"""Stops what runs in Ray for LabelingJobs that are gone; what finalizers would do elsewhere.

A Ray job is touched only if our installation submitted it, its namespace is watched, and a live
GET says that its LabelingJob does not exist or has another uid.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from surelabel_contract.errors import ConfigurationError
from surelabel_operator.backends import BackendError
from surelabel_operator.backends.ray_cluster import RayCluster, is_ours
from surelabel_operator.backends.ray_jobs import RayJob
from surelabel_operator.cache import JobEntry, Key
from surelabel_operator.cluster import Cluster, ClusterError
from surelabel_operator.resources import RayAddress
from surelabel_operator.settings import Settings
from surelabel_operator.trust import RayTarget, ray_target

LOG = logging.getLogger(__name__)


class Sweep:
    """One round over Ray clusters.

    ``ended``: told of a job that has ended while Ray still has jobs of it.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        installation: str,
        known: Callable[[Key], JobEntry | None],
        ended: Callable[[JobEntry], None],
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._installation = installation
        self._known = known
        self._ended = ended

    async def run(self, clusters: Iterable[RayCluster]) -> int:
        """How many orphans were stopped; clusters that cannot be asked are left for later."""
        stopped = 0
        for ray in clusters:
            try:
                for job in await ray.list_jobs():
                    stopped += await self._judge(ray, job)
            except (BackendError, ClusterError) as error:
                LOG.warning("the sweep of %s ended early: %s", ray.url, error)
        return stopped

    async def _judge(self, ray: RayCluster, job: RayJob) -> int:
        metadata = job.metadata
        namespace, name, uid = (metadata.get(key, "") for key in ("namespace", "name", "uid"))
        if not (is_ours(job, self._installation) and namespace and name and uid):
            return 0
        if not self._settings.watches(namespace):
            return 0
        entry = self._known((namespace, name))
        if entry is not None and entry.uid == uid:
            if entry.is_finished:
                self._ended(entry)
            return 0
        identity = await self._cluster.get_identity(namespace, name)
        if identity is not None and identity.metadata.uid == uid:
            # The cache did not know it yet.
            return 0
        if job.has_ended:
            await ray.delete(job.submission_id)
            return 0
        LOG.info("stopping the orphan %s of %s/%s", job.submission_id, namespace, name)
        await ray.stop(job.submission_id)
        return 1


def ray_targets(settings: Settings, entries: Iterable[JobEntry]) -> list[RayTarget]:
    """The Ray clusters of the settings and those that jobs use, sorted by URL."""
    found = {RayTarget(cluster.url, cluster.token_secret) for cluster in settings.ray_clusters}
    for entry in entries:
        address = RayAddress(name=entry.ray_name or None, url=entry.ray_url or None)
        with suppress(ConfigurationError):
            target = ray_target(settings, entry.namespace, address)
            found.add(RayTarget(target.url, target.token_secret))
    return sorted(found, key=lambda target: target.url)
