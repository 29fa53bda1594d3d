"""Keeps the cache of children in step with the cluster, and ends those whose LabelingJob is gone.

A watch that broke off and listed anew never tells of what was deleted meanwhile, so the children
are listed now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from surelabel_operator.backends import BackendError
from surelabel_operator.backends.ray_cluster import JobChanged
from surelabel_operator.backends.ray_job import RayJobBackend, ReadSecret
from surelabel_operator.cache import JobEntry, Key
from surelabel_operator.child_trust import ChildTarget
from surelabel_operator.children import PLURALS, RAY_JOB, Child, Children
from surelabel_operator.cluster import Cluster, ClusterError
from surelabel_operator.kube_api import ApiError, KubeApi, NotFoundApiError
from surelabel_operator.manifests import INSTALLATION_LABEL, RAY_API_VERSION

LOG = logging.getLogger(__name__)

LIST_SECONDS = 120.0
_PAGE = "500"


class ChildKeeper:
    """The children of one operator; also the maker of their backends."""

    def __init__(
        self,
        api: KubeApi,
        cluster: Cluster,
        read_secret: ReadSecret,
        namespaces: tuple[str, ...],
        installation: Callable[[], str],
        changed: JobChanged,
        ended: Callable[[JobEntry], None],
    ) -> None:
        """``ended``: told of a job that has ended and still has children."""
        self.children = Children()
        self._api = api
        self._cluster = cluster
        self._read_secret = read_secret
        self._namespaces = namespaces
        self._installation = installation
        self._changed = changed
        self._ended = ended

    def backend(self, target: ChildTarget) -> RayJobBackend:
        """The backend of a target."""
        return RayJobBackend(self._api, self.children, self._read_secret, target)

    # -- what the watch tells

    def child_seen(self, child: Child) -> None:
        """A child as it is now; others' are nothing to us."""
        if not self._is_ours(child):
            return
        self.children.put(child)
        self._changed(*child.job_key)

    def child_gone(self, child: Child) -> None:
        """A child that is gone."""
        if self.children.remove(child.kind, child.namespace, child.name) is not None:
            self._changed(*child.job_key)

    # -- repair

    async def keep_in_step(self, known: Callable[[Key], JobEntry | None]) -> None:
        """List the children every two minutes until cancelled; ``known``: the cached job."""
        while True:
            await asyncio.sleep(LIST_SECONDS)
            try:
                await self.repair()
                await self.sweep(known)
            except (ApiError, BackendError, ClusterError) as error:
                LOG.warning("the children could not be listed: %s", error)

    async def repair(self) -> None:
        """Make the cache what the API server has."""
        before = {child.place for child in self.children}
        listed = {child.place: child for child in await self._list()}
        for kind, namespace, name in before - listed.keys():
            child = self.children.remove(kind, namespace, name)
            if child is not None:
                self._changed(*child.job_key)
        for place, child in listed.items():
            if self.children.get(*place) != child:
                self.child_seen(child)

    async def sweep(self, known: Callable[[Key], JobEntry | None]) -> int:
        """How many children were deleted because a live GET says that their job is gone."""
        count = 0
        for child in self.children:
            # A RayCluster of a RayJob's own goes with it.
            if child.deleting or child.owner_uid != child.uid:
                continue
            entry = known(child.job_key)
            if entry is not None and entry.uid == child.uid:
                if entry.is_finished:
                    self._ended(entry)
                continue
            identity = await self._cluster.get_identity(*child.job_key)
            if identity is not None and identity.metadata.uid == child.uid:
                continue
            LOG.info("deleting the orphan %s of %s/%s", child.name, *child.job_key)
            backend = self.backend(ChildTarget(child.namespace))
            await (backend.stop if child.kind == RAY_JOB else backend.release)(child.name)
            count += 1
        return count

    def _is_ours(self, child: Child) -> bool:
        installation = self._installation()
        return bool(installation) and child.installation == installation

    async def _list(self) -> list[Child]:
        return [
            child
            for kind, plural in PLURALS.items()
            for namespace in self._namespaces or ("",)
            for child in await self._list_kind(kind, plural, namespace)
        ]

    async def _list_kind(self, kind: str, plural: str, namespace: str) -> list[Child]:
        where = f"/namespaces/{namespace}" if namespace else ""
        path, token, found = f"/apis/{RAY_API_VERSION}{where}/{plural}", "", []
        while True:
            query = {
                "labelSelector": f"{INSTALLATION_LABEL}={self._installation()}",
                "limit": _PAGE,
            }
            if token:
                query["continue"] = token
            try:
                page = await self._api.request("list", plural, path, query=query)
            except NotFoundApiError:
                # KubeRay is not installed.
                return []
            found += [Child.of({**item, "kind": kind}) for item in page["items"]]
            token = page["metadata"].get("continue") or ""
            if not token:
                return found
