"""The chart's NetworkPolicies against the connections of a job: none that is made is refused, but
those of strangers.

The node's network enforces none, so this compares; see docs/guides/security.md. KubeRay's operator
is a process of the node here, which policies always let through. So pods ask Ray as it does: one
that is what `networkPolicy.ray.jobsFrom` lists, and some that only resemble it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from chart.cluster import Kubectl
from e2e.cluster import NodeCluster
from e2e.connections import Connection, Connections
from e2e.installed import OPERATOR_IMAGE, installed
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.object_store import ObjectStore
from e2e.pods import pod, restricted_namespace, wait_for_pod
from e2e.policies import Policies
from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_DASHBOARD = 8265
_HEAD = "ray.io/node-type=head"
_KUBERAY = {"app.kubernetes.io/component": "kuberay-operator"}
# What KubeRay's operator asks first; the status does not matter, the connection does.
_ASK = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], 8265, timeout=20)
connection.request("GET", "/api/version")
print(connection.getresponse().status)
"""


@pytest.fixture
def kuberay(kubectl: Kubectl) -> Iterator[str]:
    """The namespace in which `jobsFrom` expects KubeRay's operator."""
    with restricted_namespace(kubectl, "kuberay") as name:
        yield name


@pytest.fixture
def labeling(
    real_cluster: RealCluster, node: NodeCluster, place: str, kuberay: str, s3: ObjectStore
) -> Iterator[Labeling]:
    """The operator in a namespace apart, with both kinds of policies."""
    api_server = urlsplit(node.control_plane.url).port
    store = urlsplit(s3.endpoint).port
    jobs_from = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kuberay}},
        "podSelector": {"matchLabels": _KUBERAY},
    }
    policy = {
        "enabled": True,
        # A policy sees ports behind Services.
        "egressPorts": [api_server, store],
        "ray": {"namespaces": [place], "jobsFrom": [jobs_from]},
    }
    values = {**operator_values(real_cluster, place), "networkPolicy": policy}
    with (
        restricted_namespace(real_cluster.kubectl, "operator") as operator,
        installed(real_cluster, operator, values),
    ):
        found = Labeling(real_cluster, place, s3)
        found.prepare()
        yield found


def head_of(labeling: Labeling) -> str:
    """The address of the job's head, once Ray answers there."""

    def ready() -> str:
        state = (
            "-o=jsonpath={range .items[*]}{.status.podIP} "
            '{.status.conditions[?(@.type=="Ready")].status}{end}'
        )
        address, _, is_ready = labeling.do("get", "pods", f"-l={_HEAD}", state).partition(" ")
        return address if is_ready == "True" else ""

    found: str = labeling.until("a head that is ready", ready)
    return found


@dataclass(frozen=True)
class Asker:
    """A pod that asks Ray, by its name, namespace and labels."""

    name: str
    namespace: str
    labels: dict[str, str]


def ask_ray(labeling: Labeling, askers: Sequence[Asker], head: str) -> None:
    """Let all of them ask; each has its answer on return."""
    kubectl, image = labeling.cluster.kubectl, labeling.cluster.image(OPERATOR_IMAGE)
    bodies = []
    for asker in askers:
        body = pod(asker.name, asker.namespace, image, "-I", "-c", _ASK, head)
        body["metadata"]["labels"] = asker.labels
        body["spec"]["containers"][0]["command"] = ["python"]
        bodies.append(body)
    # At once, since the head goes with the job.
    kubectl.do("create", objects=bodies)
    for asker in askers:
        wait_for_pod(kubectl, asker.name, asker.namespace, "jsonpath={.status.phase}=Succeeded")


def policies_of(kubectl: Kubectl) -> Policies:
    listed = json.loads(kubectl.do("get", "networkpolicies", "-A", "-o=json"))["items"]
    namespaces = json.loads(kubectl.do("get", "namespaces", "-o=json"))["items"]
    labels = {each["metadata"]["name"]: each["metadata"]["labels"] for each in namespaces}
    return Policies(listed, labels)


def test_every_connection_of_a_job_is_one_that_the_policies_allow_and_a_strangers_is_not(
    labeling: Labeling, kubectl: Kubectl, node: NodeCluster, kuberay: str
) -> None:
    worker = {"name": "more", "cpuMillis": 300, "memoryMiB": 1024}
    template = {"head": HEAD, "workers": [worker]}
    listed = Asker("kuberay", kuberay, _KUBERAY)
    strangers = (
        Asker("neighbour", kuberay, {"app": "neighbour"}),
        # KubeRay's labels, in the namespace of the jobs.
        Asker("namesake", labeling.namespace, _KUBERAY),
    )
    with Connections(kubectl) as seen:
        labeling.apply(
            labeling.body(compute={"ray": {"cluster": {"scope": "Job", "template": template}}})
        )
        head = head_of(labeling)
        ask_ray(labeling, (listed, *strangers), head)
        labeling.wait("Succeeded", "True")
        policies = policies_of(kubectl)
    assert len(policies.policies) == 2

    def kind(address: str) -> str:
        found = seen.pods.get(address)
        if found is None:
            return "node"
        metadata = found["metadata"]
        if metadata["name"] in {asker.name for asker in (listed, *strangers)}:
            return str(metadata["name"])
        labels = metadata["labels"]
        return str(labels.get("ray.io/node-type") or labels.get("app") or "operator")

    def end(connection: Connection) -> tuple[str, str, int]:
        return kind(connection.source), kind(connection.target), connection.port

    judged = {
        connection: names
        for connection in seen.found
        if (names := policies.refuses(connection, seen.pods))
    }
    assert {end(connection): names for connection, names in judged.items()} == {
        (asker.name, "head", _DASHBOARD): ["Ingress of surelabel-operator-ray"]
        for asker in strangers
    }

    # What was seen is what a job needs; else nothing has been compared.
    ends = {end(connection) for connection in seen.found}
    api_server, store = (
        urlsplit(node.control_plane.url).port,
        urlsplit(labeling.store.endpoint).port,
    )
    assert ("operator", "node", api_server) in ends
    assert ("operator", "s3", store) in ends
    assert ("operator", "node", 53) in ends
    assert ("head", "s3", store) in ends
    assert ("node", "head", _DASHBOARD) in ends
    assert ("kuberay", "head", _DASHBOARD) in ends
    assert any(source == "worker" and target == "head" for source, target, _ in ends)

    # And the comparison can fail: what nobody has tried here.
    operator = next(a for a in seen.pods if kind(a) == "operator")
    shop = next(a for a in seen.pods if kind(a) == "s3")
    asker = next(a for a in seen.pods if kind(a) == "kuberay")
    # The listed one may ask for jobs, not speak Ray's own protocols.
    assert policies.refuses(Connection("TCP", asker, head, 6379), seen.pods)
    assert policies.refuses(Connection("TCP", shop, operator, 9_999), seen.pods)
    assert policies.refuses(Connection("TCP", operator, "203.0.113.7", 25), seen.pods)
