"""`helm install` on a real node, as the guide says it."""

from __future__ import annotations

import pytest

from chart.cluster import Kubectl
from e2e.installed import DEPLOYMENT, installed
from e2e.real_cluster import RealCluster

pytestmark = pytest.mark.e2e


@pytest.mark.smoke
def test_the_operator_becomes_ready_where_only_restricted_pods_may_run(
    real_cluster: RealCluster, kubectl: Kubectl, place: str
) -> None:
    with installed(real_cluster, place, {"watchNamespaces": [place]}):
        rollout = kubectl.do("rollout", "status", DEPLOYMENT, f"-n={place}", "--timeout=10s")
        assert "successfully rolled out" in rollout
        holder = kubectl.do(
            "get", "lease", "surelabel", f"-n={place}", "-o=jsonpath={.spec.holderIdentity}"
        )
        pods = kubectl.do("get", "pods", f"-n={place}", "-o=jsonpath={.items[*].metadata.name}")
        assert pods.startswith("surelabel-operator-")
        assert pods in holder
        state = "-o=jsonpath={.items[*].status.containerStatuses[*].restartCount}"
        assert kubectl.do("get", "pods", f"-n={place}", state) == "0"
