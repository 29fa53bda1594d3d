"""The age of a watch counts from its beginning; only what it delivers makes it new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from kubernetes.aio.client.configuration import Configuration

from surelabel_operator import watch
from surelabel_operator.cache import JobEntry
from surelabel_operator.children import Child
from surelabel_operator.kube_api import KubeApi

Watching = Callable[..., Awaitable[None]]


class Heard:
    """A listener for both watches that notes which of them are alive."""

    def __init__(self) -> None:
        self.alive: list[str] = []

    def watch_alive(self, resource: str) -> None:
        self.alive.append(resource)

    def job_seen(self, entry: JobEntry) -> None: ...
    def job_deleted(self, entry: JobEntry) -> None: ...
    def team_seen(self, namespace: str, name: str) -> None: ...
    def child_seen(self, child: Child) -> None: ...
    def child_gone(self, child: Child) -> None: ...


class Scene:
    """A Kopf whose runs break off and an API server, neither of which says anything of interest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *served: str) -> None:
        self.heard = Heard()
        self._served = served
        self._steps = 0
        self._third = asyncio.Event()
        monkeypatch.setattr(watch, "_watch_once", self._run)
        monkeypatch.setattr(watch, "AGAIN_SECONDS", 0)
        monkeypatch.setattr(watch, "LOOK_SECONDS", 0)

    async def request(self, *_: object) -> dict[str, Any]:
        """What the API server serves."""
        if not self._served:
            self._step()
        return {"resources": [{"name": name} for name in self._served]}

    async def _run(self, *_: object) -> None:
        self._step()

    def _step(self) -> None:
        self._steps += 1
        if self._steps == 3:
            self._third.set()

    async def play(self, watching: Watching) -> list[str]:
        """What was told alive until the third run, or the third look for what is not served."""
        api = cast(KubeApi, self)
        task = asyncio.create_task(watching(self.heard, api, Configuration(), ()))
        await asyncio.wait_for(self._third.wait(), 10)
        task.cancel()
        return self.heard.alive


async def test_the_age_of_the_jobs_watch_counts_from_its_beginning_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, "labelingjobs", "workteams")
    assert await scene.play(watch.watch_jobs) == ["labelingjobs", "workteams"]


async def test_the_age_of_the_childrens_watch_counts_from_kube_rays_coming_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, "rayjobs", "rayclusters")
    assert await scene.play(watch.watch_children) == ["rayjobs", "rayclusters"]


async def test_without_kube_ray_there_is_no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Scene(monkeypatch).play(watch.watch_children) == []
