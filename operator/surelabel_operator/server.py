"""/healthz, /readyz and /metrics on a port of their own; nothing here changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aiohttp import web

Check = Callable[[], str | None]
"""None if all is well, else what is wrong, in one line."""

# How /readyz of an operator begins that is ready and waits for the Lease.
STANDBY = "standby: "


class ProbeServer:
    """Answers the probes from two checks and the metrics from ``render``.

    ``standby``: whom this process waits for though it is ready, in one line; None: it works.
    """

    def __init__(
        self,
        healthy: Check,
        ready: Check,
        render: Callable[[], AsyncIterator[bytes]],
        standby: Check = lambda: None,
    ) -> None:
        self._healthy = healthy
        self._ready = ready
        self._standby = standby
        self._render = render
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; ``port`` tells which one where 0 was asked for."""
        app = web.Application()
        app.router.add_get("/healthz", self._answer_health)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer_health(self, _request: web.Request) -> web.Response:
        return _answer(self._healthy())

    async def _answer_ready(self, _request: web.Request) -> web.Response:
        problem, waits = self._ready(), self._standby()
        if problem is None and waits is not None:
            return web.Response(text=f"{STANDBY}{waits}\n")
        return _answer(problem)

    async def _answer_metrics(self, request: web.Request) -> web.StreamResponse:
        # In pieces: thousands of jobs have megabytes of series.
        answer = web.StreamResponse(
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )
        await answer.prepare(request)
        async for piece in self._render():
            await answer.write(piece)
        await answer.write_eof()
        return answer


def _answer(problem: str | None) -> web.Response:
    return web.Response(
        status=200 if problem is None else 503,
        text="ok\n" if problem is None else problem + "\n",
    )
