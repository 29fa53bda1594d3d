"""Pods of several namespaces, and what the chart's NetworkPolicies say of their connections."""

from __future__ import annotations

from typing import Any

from chart.rendering import NAMESPACE, Helm, of_kind, only
from e2e.connections import Connection
from e2e.policies import Policies

RAY = {"ray.io/is-ray-node": "yes"}
# As KubeRay's own chart labels its operator's pods.
KUBERAY = {
    "app.kubernetes.io/name": "kuberay-operator",
    "app.kubernetes.io/instance": "kuberay-operator",
    "app.kubernetes.io/component": "kuberay-operator",
}
# Namespace and labels of pods, by the last part of their address. The operator and the pod of
# `helm test` have the chart's own labels.
PODS: dict[str, tuple[str, dict[str, str]]] = {
    "operator": (NAMESPACE, {}),
    "helm test": (NAMESPACE, {}),
    "head": ("chart-vision", {**RAY, "ray.io/node-type": "head"}),
    "worker": ("chart-vision", {**RAY, "ray.io/node-type": "worker"}),
    "shop": ("chart-vision", {"app": "shop"}),
    "KubeRay's namesake": ("chart-vision", KUBERAY),
    "head elsewhere": ("chart-speech", {**RAY, "ray.io/node-type": "head"}),
    "KubeRay": ("kuberay", KUBERAY),
    "KubeRay's neighbour": ("kuberay", {"app": "neighbour"}),
    "Prometheus": ("monitoring", {"app": "prometheus"}),
}


def address(name: str) -> str:
    return f"10.244.0.{2 + list(PODS).index(name)}"


class Network:
    """The rendered policies, and pods to try them with."""

    def __init__(self, helm: Helm, values: dict[str, Any]) -> None:
        objects = helm.objects(values)
        own = {
            "operator": only(objects, "Deployment")["spec"]["template"],
            "helm test": only(objects, "Pod"),
        }
        self._pods = {
            address(name): _pod(namespace, labels, own.get(name))
            for name, (namespace, labels) in PODS.items()
        }
        names = {namespace for namespace, _ in PODS.values()}
        labels = {name: {"kubernetes.io/metadata.name": name} for name in names}
        self._policies = Policies(of_kind(objects, "NetworkPolicy"), labels)

    def refuses(self, source: str, target: str, port: int) -> list[str]:
        """The policies that let the connection not through."""
        connection = Connection("TCP", address(source), address(target), port)
        return self._policies.refuses(connection, self._pods)


def _pod(namespace: str, labels: dict[str, str], template: dict[str, Any] | None) -> dict[str, Any]:
    metadata = template["metadata"] if template else {"labels": labels}
    spec = template["spec"] if template else {"containers": []}
    return {"metadata": {**metadata, "namespace": namespace}, "spec": spec}
