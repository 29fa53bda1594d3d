"""The chart's objects on a cluster, for an operator that runs as a process beside it.

Rights, admission policies, settings and CRDs are those that ``helm install`` gives; only what
needs nodes (Deployment, Service) is left out.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from surelabel_cli.processes import ProcessError, write_private

CHART = Path(__file__).resolve().parents[2] / "charts" / "surelabel"
RELEASE = "surelabel"
NAMESPACE = "surelabel-system"
SERVICE_ACCOUNT = "surelabel-operator"
_KINDS = frozenset(
    {
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ConfigMap",
        "CustomResourceDefinition",
    }
)
_MANAGER = "--field-manager=surelabel-up"


def render_chart(
    helm: Path, values: Mapping[str, Any], namespace: str = NAMESPACE
) -> list[dict[str, Any]]:
    """What the chart renders with these values, without what needs nodes."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values, file)
        file.flush()
        text = _output(
            [helm, "template", RELEASE, CHART, f"--namespace={namespace}", f"--values={file.name}"]
        )
    return [one for one in yaml.safe_load_all(text) if one and one["kind"] in _KINDS]


def apply_objects(kubectl: Path, kubeconfig: Path, objects: Sequence[Mapping[str, Any]]) -> None:
    """Server-side apply; CRDs first, and established before the rest."""
    definitions = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    others = [one for one in objects if one["kind"] != "CustomResourceDefinition"]
    command: list[str | Path] = [kubectl, f"--kubeconfig={kubeconfig}"]
    for group in (definitions, others):
        if group:
            _output(
                [*command, "apply", "--server-side", "--force-conflicts", _MANAGER, "-f", "-"],
                json.dumps({"apiVersion": "v1", "kind": "List", "items": list(group)}),
            )
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    if names:
        _output([*command, "wait", "--for=condition=Established", "--timeout=60s", *names])


def install(
    helm: Path,
    kubectl: Path,
    kubeconfig: Path,
    *,
    values: Mapping[str, Any],
    secrets: Mapping[str, Mapping[str, str]],
    settings_file: Path,
) -> None:
    """Apply namespace, Secrets (name to data) and the chart; write the settings that the chart
    renders to ``settings_file``."""
    rendered = render_chart(helm, values)
    own = {"namespace": NAMESPACE}
    before: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, **own},
                "stringData": dict(data),
            }
            for name, data in secrets.items()
        ),
    ]
    # The List is applied in order, so the namespace is there before what lies in it.
    apply_objects(kubectl, kubeconfig, [*before, *rendered])
    settings = next(
        one["data"]["settings.yaml"]
        for one in rendered
        if one["kind"] == "ConfigMap" and "settings.yaml" in one.get("data", {})
    )
    write_private(settings_file, settings)


def _output(command: Sequence[str | Path], text: str | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        name = Path(command[0]).name
        verb = next((str(p) for p in command[1:] if not str(p).startswith("-")), "")
        raise ProcessError(f"{name} {verb} failed: {done.stderr.strip()[-2_000:]}")
    return done.stdout
