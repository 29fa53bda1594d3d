"""kubectl against the control plane, and the objects that the chart's tests apply."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What kubectl said; ``refusal`` is empty if it succeeded."""

    out: str
    refusal: str


@dataclass(frozen=True)
class Release:
    """An installation of the chart that a test module has for itself on the shared cluster."""

    name: str
    namespace: str
    # Where it runs jobs if it does not do so everywhere, and where it does not.
    watched: str
    other: str
    install: Callable[[dict[str, Any]], None]

    @property
    def account(self) -> str:
        """The operator's ServiceAccount as a user."""
        return f"system:serviceaccount:{self.namespace}:surelabel-operator"

    @property
    def secrets_role(self) -> str:
        """Name of the ClusterRole for Secrets, and of the admission policy."""
        return f"{self.namespace}-{self.name}-operator-secrets"


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a kubeconfig."""

    binary: Path
    kubeconfig: Path

    def ask(self, *arguments: str, objects: list[dict[str, Any]] | None = None) -> Answer:
        """Run kubectl; ``objects`` are its ``-f -``."""
        stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects or []})
        more = ["-f", "-"] if objects is not None else []
        done = subprocess.run(
            [self.binary, f"--kubeconfig={self.kubeconfig}", *arguments, *more],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Answer(done.stdout, done.stderr.strip() if done.returncode else "")

    def do(self, *arguments: str, objects: list[dict[str, Any]] | None = None) -> str:
        """Run kubectl, which must succeed; its output."""
        answer = self.ask(*arguments, objects=objects)
        assert not answer.refusal, answer.refusal
        return answer.out

    def dry_run(self, *objects: dict[str, Any], user: str | None = None) -> str:
        """Why the API server refuses these objects; empty if it accepts them."""
        return self.ask(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            *([f"--as={user}"] if user else []),
            objects=list(objects),
        ).refusal


def wait_for(what: str, condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return when ``condition`` holds; the API server takes policies and CRDs in after a while."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {seconds} s"
        time.sleep(0.2)


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """A Namespace; underscores in label keys become slashes."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {k.replace("_", "/"): v for k, v in labels.items()}},
    }


def labeling_job(
    name: str, namespace: str, storage: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A LabelingJob with what the schema asks for."""
    return {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "LabelingJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "taskType": "TextClassification",
            "labels": [{"name": "Ham"}, {"name": "Spam"}],
            "input": {"manifest": "s3://bucket/in.manifest"},
            "output": {"uri": "s3://bucket/out"},
            "workforce": {"workTeam": "team"},
            "compute": {"ray": {"address": {"name": "shared"}}},
            **({"storage": storage} if storage is not None else {}),
            **spec,
        },
    }


def role(name: str, namespace: str, user: str, *rules: dict[str, Any]) -> list[dict[str, Any]]:
    """A Role and its binding to a user."""
    metadata = {"name": name, "namespace": namespace}
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
        },
    ]
