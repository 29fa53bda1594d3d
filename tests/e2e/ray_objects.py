"""RayClusters and RayJobs for KubeRay, as the operator's own will be: restricted pods, HTTPMode."""

from __future__ import annotations

import time
from typing import Any

from chart.cluster import Kubectl
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


def make_ray_cluster(kubectl: Kubectl, name: str, place: str, spec: dict[str, Any]) -> None:
    """Create the RayCluster; its pods are ready on return."""
    body = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": name, "namespace": place},
        "spec": spec,
    }
    kubectl.do("apply", "--server-side", objects=[body])
    ready = ("wait", "--for=condition=RayClusterProvisioned", f"raycluster/{name}", f"-n={place}")
    # kubectl itself is ended after a minute.
    for _ in range(2):
        if not kubectl.ask(*ready, "--timeout=50s").refusal:
            return
    kubectl.do(*ready, "--timeout=50s")


def wait_for_ray_job(kubectl: Kubectl, name: str, place: str, seconds: int) -> float:
    """Wait until the RayJob is complete; the seconds since it was created."""
    started = time.monotonic()
    while True:
        found = kubectl.do("get", "rayjob", name, f"-n={place}", "-o=jsonpath={.status}")
        if '"jobDeploymentStatus":"Complete"' in found:
            assert '"jobStatus":"SUCCEEDED"' in found
            return time.monotonic() - started
        assert '"jobDeploymentStatus":"Failed"' not in found, found
        if time.monotonic() - started > seconds:
            pods = kubectl.ask("get", "pods", f"-n={place}", "-o=wide").out
            raise AssertionError(f"{found}\n{pods}")
        time.sleep(0.2)


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
