"""The kubectl and helm commands of the guides, as they stand there, on a real API server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chart.cluster import labeling_job
from chart.rendering import ROOT, Helm
from faults.kube_ray import build_crds
from surelabel_cli.control_plane import ControlPlane

pytestmark = pytest.mark.cluster

# In the order of a life: what the first pages install the last one uninstalls. With each page what
# was done before its reader begins.
PAGES = {
    "install": ["kubectl create namespace vision", "kubectl create namespace speech"],
    "install-kind": ["helm -n surelabel uninstall surelabel", "kubectl delete namespace vision"],
    "install-airgapped": [
        "helm -n surelabel uninstall surelabel",
        "kubectl delete namespace surelabel vision",
    ],
    "install-cloud": [
        "helm -n surelabel uninstall surelabel",
        "kubectl apply -f kuberay-crds.json",
    ],
    "security": [],
    "sizing": [],
    "troubleshooting": [
        "kubectl apply --server-side -f job.json",
        "kubectl -n vision create secret generic s3 --from-file=endpoint",
    ],
    "backup": [],
    "upgrade": ["kubectl apply -f lease.json"],
    "kuberay": [],
}
# After a command of a page what happens meanwhile: KubeRay makes a cluster's token.
MEANWHILE = {
    # The cluster is lost, as far as the page is concerned.
    "kubectl get labelingjobs.surelabel.dev,workteams.surelabel.dev -A -o yaml > "
    "surelabel-resources.yaml": "kubectl -n vision delete slj,workteams --all",
    "kubectl create namespace ray": "kubectl -n ray create secret generic shared --from-literal="
    "auth_token=x",
}
# What cannot be tried here, and why.
SKIPPED = {
    "rollout status": "no node runs the pod",
    "exec deployment/": "no node runs the pod",
    "logs deployment/": "no node runs the pod",
    'exec "$(kubectl': "no node runs the pod",
    "helm -n surelabel test": "no node runs the pod; test_chart_lifecycle.py plays one",
    "port-forward": "no node runs the pod",
    "create -k": "it would be downloaded; another page's CRDs are of the same version",
    "--kubeconfig kind.kubeconfig": "there is no kind",
}
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> Iterator[str]:
    """The commands of a page: code blocks without a language, one command a string."""
    text = (ROOT / "docs" / "guides" / f"{page}.md").read_text(encoding="utf-8")
    for _, language, block in _BLOCK.findall(text):
        if language:
            continue
        for command in re.sub(r"\\\n\s*", " ", block).splitlines():
            if re.match(r"\s*(kubectl|helm|sed) ", command):
                yield command.strip().replace("<registry>", "registry.example")


def write_files(page: str, folder: Path) -> None:
    """Write the page's examples that have a name, and as values.yaml its first with all values."""
    text = (ROOT / "docs" / "guides" / f"{page}.md").read_text(encoding="utf-8")
    for language, block in reversed([found[1:] for found in _BLOCK.findall(text)]):
        name = re.match(r"# (\S+\.yaml)\n", block)
        if language == "yaml" and (name or "watchNamespaces" in block):
            example = block.replace("<registry>", "registry.example")
            (folder / (name[1] if name else "values.yaml")).write_text(example)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader is: a checkout, with the files that the pages speak of."""
    for name in ("charts", "crds"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("token", "password", "aws_access_key_id", "aws_secret_access_key", "endpoint"):
        (tmp_path / name).write_text("x")
    (tmp_path / "job.json").write_text(json.dumps(labeling_job("birds", "vision")))
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "surelabel", "namespace": "surelabel"},
    }
    crds = {"apiVersion": "v1", "kind": "List", "items": build_crds()}
    (tmp_path / "kuberay-crds.json").write_text(json.dumps(crds))
    (tmp_path / "lease.json").write_text(json.dumps(lease))
    return tmp_path


def test_every_command_of_the_guides_works(
    helm: Helm, devcluster_bin: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    skipped, tried = set[str](), 0
    with ControlPlane(tmp_path_factory.mktemp("plane"), devcluster_bin) as plane:
        env = {
            "HOME": str(helm.home),
            "KUBECONFIG": str(plane.kubeconfig),
            "PATH": f"{devcluster_bin}:{helm.binary.parent}:{os.defpath}",
        }

        def run(command: str, page: str) -> None:
            done = subprocess.run(
                ["bash", "-eu", "-o", "pipefail", "-c", command],
                cwd=folder,
                env=env,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{page}: {command}\n{done.stdout}\n{done.stderr}"

        for page, before in PAGES.items():
            write_files(page, folder)
            for command in before:
                run(command, page)
            for command in commands(page):
                found = [part for part in SKIPPED if part in command]
                skipped.update(found)
                if not found:
                    run(command, page)
                    tried += 1
                if command in MEANWHILE:
                    run(MEANWHILE[command], page)
    assert tried > 30
    assert set(SKIPPED) == skipped
