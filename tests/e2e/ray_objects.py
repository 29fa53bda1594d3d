"""RayClusters and RayJobs for KubeRay, as the operator's own will be: restricted pods, HTTPMode."""

from __future__ import annotations

from typing import Any

from e2e.pods import CONTAINER_SECURITY, POD_SECURITY

WORKLOADS_IMAGE = "surelabel/workloads:e2e"
RAY_VERSION = "2.60.0"


def ray_cluster_spec(image: str, *, workers: int) -> dict[str, Any]:
    """A RayCluster's spec: a head with one CPU, and workers with one each."""
    group = {
        "groupName": "workers",
        "replicas": workers,
        "minReplicas": workers,
        "maxReplicas": workers,
        "rayStartParams": {"num-cpus": "1"},
        "template": _template("ray-worker", image, "512Mi"),
    }
    return {
        "rayVersion": RAY_VERSION,
        "headGroupSpec": {
            "rayStartParams": {"dashboard-host": "0.0.0.0", "num-cpus": "1"},
            "template": _template("ray-head", image, "1Gi"),
        },
        "workerGroupSpecs": [group] if workers else [],
    }


def ray_job(name: str, namespace: str, entrypoint: str, **spec: Any) -> dict[str, Any]:
    """A RayJob whose entrypoint KubeRay submits by HTTP."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"entrypoint": entrypoint, "submissionMode": "HTTPMode", **spec},
    }


def _template(name: str, image: str, memory: str) -> dict[str, Any]:
    container = {
        "name": name,
        "image": image,
        "resources": {"requests": {"cpu": "200m", "memory": memory}, "limits": {"memory": "2Gi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {**POD_SECURITY, "runAsUser": 1000, "fsGroup": 1000},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
    }
