"""The chart's NetworkPolicies against the connections of a job: none that is made is refused.

The node's network enforces none, so this compares; see docs/guides/security.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from chart.cluster import Kubectl
from e2e.cluster import NodeCluster
from e2e.connections import Connection, Connections
from e2e.installed import installed
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.policies import Policies
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_RAY = "ray.io/is-ray-node"
_DASHBOARD = 8265


@pytest.fixture
def labeling(
    real_cluster: RealCluster, node: NodeCluster, place: str, s3: ObjectStore
) -> Iterator[Labeling]:
    """The operator in a namespace apart, with both kinds of policies."""
    api_server = urlsplit(node.control_plane.url).port
    store = urlsplit(s3.endpoint).port
    policy = {
        "enabled": True,
        # A policy sees ports behind Services.
        "egressPorts": [api_server, store],
        "ray": {"namespaces": [place]},
    }
    values = {**operator_values(real_cluster, place), "networkPolicy": policy}
    with (
        restricted_namespace(real_cluster.kubectl, "operator") as operator,
        installed(real_cluster, operator, values),
    ):
        found = Labeling(real_cluster, place, s3)
        found.prepare()
        yield found


def policies_of(kubectl: Kubectl) -> Policies:
    listed = json.loads(kubectl.do("get", "networkpolicies", "-A", "-o=json"))["items"]
    namespaces = json.loads(kubectl.do("get", "namespaces", "-o=json"))["items"]
    labels = {each["metadata"]["name"]: each["metadata"]["labels"] for each in namespaces}
    return Policies(listed, labels)


def test_every_connection_of_a_job_is_one_that_the_policies_allow(
    labeling: Labeling, kubectl: Kubectl, node: NodeCluster
) -> None:
    worker = {"name": "more", "cpuMillis": 300, "memoryMiB": 1024}
    template = {"head": HEAD, "workers": [worker]}
    with Connections(kubectl) as seen:
        labeling.apply(
            labeling.body(compute={"ray": {"cluster": {"scope": "Job", "template": template}}})
        )
        labeling.wait("Succeeded", "True")
        policies = policies_of(kubectl)
    assert len(policies.policies) == 2
    refused = {found: policies.refuses(found, seen.pods) for found in seen.found}
    assert {found: names for found, names in refused.items() if names} == {}

    # What was seen is what a job needs; else nothing has been compared.
    def kind(address: str) -> str:
        pod = seen.pods.get(address)
        if pod is None:
            return "node"
        labels = pod["metadata"]["labels"]
        return str(labels.get("ray.io/node-type") or labels.get("app") or "operator")

    ends = {(kind(c.source), kind(c.target), c.port) for c in seen.found}
    api_server, store = (
        urlsplit(node.control_plane.url).port,
        urlsplit(labeling.store.endpoint).port,
    )
    assert ("operator", "node", api_server) in ends
    assert ("operator", "s3", store) in ends
    assert ("operator", "node", 53) in ends
    assert ("head", "s3", store) in ends
    assert ("node", "head", _DASHBOARD) in ends
    assert any(source == "worker" and target == "head" for source, target, _ in ends)

    # And the comparison can fail: a stranger's, and one that leads elsewhere.
    ray = next(a for a, pod in seen.pods.items() if kind(a) == "head")
    operator = next(a for a, pod in seen.pods.items() if kind(a) == "operator")
    shop = next(a for a, pod in seen.pods.items() if kind(a) == "s3")
    assert policies.refuses(Connection("TCP", shop, ray, _DASHBOARD), seen.pods)
    assert policies.refuses(Connection("TCP", shop, operator, 9_999), seen.pods)
    assert policies.refuses(Connection("TCP", operator, "203.0.113.7", 25), seen.pods)
