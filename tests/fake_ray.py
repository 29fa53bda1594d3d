"""Ray's Jobs API as far as the operator uses it, with faults on demand."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web


class FakeRay:
    """Answers as Ray 2.60 does; ``requests`` is a list of (method, path)."""

    def __init__(self, token: str | None = None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.token = token
        # Answers with this instead, if set.
        self.fault: web.Response | None = None
        self.list_seconds = 0.0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeRay:
        app = web.Application(middlewares=[self._gate])
        app.router.add_post("/api/jobs/", self._submit)
        app.router.add_get("/api/jobs/", self._list)
        app.router.add_get("/api/jobs/{name}", self._get)
        app.router.add_post("/api/jobs/{name}/stop", self._stop)
        app.router.add_delete("/api/jobs/{name}", self._delete)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def end(self, name: str, status: str = "SUCCEEDED", **fields: Any) -> None:
        """Let a job end."""
        self.jobs[name] |= {"status": status, **fields}

    def count(self, method: str, path: str = "") -> int:
        """Requests of this method whose path begins so."""
        return sum(m == method and p.startswith(path) for m, p in self.requests)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        if self.fault is not None:
            fault, body = self.fault, self.fault.body
            return web.Response(status=fault.status, body=body, headers=fault.headers)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized")
        return await handler(request)

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body["submission_id"]
        if name in self.jobs:
            text = f"Traceback ...\nValueError: Job with submission_id {name} already exists."
            return web.Response(status=400, text=text)
        self.jobs[name] = {
            "submission_id": name,
            "status": "RUNNING",
            "entrypoint": body["entrypoint"],
            "metadata": body["metadata"],
            "runtime_env": body["runtime_env"],
            "start_time": 1_700_000_000_000,
        }
        return web.json_response({"submission_id": name, "job_id": name})

    async def _list(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(self.list_seconds)
        return web.json_response(list(self.jobs.values()))

    async def _get(self, request: web.Request) -> web.Response:
        found = self.jobs.get(request.match_info["name"])
        return web.json_response(found) if found else web.Response(status=404, text="not found")

    async def _stop(self, request: web.Request) -> web.Response:
        found = self.jobs.get(request.match_info["name"])
        if found is None:
            return web.Response(status=404)
        stopped = found["status"] in ("PENDING", "RUNNING")
        if stopped:
            found["status"] = "STOPPED"
        return web.json_response({"stopped": stopped})

    async def _delete(self, request: web.Request) -> web.Response:
        self.jobs.pop(request.match_info["name"], None)
        return web.json_response({"deleted": True})
