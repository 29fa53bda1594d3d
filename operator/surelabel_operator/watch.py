"""Kopf's watch as a task that survives what Kopf itself gives up on.

It only delivers; what is done with it is the listener's.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration

from surelabel_operator.cache import JobEntry
from surelabel_operator.children import Child
from surelabel_operator.handlers import (
    ChildListener,
    Listener,
    build_child_registry,
    build_registry,
    build_settings,
)
from surelabel_operator.kube_api import ApiError, ApiUnavailableError, KubeApi, NotFoundApiError
from surelabel_operator.manifests import RAY_API_VERSION
from surelabel_operator.resources import API_VERSION

LOG = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
# KubeRay may be installed later than the operator.
LOOK_SECONDS = 30.0
_END_SECONDS = 5.0
_KINDS = ("labelingjobs", "workteams")
_CHILD_KINDS = ("rayjobs", "rayclusters")

Build = Callable[["_Relay"], kopf.OperatorRegistry]


class StartError(Exception):
    """The operator cannot work; the message says what has to be done."""


async def watch_jobs(
    listener: Listener, api: KubeApi, configuration: Configuration, namespaces: tuple[str, ...]
) -> None:
    """LabelingJobs and WorkTeams of the namespaces (none: of all), until cancelled.

    Also across an API server that is away for long; StartError where the CRDs are gone.
    """
    relay = _Relay(asyncio.get_running_loop(), jobs=listener)
    _begin(listener, _KINDS)
    while True:
        await _watch_once(relay, lambda relay: build_registry(relay, configuration), namespaces)
        await asyncio.sleep(AGAIN_SECONDS)
        with suppress(ApiUnavailableError):
            await check_resources(api)


async def watch_children(
    listener: ChildListener,
    api: KubeApi,
    configuration: Configuration,
    namespaces: tuple[str, ...],
) -> None:
    """RayJobs and RayClusters, from the time on at which they are served, until cancelled.

    A watch of its own: one that may not see them must not end that of the LabelingJobs.
    """
    relay = _Relay(asyncio.get_running_loop(), children=listener)
    begun = False
    while True:
        if await _has_kube_ray(api):
            if not begun:
                _begin(listener, _CHILD_KINDS)
            begun = True
            await _watch_once(
                relay, lambda relay: build_child_registry(relay, configuration), namespaces
            )
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            await asyncio.sleep(LOOK_SECONDS)


def _begin(listener: Listener | ChildListener, resources: tuple[str, ...]) -> None:
    """From now on silence counts: a watch that never delivers anything has an age, too."""
    for resource in resources:
        listener.watch_alive(resource)


async def _has_kube_ray(api: KubeApi) -> bool:
    try:
        missing = await _missing(api, RAY_API_VERSION, _CHILD_KINDS)
    except ApiError as error:
        LOG.info("KubeRay cannot be looked for: %s", error)
        return False
    return not missing


async def _watch_once(relay: _Relay, build: Build, namespaces: tuple[str, ...]) -> None:
    """One run of Kopf, in a thread and an event loop of its own: when it ends, it cancels every
    task of its loop that is younger than itself, which would be ours."""
    thread = _KopfThread(lambda: build(relay), namespaces)
    try:
        await thread.run()
    except Exception as error:  # noqa: BLE001 - Kopf's errors have no common base.
        LOG.warning("the watch broke off: %s: %s", type(error).__name__, error)


class _KopfThread:
    """One run of Kopf."""

    def __init__(
        self, build: Callable[[], kopf.OperatorRegistry], namespaces: tuple[str, ...]
    ) -> None:
        self._home = asyncio.get_running_loop()
        self._build = build
        self._namespaces = namespaces
        self._stop = threading.Event()
        self._ended: asyncio.Future[None] = self._home.create_future()

    async def run(self) -> None:
        """Until Kopf ends, with its error; cancelled, it is told to end and waited for."""
        threading.Thread(target=self._work, name="kopf", daemon=True).start()
        try:
            await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait([self._ended], timeout=_END_SECONDS)
            raise

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._serve())
        except BaseException as caught:  # noqa: BLE001 - raised again where it is waited for.
            error = caught
        # The home loop may be closed by now: nobody waits any more.
        with suppress(RuntimeError):
            self._home.call_soon_threadsafe(self._tell, error)

    async def _serve(self) -> None:
        try:
            await kopf.operator(
                registry=self._build(),
                settings=build_settings(),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=self._stop,
            )
        finally:
            # A thread of Kopf's waits for the flag, and this loop's end for that thread.
            self._stop.set()

    def _tell(self, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))


class _Relay:
    """Hands on to listeners in another event loop what Kopf's thread sees."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        jobs: Listener | None = None,
        children: ChildListener | None = None,
    ) -> None:
        self._loop = loop
        self._jobs = jobs
        self._children = children

    def job_seen(self, entry: JobEntry) -> None:
        if self._jobs is not None:
            self._call(self._jobs.job_seen, entry)

    def job_deleted(self, entry: JobEntry) -> None:
        if self._jobs is not None:
            self._call(self._jobs.job_deleted, entry)

    def team_seen(self, namespace: str, name: str) -> None:
        if self._jobs is not None:
            self._call(self._jobs.team_seen, namespace, name)

    def child_seen(self, child: Child) -> None:
        if self._children is not None:
            self._call(self._children.child_seen, child)

    def child_gone(self, child: Child) -> None:
        if self._children is not None:
            self._call(self._children.child_gone, child)

    def watch_alive(self, resource: str) -> None:
        listener = self._jobs or self._children
        if listener is not None:
            self._call(listener.watch_alive, resource)

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(method, *arguments)


async def check_at_start(api: KubeApi) -> None:
    """StartError unless the API server answers and serves our kinds."""
    try:
        await check_resources(api)
    except ApiError as error:
        raise StartError(f"the API server cannot be asked: {error}") from error


async def check_resources(api: KubeApi) -> None:
    """With no CRD there is nothing to watch, and Kopf would never notice one that comes."""
    missing = await _missing(api, API_VERSION, _KINDS)
    if missing:
        raise StartError(
            f"the API server does not serve {', '.join(missing)} of {API_VERSION}. "
            "Apply the CRDs (kubectl apply -f crds/) and start the operator again."
        )


async def _missing(api: KubeApi, version: str, kinds: tuple[str, ...]) -> list[str]:
    """Which of the kinds the API server does not serve."""
    try:
        found: dict[str, Any] = await api.request("get", "apis", f"/apis/{version}")
    except NotFoundApiError:
        found = {}
    served = {resource["name"] for resource in found.get("resources", ())}
    return [kind for kind in kinds if kind not in served]
