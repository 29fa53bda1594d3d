"""The backend of ``compute.ray.cluster`` and ``compute.ray.selector``: a KubeRay RayJob an attempt.

Liveness comes from the watch's cache; whatever is not in it, and everything before a create, is
asked of the API server. A RayJob is stopped by deleting it: KubeRay then stops its Ray job, also
on a cluster that was there before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import JobRef
from surelabel_contract.steps import parse_step_name
from surelabel_operator.backends import BackendError, Submission, Submitted
from surelabel_operator.backends.child_faults import ChildFaults, class_of
from surelabel_operator.backends.child_state import Ending, state_of
from surelabel_operator.backends.ray_objects import RayObjects
from surelabel_operator.child_trust import ChildTarget
from surelabel_operator.children import RAY_CLUSTER, RAY_JOB, Child, Children
from surelabel_operator.cluster import Secret
from surelabel_operator.kube_api import ConflictApiError, KubeApi
from surelabel_operator.manifests import (
    build_ray_cluster,
    build_ray_job,
    cluster_name,
    template_digest,
)
from surelabel_operator.observed import Attempt, AttemptState
from surelabel_operator.reasons import Reason
from surelabel_operator.trust import use_problem

LOG = logging.getLogger(__name__)

ReadSecret = Callable[[str, str], Awaitable[Secret | None]]
"""Reads a Secret by namespace and name."""

_INCARNATION = re.compile(r"-c(\d+)$")


class RayJobBackend:
    """Runs a job's attempts as RayJobs beside it. Cheap to make: it remembers nothing itself."""

    def __init__(
        self, api: KubeApi, children: Children, read_secret: ReadSecret, target: ChildTarget
    ) -> None:
        self._objects = RayObjects(api, target.namespace)
        self._children = children
        self._faults = ChildFaults(self._objects, children, target)
        self._read_secret = read_secret
        self._target = target

    # -- attempts

    async def submit(self, submission: Submission) -> Submitted:
        """Create the RayJob, and before it the job's RayCluster if it has none."""
        await self._check_secrets()
        cluster = await self._cluster_for(submission)
        body = build_ray_job(submission, self._target, cluster)
        try:
            created = await self._objects.create(RAY_JOB, body)
        except ConflictApiError:
            return await self._adopt(submission)
        self._children.put(Child.of(created))
        return Submitted.CREATED

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """The expected attempts and what the watch has shown besides; with none expected, all
        RayJobs that carry the job's uid, asked of the API server."""
        if expected:
            found = [await self._look(name) for name in expected]
            others = self._children.owned_by(job.uid, RAY_JOB)
            found += [child for child in others if child.name not in expected]
        else:
            found = list(await self._objects.list_of(RAY_JOB, job.uid))
        attempts = [await self._attempt(child, job) for child in found if child is not None]
        seen = {child.name for child in found if child is not None}
        stopped = [self._stopped(name) for name in expected if name not in seen]
        return tuple(attempt for attempt in (*attempts, *stopped) if attempt is not None)

    async def stop(self, name: str) -> None:
        """Delete the RayJob, by which KubeRay stops the Ray job and its own cluster."""
        child = self._children.get(RAY_JOB, self._target.namespace, name)
        broken = await self._faults.broken(child) if child is not None else None
        self._children.note_stopped(self._target.namespace, name, broken)
        await self._objects.delete(RAY_JOB, name)

    async def delete(self, name: str) -> None:
        """Delete the ended RayJob."""
        await self._objects.delete(RAY_JOB, name)

    # -- clusters

    def clusters(self, job: JobRef) -> tuple[str, ...]:
        """The job's RayClusters, as the watch last showed them."""
        return tuple(
            child.name
            for child in self._children.owned_by(job.uid, RAY_CLUSTER)
            if not child.deleting and child.is_of(job.installation, job.uid)
        )

    async def release(self, name: str) -> None:
        """Delete the RayCluster."""
        await self._objects.delete(RAY_CLUSTER, name)

    async def _cluster_for(self, submission: Submission) -> str | None:
        """The RayCluster that the attempt runs on; None: one of its own, which KubeRay makes."""
        if self._target.selector is not None:
            await self._check_selected(self._target.selector)
            return self._target.selector
        if self._target.cluster is None or self._target.cluster.scope == "Stage":
            return None
        job = submission.job
        found = await self._clusters_of(job)
        wanted = template_digest(self._target)
        usable = sorted(c.name for c in found if not c.deleting and c.template == wanted)
        for child in found:
            # No attempt of the job runs now, so nobody is on it.
            if not child.deleting and child.name not in usable[-1:]:
                await self.release(child.name)
        if usable:
            return usable[-1]
        known = [child.name for child in found] + [submission.cluster or ""]
        name = cluster_name(job, 1 + max(_incarnation(name) for name in known))
        body = build_ray_cluster(name, job, self._target)
        try:
            self._children.put(Child.of(await self._objects.create(RAY_CLUSTER, body)))
        except ConflictApiError as error:
            raise BackendError(
                Reason.NAME_CONFLICT, f"RayCluster {name} exists and is not this job's: {error}"
            ) from error
        return name

    async def _clusters_of(self, job: JobRef) -> list[Child]:
        """The job's RayClusters, asked of the API server.

        Where the watch has shown one, which is the rule, that one is asked for: a list by label
        makes the server go through all RayClusters of the namespace.
        """
        known = self._children.owned_by(job.uid, RAY_CLUSTER)
        body = await self._objects.get(RAY_CLUSTER, known[0].name) if len(known) == 1 else None
        if body is not None:
            listed = [Child.of(body)]
        else:
            listed = await self._objects.list_of(RAY_CLUSTER, job.uid)
        # KubeRay copies a RayJob's labels to the cluster that it makes for it alone; such a
        # cluster belongs to its RayJob.
        return [child for child in listed if child.is_of(job.installation, job.uid)]

    async def _check_selected(self, name: str) -> None:
        cluster = await self._objects.get(RAY_CLUSTER, name)
        if cluster is None:
            raise BackendError(
                Reason.RAY_CLUSTER_NOT_FOUND,
                f"spec.compute.ray.selector.name: no RayCluster {name!r} in namespace "
                f"{self._target.namespace!r}. Create it, or name another.",
            )
        spec = cluster.get("spec") or {}
        mode = (spec.get("authOptions") or {}).get("mode")
        if mode != "token" and _wants_token(spec):
            raise BackendError(
                Reason.RAY_AUTH_UNSUPPORTED,
                f"spec.compute.ray.selector.name: RayCluster {name!r} asks for a token that "
                "KubeRay does not know. Set its spec.authOptions.mode to token in place of "
                "RAY_AUTH_MODE.",
            )

    # -- looking

    async def _look(self, name: str) -> Child | None:
        known = self._children.get(RAY_JOB, self._target.namespace, name)
        if known is not None:
            return known
        body = await self._objects.get(RAY_JOB, name)
        if body is None:
            return None
        child = Child.of(body)
        self._children.put(child)
        return child

    async def _attempt(self, child: Child, job: JobRef) -> Attempt | None:
        parsed = parse_step_name(child.name)
        if parsed is None:
            return None
        ours = child.is_of(job.installation, job.uid)
        state = state_of(child)
        ending = Ending(None, None, child.message)
        if state is AttemptState.FAILED:
            ending = await self._faults.ending(child)
        is_waiting = ours and state is AttemptState.PENDING
        return Attempt(
            name=child.name,
            step=parsed[0],
            attempt=parsed[1],
            state=state,
            ours=ours,
            failure=ending.failure,
            reason=ending.reason,
            message=ending.message,
            started=child.started,
            # Failed ones stay for people to look at.
            is_child=state is AttemptState.FAILED,
            waits=await self._faults.waits(child) if is_waiting else None,
            broken=await self._faults.broken(child) if ours else None,
            cluster=child.cluster if child.selects and self._target.selector is None else None,
        )

    def _stopped(self, name: str) -> Attempt | None:
        """A RayJob that is gone because this process stopped it."""
        parsed = parse_step_name(name)
        if parsed is None or not self._children.was_stopped(self._target.namespace, name):
            return None
        step, attempt = parsed
        broken = self._children.why_broken(self._target.namespace, name)
        if broken is None:
            return Attempt(name=name, step=step, attempt=attempt, state=AttemptState.STOPPED)
        return Attempt(
            name=name,
            step=step,
            attempt=attempt,
            state=AttemptState.FAILED,
            failure=class_of(broken),
            reason=broken.reason,
            message=broken.message,
        )

    async def _adopt(self, submission: Submission) -> Submitted:
        body = await self._objects.get(RAY_JOB, submission.name)
        if body is None:
            raise BackendError(
                Reason.RAY_UNREACHABLE,
                f"RayJob {submission.name} exists and does not; trying again.",
            )
        child = Child.of(body)
        self._children.put(child)
        ours = child.is_of(submission.job.installation, submission.job.uid)
        return Submitted.ADOPTED if ours else Submitted.CONFLICT

    # -- requests

    async def _check_secrets(self) -> None:
        """Secrets that become variables must be meant for it."""
        if self._target.cluster is None:
            return
        for entry in self._target.cluster.template.env_from:
            secret = await self._read_secret(self._target.namespace, entry.secret_name)
            field = f"spec.compute.ray.cluster.template.envFrom: Secret {entry.secret_name!r}"
            if secret is None:
                raise ConfigurationError(
                    Reason.SECRET_NOT_FOUND,
                    f"{field} does not exist in namespace {self._target.namespace!r}, or the "
                    "operator may not get it there. Create it, or bind the operator's Secret role.",
                )
            if (problem := use_problem(secret.labels, "env")) is not None:
                raise ConfigurationError(Reason.SECRET_NOT_ALLOWED, f"{field} {problem}")


def _incarnation(name: str) -> int:
    match = _INCARNATION.search(name)
    return int(match[1]) if match else 0


def _wants_token(spec: Mapping[str, Any]) -> bool:
    """Whether the head's pod asks for a token by its environment."""
    template = (spec.get("headGroupSpec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    return any(
        entry.get("name") == "RAY_AUTH_MODE" and entry.get("value") == "token"
        for container in containers
        for entry in container.get("env") or ()
    )
