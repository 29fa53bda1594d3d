"""The API server as administrator over one connection: a kubectl would cost 50 ms a request."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from surelabel_operator.generate import crd_yaml

_GROUP = "/apis/surelabel.dev/v1alpha1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class AdminError(Exception):
    """The API server refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


def verified_context(config: dict[str, Any]) -> ssl.SSLContext:
    """TLS that trusts the server of a kubeconfig's first cluster."""
    cluster = config["clusters"][0]["cluster"]
    data = cluster.get("certificate-authority-data")
    return ssl.create_default_context(
        cafile=cluster.get("certificate-authority"),
        cadata=base64.b64decode(data).decode() if data else None,
    )


class Admin:
    """For one thread."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._context = verified_context(config)
        self._host = urlsplit(cluster["server"]).netloc
        self._token = user["token"]
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON; AdminError if refused."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        for last in (False, True):
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    self._host, timeout=30, context=self._context
                )
            try:
                self._connection.request(method, path, data, headers)
                answer = self._connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                # The server has closed the idle connection.
                self.close()
                if last:
                    raise
            else:
                if answer.status >= 300:
                    raise AdminError(answer.status, text.decode(errors="replace")[:500])
                return json.loads(text)
        raise AssertionError("unreachable")

    def install_crds(self) -> None:
        """Our CRDs, served on return."""
        for kind, plural in (("LabelingJob", "labelingjobs"), ("WorkTeam", "workteams")):
            body = yaml.safe_load(crd_yaml(kind))
            self.apply(_CRDS, body)
            self.wait_served(f"{_GROUP}/{plural}")

    def apply(self, collection: str, body: dict[str, Any]) -> None:
        """Create the object unless there is one of its name."""
        try:
            self.request("POST", collection, body)
        except AdminError as error:
            if error.status != 409:
                raise

    def create_namespace(self, name: str) -> None:
        self.apply("/api/v1/namespaces", {"metadata": {"name": name}})

    def delete(self, path: str) -> None:
        """Delete the object; none is success."""
        try:
            self.request("DELETE", path)
        except AdminError as error:
            if error.status != 404:
                raise

    def job(self, namespace: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", job_path(namespace, name))
        return found

    def wait_served(self, path: str) -> None:
        """Until the API server answers there."""
        end = time.monotonic() + 30
        while True:
            try:
                self.request("GET", path)
            except AdminError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return


def job_path(namespace: str, name: str = "") -> str:
    """Of one LabelingJob, or of all of the namespace."""
    return f"{_GROUP}/namespaces/{namespace}/labelingjobs" + (f"/{name}" if name else "")


def team_path(namespace: str, name: str = "") -> str:
    """Of one WorkTeam, or of all of the namespace."""
    return f"{_GROUP}/namespaces/{namespace}/workteams" + (f"/{name}" if name else "")


def lease_path(namespace: str, name: str = "surelabel") -> str:
    """Of the operator's Lease."""
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"
