"""Which backend a job has: a Ray cluster by its address, or KubeRay's RayJobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from surelabel_operator.backends import Backend
from surelabel_operator.backends.ray_clusters import RayClusters
from surelabel_operator.child_keeper import ChildKeeper
from surelabel_operator.child_trust import ChildTarget, Target
from surelabel_operator.world import Backends


class ClosingBackends(Backends, Protocol):
    """Backends that are closed at the end."""

    async def close(self) -> None:
        """Release connections and tasks."""
        ...


class EveryBackend:
    """Ray clusters by their address, and KubeRay's RayJobs."""

    def __init__(self, clusters: RayClusters, children: ChildKeeper) -> None:
        self._clusters = clusters
        self._children = children

    def of(self, target: Target) -> Backend:
        """The backend of the target."""
        if isinstance(target, ChildTarget):
            return self._children.backend(target)
        return self._clusters.of(target)

    async def close(self) -> None:
        """Stop watching Ray clusters."""
        await self._clusters.close()


BuildBackends = Callable[[Callable[[str, str], None]], ClosingBackends]
