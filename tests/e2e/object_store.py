"""An S3 server in a namespace of the cluster: versitygw in a pod, with one bucket."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
_BUCKETS, _OBJECTS, _METADATA = "buckets", "bucket", "metadata"


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

    @property
    def endpoint(self) -> str:
        """Its URL inside the cluster."""
        return f"http://{_NAME}.{self.namespace}.svc:{_PORT}"

    @property
    def uri(self) -> str:
        """The bucket's URI, without a slash at the end."""
        return f"s3://{BUCKET}"

    def deploy(self, image: str, folder: Path | None) -> None:
        """Start the server; it listens on return. ``folder``: where a node of ours keeps the
        objects; without it the cluster's default StorageClass does."""
        volume: list[dict[str, Any]] = []
        if folder is not None:
            for part in (_BUCKETS, _OBJECTS, _METADATA):
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

    def secret(self, name: str, namespace: str) -> dict[str, Any]:
        """A Secret by which a LabelingJob of ``namespace`` may use the bucket."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"surelabel.dev/allow-use": "storage"},
            },
            "stringData": {
                "aws_access_key_id": self.access_key,
                "aws_secret_access_key": self.secret_key,
                "endpoint": self.endpoint,
            },
        }

    @contextmanager
    def reached(self) -> Iterator[dict[str, str]]:
        """obstore's configuration for this machine, which reaches the server through the API
        server, as on any cluster."""
        with forwarded(self.kubectl, self.namespace, f"service/{_NAME}", _PORT) as port:
            yield {
                "aws_access_key_id": self.access_key,
                "aws_secret_access_key": self.secret_key,
                "aws_endpoint_url": f"http://127.0.0.1:{port}",
                "aws_region": REGION,
                "aws_allow_http": "true",
            }

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
                    "template": {"metadata": {"labels": labels}, "spec": _pod(image)},
                },
            },
        ]


def _pod(image: str) -> dict[str, Any]:
    data = {"name": "data", "mountPath": "/data"}
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
                    *("--port", f":{_PORT}", "--region", REGION),
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
                "volumeMounts": [
                    # It writes beside the bucket, too.
                    {**data, "mountPath": "/data/buckets", "subPath": _BUCKETS},
                    {**data, "mountPath": f"/data/buckets/{BUCKET}", "subPath": _OBJECTS},
                    {**data, "mountPath": "/data/metadata", "subPath": _METADATA},
                ],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": _NAME}}],
    }
