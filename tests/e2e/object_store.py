"""An S3 server in a namespace of the cluster: versitygw in a pod, with one bucket."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from obstore.store import S3Store

from authority import Authority
from chart.cluster import Kubectl
from e2e.port_forward import forwarded
from e2e.program_image import USER, write_program_image
from e2e.volumes import claim, folder_volume

IMAGE = "surelabel/s3:e2e"
REGION = "us-east-1"
BUCKET = "labels"
_NAME = "s3"
_PORT = 7070
_KEYS = "root-keys"
_TLS = "tls"
_BUCKETS, _OBJECTS, _METADATA, _USERS = "buckets", "bucket", "metadata", "users"


def write_image(folder: Path, versitygw: Path) -> Path:
    """The image of the server, as a docker-archive in ``folder``."""
    return write_program_image(folder, IMAGE, versitygw)


@dataclass(frozen=True)
class ObjectStore:
    """The server in ``namespace``; pods reach it at ``endpoint``."""

    kubectl: Kubectl
    namespace: str
    access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20))
    # Vouches for the server, and nobody else does; None: http.
    authority: Authority | None = None

    @property
    def endpoint(self) -> str:
        """Its URL inside the cluster."""
        return f"{self._scheme}://{_NAME}.{self.namespace}.svc:{_PORT}"

    @property
    def uri(self) -> str:
        """The bucket's URI, without a slash at the end."""
        return f"s3://{BUCKET}"

    def deploy(self, image: str, folder: Path | None) -> None:
        """Start the server; it listens on return. ``folder``: where a node of ours keeps the
        objects; without it the cluster's default StorageClass does."""
        volume: list[dict[str, Any]] = []
        if folder is not None:
            for part in (_BUCKETS, _OBJECTS, _METADATA, _USERS):
                (folder / part).mkdir(parents=True, exist_ok=True)
                os.chown(folder / part, USER, USER)
            volume = [folder_volume(folder, self.namespace)]
        objects = [*volume, *self._objects(image, own_volume=folder is not None)]
        self.kubectl.do("apply", "--server-side", objects=objects)
        self._wait()

    def stop(self) -> None:
        """End the server: from the return on connections are refused. The objects stay."""
        place = f"-n={self.namespace}"
        self.kubectl.do("scale", f"deployment/{_NAME}", "--replicas=0", place)
        self.kubectl.do("wait", "--for=delete", "pod", f"-l=app={_NAME}", place, "--timeout=50s")

    def start(self) -> None:
        """Start the server again; it listens on return."""
        self.kubectl.do("scale", f"deployment/{_NAME}", "--replicas=1", f"-n={self.namespace}")
        self._wait()

    def secret(
        self, name: str, namespace: str, keys: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """A Secret by which a LabelingJob of ``namespace`` may use the bucket; ``keys``: a user's
        in place of the server's own."""
        access_key, secret_key = keys or (self.access_key, self.secret_key)
        return _allowed_secret(
            name,
            namespace,
            {
                "aws_access_key_id": access_key,
                "aws_secret_access_key": secret_key,
                "endpoint": self.endpoint,
            },
        )

    def authority_secret(self, name: str, namespace: str) -> dict[str, Any]:
        """The Secret with the certificate of the server's private authority."""
        assert self.authority is not None
        return _allowed_secret(name, namespace, {"ca.crt": self.authority.pem})

    def add_user(self) -> tuple[str, str]:
        """Access key and secret key of a new user, who may do everything with the bucket."""
        access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
        user = (f"--access={access_key}", f"--secret={secret_key}", "--role=admin")
        self._administer("create-user", *user)
        return access_key, secret_key

    def remove_user(self, keys: tuple[str, str]) -> None:
        """Let these keys count no more."""
        self._administer("delete-user", f"--access={keys[0]}")

    @contextmanager
    def reached(self) -> Iterator[S3Store]:
        """The bucket for this machine, which reaches the server through the API server, as on any
        cluster."""
        client: dict[str, Any] = {"allow_http": True}
        if self.authority is not None:
            client = {"root_certificate": self.authority.pem}
        with forwarded(self.kubectl, self.namespace, f"service/{_NAME}", _PORT) as port:
            yield S3Store(
                BUCKET,
                endpoint=f"{self._scheme}://127.0.0.1:{port}",
                region=REGION,
                access_key_id=self.access_key,
                secret_access_key=self.secret_key,
                client_options=client,
            )

    @property
    def _scheme(self) -> str:
        return "http" if self.authority is None else "https"

    def _administer(self, *arguments: str) -> None:
        """Run the server's own command for its users, in its pod."""
        admin = (
            *("/versitygw", "admin", f"--access={self.access_key}", f"--secret={self.secret_key}"),
            f"--endpoint-url={self._scheme}://127.0.0.1:{_PORT}",
            "--allow-insecure",
        )
        place = f"-n={self.namespace}"
        self.kubectl.do("exec", f"deployment/{_NAME}", place, "--", *admin, *arguments)

    def _wait(self) -> None:
        deployment = f"deployment/{_NAME}"
        self.kubectl.do("rollout", "status", deployment, f"-n={self.namespace}", "--timeout=50s")

    def _objects(self, image: str, *, own_volume: bool) -> list[dict[str, Any]]:
        metadata = {"name": _NAME, "namespace": self.namespace}
        labels = {"app": _NAME}
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {**metadata, "name": _KEYS},
                "stringData": {
                    "ROOT_ACCESS_KEY_ID": self.access_key,
                    "ROOT_SECRET_ACCESS_KEY": self.secret_key,
                },
            },
            claim(_NAME, self.namespace, self.namespace if own_volume else None),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": labels, "ports": [{"port": _PORT}]},
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {
                    "selector": {"matchLabels": labels},
                    "strategy": {"type": "Recreate"},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": _pod(image, tls=self.authority is not None),
                    },
                },
            },
            *self._certificate(metadata),
        ]

    def _certificate(self, metadata: dict[str, str]) -> list[dict[str, Any]]:
        if self.authority is None:
            return []
        names = (f"{_NAME}.{self.namespace}.svc",)
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            self.authority.write_server(certificate, key, names)
            data = {path.name: path.read_text() for path in (certificate, key)}
        kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
        return [{**kind, "metadata": {**metadata, "name": _TLS}, "stringData": data}]


def _allowed_secret(name: str, namespace: str, data: dict[str, str]) -> dict[str, Any]:
    labels = {"surelabel.dev/allow-use": "storage"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "stringData": data,
    }


def _pod(image: str, *, tls: bool) -> dict[str, Any]:
    data = {"name": "data", "mountPath": "/data"}
    certificate = ("--cert", "/tls/tls.crt", "--key", "/tls/tls.key") if tls else ()
    mounts = [
        # It writes beside the bucket, too.
        {**data, "mountPath": "/data/buckets", "subPath": _BUCKETS},
        {**data, "mountPath": f"/data/buckets/{BUCKET}", "subPath": _OBJECTS},
        {**data, "mountPath": "/data/metadata", "subPath": _METADATA},
        {**data, "mountPath": "/data/users", "subPath": _USERS},
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": _NAME}}
    ]
    if tls:
        volumes.append({"name": _TLS, "secret": {"secretName": _TLS}})
        mounts.append({"name": _TLS, "mountPath": "/tls"})
    return {
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "versitygw",
                "image": image,
                # A folder of the top level is a bucket; objects' metadata lie beside them.
                "args": [
                    *("--port", f":{_PORT}", "--region", REGION, *certificate),
                    # Users that are gone count no more, at once.
                    *("--iam-dir", "/data/users", "--iam-cache-disable"),
                    *("posix", "--sidecar", "/data/metadata", "/data/buckets"),
                ],
                "envFrom": [{"secretRef": {"name": _KEYS}}],
                "ports": [{"containerPort": _PORT}],
                "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
