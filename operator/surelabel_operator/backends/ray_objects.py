"""KubeRay's objects of one namespace on the API server, and the pods that belong to them.

NotFound is an answer (None, or nothing to delete), a create that finds the name taken a
ConflictApiError; everything else is a BackendError that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from surelabel_operator.backends import BackendError
from surelabel_operator.children import PLURALS, Child
from surelabel_operator.kube_api import (
    ApiError,
    ConflictApiError,
    ForbiddenApiError,
    KubeApi,
    NotFoundApiError,
)
from surelabel_operator.manifests import RAY_API_VERSION, UID_LABEL
from surelabel_operator.reasons import Reason

_PODS_MAX = "100"
# Of the API server: it understood, and refuses what was built.
_REFUSED = (400, 422)


class RayObjects:
    """RayJobs and RayClusters of a namespace."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def create(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object as created; ConflictApiError if its name is taken."""
        created: dict[str, Any] = await self._request("create", kind, body=body)
        return created

    async def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object now; None: there is none."""
        try:
            found: dict[str, Any] = await self._request("get", kind, name)
        except NotFoundApiError:
            return None
        return found

    async def list_of(self, kind: str, uid: str) -> list[Child]:
        """All that carry the uid of a LabelingJob."""
        query = {"labelSelector": f"{UID_LABEL}={uid}"}
        found = await self._request("list", kind, query=query)
        # A list's items do not say what they are.
        return [Child.of({**item, "kind": kind}) for item in found["items"]]

    async def delete(self, kind: str, name: str) -> None:
        """Delete it and what it owns; unknown is success."""
        try:
            await self._request("delete", kind, name, body={"propagationPolicy": "Background"})
        except NotFoundApiError:
            return

    async def pods(self, cluster: str) -> list[dict[str, Any]]:
        """Pods of the RayCluster, at most 100."""
        path = f"/api/v1/namespaces/{self._namespace}/pods"
        query = {"labelSelector": f"ray.io/cluster={cluster}", "limit": _PODS_MAX}
        try:
            found = await self._api.request("list", "pods", path, query=query)
        except ApiError as error:
            raise _translated(error, "list", "pods", self._namespace) from error
        pods: list[dict[str, Any]] = found["items"]
        return pods

    async def _request(
        self,
        verb: str,
        kind: str,
        name: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        plural = PLURALS[kind]
        path = f"/apis/{RAY_API_VERSION}/namespaces/{self._namespace}/{plural}"
        if name is not None:
            path += f"/{quote(name, safe='')}"
        try:
            return await self._api.request(verb, plural, path, query=query, body=body)
        except ConflictApiError:
            raise
        except NotFoundApiError as error:
            if name is not None and not _is_missing_kind(error):
                raise
            raise _translated(error, verb, plural, self._namespace) from error
        except ApiError as error:
            raise _translated(error, verb, plural, self._namespace) from error


def _translated(error: ApiError, verb: str, plural: str, namespace: str) -> BackendError:
    if _is_missing_kind(error):
        text = f"the cluster does not serve {plural} of {RAY_API_VERSION}. Install KubeRay 1.5.1 "
        return BackendError(Reason.KUBE_RAY_MISSING, f"{text}or newer.")
    if isinstance(error, ForbiddenApiError):
        text = f"the operator may not {verb} {plural} in namespace {namespace!r}: {error}"
        return BackendError(Reason.RAY_NOT_ALLOWED, text)
    reason = Reason.RAY_REFUSED if error.status in _REFUSED else Reason.RAY_UNREACHABLE
    return BackendError(reason, str(error))


def _is_missing_kind(error: ApiError) -> bool:
    text = str(error)
    return error.status == 404 and (
        "could not find the requested resource" in text or "page not found" in text
    )
