"""Finds a job's Ray cluster: one ``RayCluster`` object per URL and token, made on first use."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

import aiohttp

from surelabel_operator.backends.ray_cluster import JobChanged, RayCluster
from surelabel_operator.backends.ray_jobs import RayJobs, RayUnauthorizedError
from surelabel_operator.logging import SecretText
from surelabel_operator.trust import RayTarget

_TOKEN_SECONDS = 60.0

ReadToken = Callable[[str], Awaitable[SecretText | None]]
"""Reads the token from a Secret of the operator's namespace, by its name."""


class RayClusters:
    """All Ray clusters in use; they share one session, never a token."""

    def __init__(self, read_token: ReadToken, changed: JobChanged, python: str = "python") -> None:
        self._read_token = read_token
        self._changed = changed
        self._python = python
        self._session: aiohttp.ClientSession | None = None
        self._clusters: dict[tuple[str, str | None], RayCluster] = {}

    def of(self, target: RayTarget) -> RayCluster:
        """The cluster of the target."""
        key = (target.url, target.token_secret)
        cluster = self._clusters.get(key)
        if cluster is None:
            token = _Token(self._read_token, target.token_secret) if target.token_secret else None
            jobs = RayJobs(self._open(), target.url, token)
            cluster = self._clusters[key] = RayCluster(jobs, self._changed, self._python)
        return cluster

    def __iter__(self) -> Iterator[RayCluster]:
        return iter(list(self._clusters.values()))

    async def close(self) -> None:
        """Stop all watches and close the connections."""
        for cluster in self:
            await cluster.close()
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No proxy from the environment and no cookies: a token goes to its cluster alone.
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session


class _Token:
    """A token, read again after a minute, so that a changed Secret is seen."""

    def __init__(self, read: ReadToken, name: str) -> None:
        self._read = read
        self._name = name
        self._known: SecretText | None = None
        self._read_at = -_TOKEN_SECONDS

    async def __call__(self) -> SecretText:
        if self._known is None or time.monotonic() - self._read_at > _TOKEN_SECONDS:
            self._known = await self._read(self._name)
            self._read_at = time.monotonic()
        if self._known is None:
            raise RayUnauthorizedError(
                f"the operator's namespace has no Secret {self._name!r} with the key 'token'."
            )
        return self._known
