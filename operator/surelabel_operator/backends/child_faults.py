"""Why a RayJob does not start, has failed, or will not end well: from its status and its pods.

Pods are listed only where a RayJob has failed, is late, or has lost its head.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from surelabel_operator.backends import BackendError
from surelabel_operator.backends.child_state import Ending, ending_of, state_of
from surelabel_operator.backends.pods import why_ended, why_waiting
from surelabel_operator.backends.ray_objects import RayObjects
from surelabel_operator.child_trust import ChildTarget
from surelabel_operator.children import RAY_CLUSTER, Child, Children
from surelabel_operator.manifests import template_digest
from surelabel_operator.observed import AttemptState, FailureClass, Problem
from surelabel_operator.reasons import Reason

LOG = logging.getLogger(__name__)

# A RayJob that has not started by then is worth a look at its pods.
START_SECONDS = 60.0
# KubeRay's words for a RayJob that Kueue has not let go.
_HELD = ("Suspending", "Suspended")


class ChildFaults:
    """Of the RayJobs of a target's namespace."""

    def __init__(self, objects: RayObjects, children: Children, target: ChildTarget) -> None:
        self._objects = objects
        self._children = children
        self._target = target

    async def ending(self, child: Child) -> Ending:
        """How the failed RayJob ended."""
        pods, _ = await self._pods(child)
        return ending_of(child, why_ended(pods, child.created))

    async def waits(self, child: Child) -> Problem | None:
        """Why the RayJob has not started; None: it may take its time still, or is in a queue."""
        if not _is_late(child) or child.deployment in _HELD:
            return None
        pods, cluster = await self._pods(child)
        if cluster is not None and (cluster.get("spec") or {}).get("suspend"):
            return None
        return why_waiting(pods, cluster, is_seen=bool(child.deployment))

    async def broken(self, child: Child) -> Problem | None:
        """Why the RayJob must be stopped: it waits in vain, or is submitted anew for ever."""
        state = state_of(child)
        if state is AttemptState.PENDING:
            return self._outdated(child) if _is_late(child) else None
        return await self._without_memory(child) if state is AttemptState.RUNNING else None

    def _outdated(self, child: Child) -> Problem | None:
        """Whether it waits for pods of a template that is not the job's any more."""
        if self._target.cluster is None:
            return None
        cluster = self._children.get(RAY_CLUSTER, child.namespace, child.cluster)
        made = cluster.template if child.selects and cluster is not None else child.template
        if not made or made == template_digest(self._target):
            return None
        text = "waited for pods of a template that has been changed meanwhile."
        return Problem(Reason.TEMPLATE_CHANGED, text)

    async def _without_memory(self, child: Child) -> Problem | None:
        """Whether its head ran out of memory under it: KubeRay submits to the restarted head what
        the first one has forgotten, for ever."""
        cluster = self._children.get(RAY_CLUSTER, child.namespace, child.cluster)
        changed = None if cluster is None else cluster.head_changed
        if changed is None or child.started is None or changed <= child.started:
            return None
        pods, _ = await self._pods(child)
        found = why_ended(pods, child.created)
        return found if found is not None and found.reason == Reason.OUT_OF_MEMORY else None

    async def _pods(self, child: Child) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Pods and RayCluster of the RayJob; nothing where they cannot be had."""
        if not child.cluster:
            return [], None
        try:
            pods = await self._objects.pods(child.cluster)
            return pods, await self._objects.get(RAY_CLUSTER, child.cluster)
        except BackendError as error:
            LOG.warning("the pods of %s cannot be looked at: %s", child.name, error)
            return [], None


def class_of(broken: Problem) -> FailureClass:
    """Whose fault it is that the attempt was broken."""
    is_own = broken.reason == Reason.OUT_OF_MEMORY
    return FailureClass.APPLICATION if is_own else FailureClass.INFRASTRUCTURE


def _is_late(child: Child) -> bool:
    created = child.created
    return created is not None and (datetime.now(UTC) - created).total_seconds() > START_SECONDS
