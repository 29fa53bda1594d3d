"""The cluster that the suite runs on: one of our own, or one that its caller named."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from chart.cluster import Kubectl
from chart.rendering import Helm
from e2e.cluster import NodeCluster

KUBECONFIG_VARIABLE = "SURELABEL_E2E_KUBECONFIG"
REGISTRY_VARIABLE = "SURELABEL_E2E_REGISTRY"


@dataclass(frozen=True)
class RealCluster:
    """kubectl and Helm as administrator, and the node where it is ours."""

    kubectl: Kubectl
    helm: Helm
    # None on a cluster of the caller's, which is not ours to stop.
    node: NodeCluster | None

    def image(self, name: str) -> str:
        """How this cluster names one of our images; a node of our own has them already."""
        registry = os.environ.get(REGISTRY_VARIABLE) if self.node is None else None
        return f"{registry}/{name}" if registry else name


def given_kubeconfig() -> Path | None:
    """The kubeconfig that the caller named."""
    given = os.environ.get(KUBECONFIG_VARIABLE)
    return Path(given).absolute() if given else None
