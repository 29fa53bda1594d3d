"""Requests to the Kubernetes API by path, with timeouts, retries and errors that tell them apart.

Only ``kubernetes.aio``'s transport and credentials are used: its generated models would be most
of the operator's memory. 429, 5xx and broken connections are tried again; 403 and 404 fail at
once, since a mistake in RBAC must not look like slowness.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as _config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from surelabel_operator.calls import external_call

# Untyped: of the library only the transport and the credentials are used.
config: Any = _config
MERGE_PATCH = "application/merge-patch+json"
_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
_BACKOFF_SECONDS = (0.1, 0.4, 1.2)
_RETRY_AFTER_MAX_SECONDS = 5.0
_RETRIED = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """The API server refused; ``status`` is HTTP's, ``reason`` Kubernetes' word for it."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after_seconds: float = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class NotFoundApiError(ApiError):
    """404: no such object, or no such resource."""


class ConflictApiError(ApiError):
    """409: the object has changed, or exists already."""


class ForbiddenApiError(ApiError):
    """401 or 403: the operator's Role or credentials do not allow it."""


class ApiUnavailableError(ApiError):
    """No answer, 429 or 5xx, also after several tries."""


_ERRORS: dict[int, type[ApiError]] = {
    401: ForbiddenApiError,
    403: ForbiddenApiError,
    404: NotFoundApiError,
    409: ConflictApiError,
}


async def load_configuration(kubeconfig: Path | None) -> Configuration:
    """Credentials from this file, else $KUBECONFIG, else the pod's ServiceAccount, else ~/.kube."""
    # The constructor hands out a shared default unless called like this.
    configuration: Configuration = type.__call__(Configuration)
    named = str(kubeconfig) if kubeconfig is not None else os.environ.get("KUBECONFIG")
    if not named:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            named = config.KUBE_CONFIG_DEFAULT_LOCATION
    if named:
        await config.load_kube_config(
            config_file=named, client_configuration=configuration, persist_config=False
        )
    configuration.connection_pool_maxsize = 32
    return configuration


class KubeApi:
    """One connection pool to one API server."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._client: Any = ApiClient(configuration)
        self._skew_seconds = 0.0

    @property
    def skew_seconds(self) -> float:
        """The API server's clock minus ours, by the Date header of the last answer."""
        return self._skew_seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def request(
        self,
        verb: str,
        resource: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        retry: bool = True,
    ) -> Any:
        """The answer's JSON; an ApiError tells why there is none.

        ``resource`` is the plural (with subresource) for the metrics; ``path`` is never a label.
        """
        method = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT"}.get(
            verb, verb.upper()
        )
        url = self.configuration.host.rstrip("/") + path
        if query:
            url += "?" + urlencode(query)
        delays = iter(_BACKOFF_SECONDS if retry else ())
        while True:
            try:
                return await self._once(f"{verb} {resource}", method, url, body, content_type)
            except ApiUnavailableError as error:
                delay = next(delays, None)
                if delay is None:
                    raise
                wait = max(delay, min(_RETRY_AFTER_MAX_SECONDS, error.retry_after_seconds))
            await asyncio.sleep(wait)

    async def _once(
        self, operation: str, method: str, url: str, body: Any, content_type: str
    ) -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            await self._client.update_params_for_auth(
                headers, [], ["BearerToken"], None, method, body
            )
            async with external_call("kube", operation, url) as call:
                response = await self._client.call_api(
                    method, url, headers, body=body, _request_timeout=_TIMEOUT
                )
                data = await response.read()
                call.code = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnavailableError(
                0, "Unreachable", f"{method} {url}: {type(error).__name__}: {error}"
            ) from error
        self._note_date(response.headers.get("Date"))
        if response.status < 300:
            return json.loads(data) if data else None
        raise _error_of(response.status, method, url, data, response.headers.get("Retry-After"))

    def _note_date(self, text: str | None) -> None:
        if text:
            # The header has whole seconds: half a second is the mean of what it cuts off.
            difference = parsedate_to_datetime(text) - datetime.now(UTC)
            self._skew_seconds = difference.total_seconds() + 0.5


def _error_of(status: int, method: str, url: str, data: bytes, retry_after: str | None) -> ApiError:
    reason, message = "", data[:300].decode(errors="replace")
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        reason = str(answer.get("reason") or "")
        message = str(answer.get("message") or message)
    kind = _ERRORS.get(status, ApiUnavailableError if status in _RETRIED else ApiError)
    wait = float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0
    return kind(status, reason or str(status), f"{method} {url}: {status} {message[:800]}", wait)
