"""Helm, and the chart installed on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chart.cluster import Kubectl, Release, namespace
from chart.rendering import CHART, NAMESPACE, Helm

if TYPE_CHECKING:
    from conftest import SharedControlPlane


@pytest.fixture(scope="session")
def helm(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(helm, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubectl(control_plane: SharedControlPlane) -> Kubectl:
    found = Kubectl(control_plane.kubectl_path, control_plane.kubeconfig)
    names = (NAMESPACE, "chart-vision", "chart-speech")
    found.do("apply", "--server-side", objects=[namespace(name) for name in names])
    return found


@pytest.fixture(scope="module")
def release(helm: Helm, kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Release]:
    """Not installed before the test calls ``install``; uninstalled with the module."""
    # Modules run side by side on one cluster.
    part = request.module.__name__.rpartition("_")[2]
    name, where = f"surelabel-{part}", f"chart-{part}"
    names = (where, f"{where}-jobs", f"{where}-other")
    kubectl.do("apply", "--server-side", objects=[namespace(each) for each in names])
    place = [f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={where}"]

    def install(values: dict[str, Any]) -> None:
        done = helm.run(
            "upgrade",
            "--install",
            name,
            CHART,
            *place,
            # Without it an upgrade with empty values keeps those of the last one.
            "--reset-values",
            # Other tests may have applied the CRDs.
            "--take-ownership",
            "--force-conflicts",
            "-f",
            "-",
            stdin=json.dumps(values),
        )
        assert done.returncode == 0, done.stderr

    yield Release(name, *names, install)
    helm.run("uninstall", name, "--ignore-not-found", *place)
