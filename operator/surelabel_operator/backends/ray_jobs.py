"""Ray's Jobs REST API: one method a request, with limits on time and size, without redirects.

It decides nothing and remembers nothing. Ray's own SDK is not used: it is synchronous, without
timeouts, and brings all of Ray.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import aiohttp
import msgspec

from surelabel_operator.calls import external_call
from surelabel_operator.logging import SecretText

JobState = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]

ENDED: frozenset[str] = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})
_ANSWER_MAX_BYTES = 16 * 2**20
_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)
_MESSAGE_MAX = 1_024


class RayError(Exception):
    """Ray could not be asked, or refused; ``reason`` is the condition's."""

    reason = "RayUnreachable"


class RayUnreachableError(RayError):
    """No answer, a server error, or an answer beyond the limits."""


class RayUnauthorizedError(RayError):
    """401 or 403: the token is missing or wrong."""

    reason = "RayUnauthorized"


class RayExistsError(RayError):
    """The submission id is in use already."""

    reason = "NameConflict"


class RayRefusedError(RayError):
    """Ray understood the request and refuses it for good (400)."""

    reason = "RayRefused"


class _Answer(msgspec.Struct, frozen=True):
    """What is read of Ray's JobDetails; whoever runs the Ray cluster may send anything."""

    submission_id: str | None = None
    status: str | None = None
    metadata: dict[str, str] | None = None
    message: str | None = None
    error_type: str | None = None
    driver_exit_code: int | None = None
    start_time: int | None = None


@dataclass(frozen=True, slots=True)
class RayJob:
    """One job as Ray tells of it."""

    submission_id: str
    state: str
    metadata: Mapping[str, str]
    message: str
    error_type: str
    exit_code: int | None
    started_ms: int

    @classmethod
    def of(cls, answer: object) -> RayJob:
        """The job in an answer of Ray; RayUnreachableError if it is none."""
        try:
            found = msgspec.convert(answer, _Answer)
        except msgspec.ValidationError as error:
            raise RayUnreachableError(f"Ray's answer is not a job: {error}") from error
        return cls(
            submission_id=found.submission_id or "",
            state=found.status or "PENDING",
            metadata=found.metadata or {},
            # The failure's message ends in the log's last lines, which tell most.
            message=(found.message or "")[-_MESSAGE_MAX:],
            error_type=found.error_type or "",
            exit_code=found.driver_exit_code,
            started_ms=found.start_time or 0,
        )

    @property
    def has_ended(self) -> bool:
        """It will not run any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class JobDraft:
    """What a job is started with."""

    submission_id: str
    entrypoint: str
    metadata: Mapping[str, str]
    env: Mapping[str, str]
    num_cpus: float = 0
    num_gpus: float = 0
    memory_bytes: int = 0

    def to_body(self) -> dict[str, Any]:
        """The request's JSON; what is zero is left out, which pins the driver to the head."""
        resources = {
            "entrypoint_num_cpus": self.num_cpus,
            "entrypoint_num_gpus": self.num_gpus,
            "entrypoint_memory": self.memory_bytes,
        }
        return {
            "entrypoint": self.entrypoint,
            "submission_id": self.submission_id,
            "metadata": dict(self.metadata),
            "runtime_env": {"env_vars": dict(self.env)},
            **{name: value for name, value in resources.items() if value},
        }


class TokenSource(Protocol):
    """Finds the token of a Ray cluster when a request needs it."""

    async def __call__(self) -> SecretText | None:
        """The token; None: the cluster needs none."""


class RayJobs:
    """The Jobs API below one URL; a token goes to this origin only."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: TokenSource | None = None
    ) -> None:
        self._session = session
        self.url = url.rstrip("/")
        self._token = token

    async def submit(self, draft: JobDraft) -> None:
        """Start a job; RayExistsError if its id is in use."""
        await self._request("submit", "POST", "/api/jobs/", draft.to_body())

    async def get(self, submission_id: str) -> RayJob | None:
        """The job; None if Ray does not know it."""
        answer = await self._request("get", "GET", f"/api/jobs/{submission_id}")
        return None if answer is None else RayJob.of(answer)

    async def list(self) -> list[RayJob]:
        """All jobs that were submitted; Ray neither pages nor prunes this."""
        answer = await self._request("list", "GET", "/api/jobs/")
        if not isinstance(answer, list):
            raise RayUnreachableError(f"GET {self.url}/api/jobs/: the answer is not a list of jobs")
        jobs = [RayJob.of(entry) for entry in answer]
        # Drivers that connected themselves have no submission id.
        return [job for job in jobs if job.submission_id]

    async def stop(self, submission_id: str) -> None:
        """Stop the job; nothing happens if it has ended or is not known."""
        await self._request("stop", "POST", f"/api/jobs/{submission_id}/stop")

    async def delete(self, submission_id: str) -> None:
        """Let Ray forget an ended job; nothing happens if it is not known."""
        await self._request("delete", "DELETE", f"/api/jobs/{submission_id}")

    async def _request(self, operation: str, method: str, path: str, body: Any = None) -> Any:
        headers = {}
        token = await self._token() if self._token is not None else None
        if token is not None:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        url = self.url + path
        try:
            async with (
                external_call("ray", operation, url) as call,
                self._session.request(
                    method,
                    url,
                    json=body,
                    headers=headers,
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                ) as response,
            ):
                data = await _read_limited(response)
                call.code = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RayUnreachableError(
                f"{method} {url}: {type(error).__name__}: {error}".rstrip(": ")
            ) from error
        return _answer(method, url, response.status, data)


async def _read_limited(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _ANSWER_MAX_BYTES:
            response.close()
            raise aiohttp.ClientPayloadError(f"the answer has more than {_ANSWER_MAX_BYTES} bytes")
    return bytes(data)


def _answer(method: str, url: str, status: int, data: bytes) -> Any:
    if status < 300:
        try:
            return json.loads(data) if data else {}
        except ValueError as error:
            raise RayUnreachableError(f"{method} {url}: the answer is no JSON") from error
    text = data.decode(errors="replace")
    # Of Ray's answers only the last line of a traceback says something.
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")[:300]
    if status == 404:
        return None
    if status in (401, 403):
        raise RayUnauthorizedError(f"{method} {url}: {status}. Check the cluster's token.")
    if status < 400:
        raise RayUnreachableError(f"{method} {url}: {status}; redirects are not followed.")
    if "already exists" in text:
        raise RayExistsError(last)
    if status == 400:
        raise RayRefusedError(f"{method} {url}: 400 {last}")
    raise RayUnreachableError(f"{method} {url}: {status} {last}")
