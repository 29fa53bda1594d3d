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
from surelabel_operator.handlers import Listener, build_registry, build_settings
from surelabel_operator.kube_api import ApiError, ApiUnavailableError, KubeApi, NotFoundApiError
from surelabel_operator.resources import API_VERSION

LOG = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
_END_SECONDS = 5.0
_KINDS = ("labelingjobs", "workteams")


class StartError(Exception):
    """The operator cannot work; the message says what has to be done."""


class Watch:
    """LabelingJobs and WorkTeams of the namespaces (none: of all).

    Kopf runs in a thread and an event loop of its own: when it ends, it cancels every task of its
    loop that is younger than itself, which would be ours.
    """

    def __init__(
        self,
        listener: Listener,
        api: KubeApi,
        configuration: Configuration,
        namespaces: tuple[str, ...],
    ) -> None:
        self._listener = listener
        self._api = api
        self._configuration = configuration
        self._namespaces = namespaces

    async def run(self) -> None:
        """Watch until cancelled, also across an API server that is away for long."""
        while True:
            thread = _KopfThread(self._listener, self._configuration, self._namespaces)
            try:
                await thread.run()
            except Exception as error:  # noqa: BLE001 - Kopf's errors have no common base.
                LOG.warning("the watch broke off: %s: %s", type(error).__name__, error)
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(ApiUnavailableError):
                await check_resources(self._api)


class _KopfThread:
    """One run of Kopf."""

    def __init__(
        self, listener: Listener, configuration: Configuration, namespaces: tuple[str, ...]
    ) -> None:
        self._home = asyncio.get_running_loop()
        self._listener = _Relay(listener, self._home)
        self._configuration = configuration
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
                registry=build_registry(self._listener, self._configuration),
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
    """Hands on to a listener in another event loop what Kopf's thread sees."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop

    def job_seen(self, entry: JobEntry) -> None:
        self._call(self._listener.job_seen, entry)

    def job_deleted(self, entry: JobEntry) -> None:
        self._call(self._listener.job_deleted, entry)

    def team_seen(self, namespace: str, name: str) -> None:
        self._call(self._listener.team_seen, namespace, name)

    def watch_alive(self, resource: str) -> None:
        self._call(self._listener.watch_alive, resource)

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
    try:
        found: dict[str, Any] = await api.request("get", "apis", f"/apis/{API_VERSION}")
    except NotFoundApiError:
        found = {}
    served = {resource["name"] for resource in found.get("resources", ())}
    missing = [kind for kind in _KINDS if kind not in served]
    if missing:
        raise StartError(
            f"the API server does not serve {', '.join(missing)} of {API_VERSION}. "
            "Apply the CRDs (kubectl apply -f crds/) and start the operator again."
        )
