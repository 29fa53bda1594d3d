"""The Lease: its uid is the installation, its holder the one process that acts.

Correctness does not rest on it (status patches have preconditions, commits are created once); it
keeps two replicas from doing the same work and two releases from sharing a namespace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from surelabel_operator.kube_api import ApiError, ConflictApiError, KubeApi, NotFoundApiError

LOG = logging.getLogger(__name__)

State = Literal["unknown", "held", "standby", "foreign"]


@dataclass(frozen=True)
class LeaseTimes:
    """client-go's defaults: seconds until others may take it, we give up, we try again."""

    duration: float = 15
    renew_deadline: float = 10
    retry: float = 2


class Lease:
    """Holds or waits for the Lease ``name`` in ``namespace``.

    The holder identity is ``<release>/<identity>``; a holder of another release makes this
    process ``foreign``, which is not ready, one of ours ``standby``, which is.
    """

    def __init__(
        self,
        api: KubeApi,
        *,
        namespace: str,
        name: str,
        release: str,
        identity: str,
        times: LeaseTimes | None = None,
        on_change: Callable[[bool], None] = lambda _held: None,
    ) -> None:
        self._api = api
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._name = name
        self._release = release
        self._holder = f"{release}/{identity}"
        self._times = times or LeaseTimes()
        self._on_change = on_change
        self._seen_version = ""
        self._seen_at = 0.0
        self._renewed_at = 0.0
        self._other = ""
        self.state: State = "unknown"
        self.installation = ""
        self.held = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Why this process is not ready, if it is not."""
        if self.state == "foreign":
            return (
                f"Lease {self._namespace}/{self._name} is held by {self._other!r} of another "
                f"release; this one is {self._release!r}. Install one release per namespace."
            )
        return "the Lease could not be read yet" if self.state == "unknown" else None

    @property
    def standby(self) -> str | None:
        """Whom this process waits for, if it is ready and does."""
        if self.state != "standby":
            return None
        held = f" is held by {self._other!r}" if self._other else " was lost, and is asked for"
        return f"Lease {self._namespace}/{self._name}{held}."

    async def run(self) -> None:
        """Acquire, renew and acquire again, until cancelled; then release."""
        try:
            while True:
                await self._turn()
                await asyncio.sleep(self._times.retry)
        finally:
            if self.held.is_set():
                self._set("standby")
                await asyncio.shield(self._release_quietly())

    async def _turn(self) -> None:
        try:
            # Not wait_for, which in Python 3.11 can swallow a cancellation.
            async with asyncio.timeout(self._times.renew_deadline):
                await self._try()
        except ConflictApiError:
            # Somebody else was faster; the next turn sees who.
            return
        except (ApiError, TimeoutError) as error:
            LOG.warning("the Lease could not be renewed: %s", error)
            late = self._now() - self._renewed_at
            if self.held.is_set() and late > self._times.renew_deadline:
                self._set("standby")

    async def _try(self) -> None:
        try:
            lease = await self._api.request(
                "get", "leases", f"{self._path}/{self._name}", retry=False
            )
        except NotFoundApiError:
            await self._create()
            return
        spec = lease.get("spec") or {}
        self.installation = lease["metadata"]["uid"]
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            # Ages are measured on our clock from when we saw the change; clocks may differ.
            self._seen_version, self._seen_at = version, self._now()
        holder = spec.get("holderIdentity") or ""
        duration = float(spec.get("leaseDurationSeconds") or self._times.duration)
        free = not holder or holder == self._holder
        if not free and self._now() - self._seen_at < duration:
            self._other = holder
            self._set("standby" if holder.startswith(f"{self._release}/") else "foreign")
            return
        await self._take(lease, holder)

    async def _create(self) -> None:
        lease = await self._api.request(
            "create",
            "leases",
            self._path,
            body={
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": self._spec(self._holder, {}, ""),
            },
            retry=False,
        )
        self._renewed(lease)

    async def _take(self, lease: dict[str, Any], holder: str) -> None:
        lease["spec"] = self._spec(self._holder, lease.get("spec") or {}, holder)
        # An update with the resourceVersion read: of two takers one gets 409.
        lease = await self._api.request(
            "update", "leases", f"{self._path}/{self._name}", body=lease, retry=False
        )
        self._renewed(lease)

    def _renewed(self, lease: dict[str, Any]) -> None:
        self._other = ""
        self.installation = lease["metadata"]["uid"]
        self._seen_version = lease["metadata"]["resourceVersion"]
        self._renewed_at = self._seen_at = self._now()
        self._set("held")

    async def _release_quietly(self) -> None:
        try:
            lease = await self._api.request("get", "leases", f"{self._path}/{self._name}")
            if (lease.get("spec") or {}).get("holderIdentity") != self._holder:
                return
            lease["spec"]["holderIdentity"] = ""
            await self._api.request("update", "leases", f"{self._path}/{self._name}", body=lease)
        except ApiError as error:
            LOG.warning("the Lease could not be released: %s", error)

    def _spec(self, holder: str, before: dict[str, Any], last: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        changed = last != holder
        transitions = int(before.get("leaseTransitions") or 0)
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(self._times.duration),
            "acquireTime": now if changed else before.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": transitions + 1 if last and changed else transitions,
        }

    def _set(self, state: State) -> None:
        if state == self.state:
            return
        was_held = self.held.is_set()
        LOG.info("Lease %s/%s: %s", self._namespace, self._name, state)
        self.state = state
        if state == "held":
            self.held.set()
        else:
            self.held.clear()
        if was_held != self.held.is_set():
            self._on_change(not was_held)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
