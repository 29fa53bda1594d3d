"""Whom the chart's NetworkPolicies let through, connection by connection, as they are rendered.

The end-to-end suite compares the same policies with the connections that a job makes.
"""

from __future__ import annotations

from typing import Any

import pytest

from chart.policy_network import KUBERAY, PODS, Network, address
from chart.rendering import NAMESPACE, VALUES, Helm, of_kind, only

OF_RAY, OF_OPERATOR = "Ingress of surelabel-operator-ray", "Ingress of surelabel-operator"
# Who asks, whom, on which port, and what refuses it.
ROWS: tuple[tuple[str, str, int, list[str]], ...] = (
    ("KubeRay", "head", 8265, []),
    ("KubeRay", "head elsewhere", 8265, []),
    ("KubeRay", "head", 6379, [OF_RAY]),
    ("KubeRay", "head", 10001, [OF_RAY]),
    ("KubeRay", "head", 8080, [OF_RAY]),
    ("KubeRay's neighbour", "head", 8265, [OF_RAY]),
    ("KubeRay's namesake", "head", 8265, [OF_RAY]),
    ("operator", "head", 8265, []),
    ("operator", "head", 6379, [OF_RAY, "Egress of surelabel-operator"]),
    ("helm test", "head", 8265, [OF_RAY]),
    ("shop", "head", 8265, [OF_RAY]),
    ("shop", "worker", 10001, [OF_RAY]),
    ("worker", "head", 6379, []),
    ("head", "worker", 40_000, []),
    ("head elsewhere", "head", 6379, [OF_RAY]),
    ("head elsewhere", "head", 8265, [OF_RAY]),
    ("Prometheus", "head", 8080, []),
    ("Prometheus", "head", 8265, [OF_RAY]),
    ("shop", "head", 8080, [OF_RAY]),
    ("Prometheus", "operator", 8080, []),
    ("helm test", "operator", 8080, []),
    ("shop", "operator", 8080, [OF_OPERATOR]),
    ("Prometheus", "operator", 9999, [OF_OPERATOR]),
    # What leaves Ray's pods is not restricted.
    ("head", "shop", 7070, []),
)


def of_ray(**ray: Any) -> dict[str, Any]:
    """Values with the policy of Ray's pods alone."""
    return {"networkPolicy": {"ray": {"namespaces": ["chart-vision"], **ray}}}


@pytest.mark.parametrize(
    ("source", "target", "port", "expected"), ROWS, ids=[f"{s} to {t}:{p}" for s, t, p, _ in ROWS]
)
def test_who_is_let_through(
    helm: Helm, source: str, target: str, port: int, expected: list[str]
) -> None:
    network = Network(helm, VALUES["network policy"])
    assert network.refuses(source, target, port) == expected


def test_without_jobs_from_kube_ray_is_a_stranger(helm: Helm) -> None:
    network = Network(helm, of_ray())
    assert network.refuses("KubeRay", "head", 8265) == [OF_RAY]
    assert network.refuses("operator", "head", 8265) == []


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        # Without a selector of pods: the whole namespace.
        (
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kuberay"}}},
            {"KubeRay", "KubeRay's neighbour"},
        ),
        # Without one of namespaces: pods of the policy's own.
        ({"podSelector": {"matchLabels": KUBERAY}}, {"KubeRay's namesake"}),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": KUBERAY}},
         {"KubeRay", "KubeRay's namesake"}),
        (
            {
                "namespaceSelector": {
                    "matchExpressions": [
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "In",
                            "values": ["kuberay", "monitoring"],
                        }
                    ]
                },
                "podSelector": {
                    "matchExpressions": [
                        {"key": "app", "operator": "NotIn", "values": ["prometheus"]}
                    ]
                },
            },
            {"KubeRay", "KubeRay's neighbour"},
        ),
        ({"ipBlock": {"cidr": f"{address('KubeRay')}/32"}}, {"KubeRay"}),
        (
            {"ipBlock": {"cidr": "10.244.0.0/24", "except": [f"{address('shop')}/32"]}},
            PODS.keys() - {"shop"},
        ),
    ],
)  # fmt: skip
def test_jobs_from_takes_every_form_of_a_peer(
    helm: Helm, peer: dict[str, Any], let_in: set[str]
) -> None:
    network = Network(helm, of_ray(jobsFrom=[peer]))
    always = {"operator", "head", "worker"}
    found = {name for name in PODS if not network.refuses(name, "head", 8265)}
    assert found == always | set(let_in)


def test_several_of_jobs_from_are_let_in_each(helm: Helm) -> None:
    peers = [{"podSelector": {"matchLabels": labels}} for labels in (KUBERAY, {"app": "shop"})]
    network = Network(helm, of_ray(jobsFrom=peers))
    for name in ("KubeRay's namesake", "shop"):
        assert network.refuses(name, "head", 8265) == []
        assert network.refuses(name, "head", 6379) == [OF_RAY]
    assert network.refuses("KubeRay", "head", 8265) == [OF_RAY]


def test_jobs_from_opens_nothing_of_the_operators_own_pods(helm: Helm) -> None:
    def policies(**ray: Any) -> list[dict[str, Any]]:
        values = {"networkPolicy": {"enabled": True, "ray": ray}}
        return of_kind(helm.objects(values), "NetworkPolicy")

    assert policies(jobsFrom=[{"podSelector": {}}]) == policies()


def test_ray_pods_are_reached_by_their_own_the_operator_and_who_is_listed(helm: Helm) -> None:
    objects = helm.objects(VALUES["network policy"])
    policies = {
        found["metadata"]["namespace"]: found["spec"] for found in of_kind(objects, "NetworkPolicy")
    }
    assert set(policies) == {NAMESPACE, "chart-vision", "chart-speech"}
    spec = policies["chart-vision"]
    ray = {"matchLabels": {"ray.io/is-ray-node": "yes"}}
    assert spec["podSelector"] == ray
    # What leaves is not restricted: the object store has no name that a policy knows.
    assert spec["policyTypes"] == ["Ingress"]
    own, jobs, metrics = spec["ingress"]
    assert own == {"from": [{"podSelector": ray}]}
    assert jobs["ports"] == [{"port": 8265, "protocol": "TCP"}]
    operator, kuberay = jobs["from"]
    assert operator["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": NAMESPACE
    }
    pod = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert operator["podSelector"]["matchLabels"].items() <= pod.items()
    asked = VALUES["network policy"]["networkPolicy"]
    assert kuberay == asked["ray"]["jobsFrom"][0]
    assert metrics["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert metrics["from"] == asked["metricsFrom"]
    # No rule but that of its own pods opens 6379 and 10001.
    assert {port["port"] for rule in (jobs, metrics) for port in rule["ports"]} == {8265, 8080}


def test_ray_pods_have_no_policy_unless_asked_for(helm: Helm) -> None:
    assert not of_kind(helm.objects({}), "NetworkPolicy")
