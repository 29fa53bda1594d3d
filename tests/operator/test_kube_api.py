"""Requests to an API server that refuses, stutters and vanishes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from surelabel_operator import kube_api
from surelabel_operator.kube_api import (
    ApiError,
    ApiUnavailableError,
    ConflictApiError,
    ForbiddenApiError,
    KubeApi,
    NotFoundApiError,
)


class Server:
    """Answers with the given statuses in turn, then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.seen: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        body: dict[str, Any] = {"kind": "Status", "reason": "Why", "message": "because"}
        return web.json_response(body, status=status, headers=self.headers)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, KubeApi]]:
    monkeypatch.setattr(kube_api, "_BACKOFF_SECONDS", (0.01, 0.01, 0.01))
    found = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = type.__call__(Configuration)
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    configuration.api_key["BearerToken"] = "Bearer canary"
    api = KubeApi(configuration)
    yield found, api
    await api.close()
    await runner.cleanup()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again(server: tuple[Server, KubeApi], status: int) -> None:
    found, api = server
    found.statuses = [status, status]
    assert await api.request("get", "things", "/things/a") is not None
    assert len(found.seen) == 3
    found.statuses = [status] * 9
    with pytest.raises(ApiUnavailableError) as caught:
        await api.request("get", "things", "/things/a")
    assert caught.value.status == status
    assert len(found.seen) == 3 + 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, ForbiddenApiError),
        (403, ForbiddenApiError),
        (404, NotFoundApiError),
        (409, ConflictApiError),
        (422, ApiError),
    ],
)
async def test_a_refusal_is_told_at_once(
    server: tuple[Server, KubeApi], status: int, kind: type[ApiError]
) -> None:
    found, api = server
    found.statuses = [status]
    with pytest.raises(kind, match="because") as caught:
        await api.request("patch", "things", "/things/a", body={})
    assert len(found.seen) == 1
    assert caught.value.reason == "Why"
    assert "canary" not in str(caught.value)


async def test_the_credentials_are_sent_and_the_path_is_kept(
    server: tuple[Server, KubeApi],
) -> None:
    found, api = server
    await api.request("list", "things", "/things", query={"limit": "5", "continue": "a b"})
    (request,) = found.seen
    assert request.headers["Authorization"] == "Bearer canary"
    assert (request.method, request.path_qs) == ("GET", "/things?limit=5&continue=a+b")


async def test_the_clock_is_compared_with_the_date_header(server: tuple[Server, KubeApi]) -> None:
    found, api = server
    await api.request("get", "things", "/things/a")
    assert abs(api.skew_seconds) < 3
    found.headers = {"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}
    await api.request("get", "things", "/things/a")
    assert api.skew_seconds < -3600


async def test_a_server_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "_BACKOFF_SECONDS", (0.01,))
    configuration = type.__call__(Configuration)
    configuration.host = "http://127.0.0.1:9"
    api = KubeApi(configuration)
    with pytest.raises(ApiUnavailableError, match=r"127\.0\.0\.1:9"):
        await api.request("get", "things", "/things/a")
    await api.close()
