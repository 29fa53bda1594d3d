"""Pods and namespaces as the suite's tests make them: restricted, like everything of ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chart.cluster import Kubectl, namespace, wait_for

RESTRICTED = {"pod-security.kubernetes.io_enforce": "restricted"}
# What Pod Security's standard `restricted` asks of a pod and of a container.
POD_SECURITY: dict[str, Any] = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@contextmanager
def restricted_namespace(kubectl: Kubectl, purpose: str) -> Iterator[str]:
    """A new namespace that enforces Pod Security's strictest standard; deleted afterwards
    (without waiting for it)."""
    name = f"e2e-{purpose}-{secrets.token_hex(3)}"
    kubectl.do("apply", "--server-side", objects=[namespace(name, **RESTRICTED)])
    wait_for_account(kubectl, name)
    yield name
    kubectl.do("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def wait_for_account(kubectl: Kubectl, namespace: str) -> None:
    """Return when the namespace has its ServiceAccount; before that pods are refused."""
    account = ("get", "serviceaccount", "default", f"-n={namespace}")
    wait_for("the namespace's account", lambda: not kubectl.ask(*account).refusal)


def pod(name: str, namespace: str, image: str, *command: str, **spec: Any) -> dict[str, Any]:
    """A pod of one container that runs once, labelled with its name."""
    container = {
        "name": "main",
        "image": image,
        "args": list(command),
        "securityContext": CONTAINER_SECURITY,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "securityContext": POD_SECURITY,
            "containers": [container],
            **spec,
        },
    }


def wait_for_pod(kubectl: Kubectl, name: str, namespace: str, condition: str) -> None:
    """Return when ``kubectl wait --for=<condition>`` holds; else say what the pod's state is."""
    place = f"-n={namespace}"
    answer = kubectl.ask("wait", f"--for={condition}", f"pod/{name}", place, "--timeout=50s")
    if answer.refusal:
        raise AssertionError(f"{answer.refusal}\n{kubectl.do('describe', 'pod', name, place)}")
