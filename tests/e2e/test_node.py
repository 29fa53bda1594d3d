"""What any cluster does for its pods: without it nothing else here means anything."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from chart.cluster import Kubectl
from e2e.cluster import AFTER_ALL_ELSE, PROBE_IMAGE, NodeCluster
from e2e.pods import pod, wait_for_pod
from e2e.real_cluster import RealCluster

pytestmark = pytest.mark.e2e

_DONE = "jsonpath={.status.phase}=Succeeded"


@pytest.fixture
def image(real_cluster: RealCluster) -> str:
    return real_cluster.image(PROBE_IMAGE)


def service(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}], **spec},
    }


def answer_to(kubectl: Kubectl, place: str, image: str, name: str, url: str) -> str:
    """What a pod gets from ``url``."""
    # The rules of a service reach the node a moment after its pods are ready.
    client = pod(name, place, image, "get", url, restartPolicy="OnFailure")
    kubectl.do("apply", "--server-side", objects=[client])
    wait_for_pod(kubectl, name, place, _DONE)
    return kubectl.do("logs", name, f"-n={place}")


@pytest.mark.smoke
def test_the_cluster_comes_up_within_a_minute(
    node: NodeCluster, say_at_end: Callable[[str], None]
) -> None:
    parts = ", ".join(f"{what} {seconds:.1f}" for what, seconds in node.seconds.items())
    say_at_end(f"Seconds of the cluster's start: {parts}")
    # Unpacking images that have just been built counts as building them.
    assert node.seconds["all"] - node.seconds[AFTER_ALL_ELSE] < 60


def test_a_service_answers_by_name_and_by_address_from_another_pod_and_from_its_own(
    kubectl: Kubectl, place: str, image: str
) -> None:
    server = pod("server", place, image, "serve", ":8000", "it is me")
    objects = [server, service("server", place)]
    kubectl.do("apply", "--server-side", objects=objects)
    wait_for_pod(kubectl, "server", place, "condition=Ready")
    address = kubectl.do("get", "service", "server", f"-n={place}", "-o=jsonpath={.spec.clusterIP}")
    full = f"http://server.{place}.svc.cluster.local"
    urls = {"full": full, "short": "http://server", "address": f"http://{address}"}
    for name, url in urls.items():
        assert answer_to(kubectl, place, image, name, url) == "it is me\n"
    itself = ("exec", "server", f"-n={place}", "--", "/probe", "get", full)
    assert kubectl.do(*itself) == "it is me\n"


def test_a_headless_service_leads_to_its_pod(kubectl: Kubectl, place: str, image: str) -> None:
    server = pod("head", place, image, "serve", ":8000", "directly")
    objects = [server, service("head", place, clusterIP="None")]
    kubectl.do("apply", "--server-side", objects=objects)
    wait_for_pod(kubectl, "head", place, "condition=Ready")
    url = f"http://head.{place}.svc:8000"
    assert answer_to(kubectl, place, image, "client", url) == "directly\n"


def test_a_restricted_namespace_refuses_a_pod_that_may_be_root(
    kubectl: Kubectl, place: str, image: str
) -> None:
    wanted = pod("root", place, image)
    assert kubectl.dry_run(wanted) == ""
    loose = copy.deepcopy(wanted)
    del loose["spec"]["securityContext"]["runAsNonRoot"]
    assert 'violates PodSecurity "restricted' in kubectl.dry_run(loose)


def test_a_quota_refuses_a_pod_too_many(kubectl: Kubectl, place: str, image: str) -> None:
    quota = f"--hard=pods=1 --namespace={place}".split()
    kubectl.do("create", "quota", "small", *quota)
    kubectl.do("wait", "--for=jsonpath={.status.hard.pods}=1", "quota/small", f"-n={place}")
    kubectl.do("apply", "--server-side", objects=[pod("first", place, image)])
    refused = kubectl.ask("apply", "--server-side", objects=[pod("second", place, image)])
    assert "exceeded quota: small" in refused.refusal


def test_a_pod_whose_image_is_nowhere_says_so(kubectl: Kubectl, place: str) -> None:
    kubectl.do("apply", "--server-side", objects=[pod("lost", place, "surelabel/nowhere:e2e")])
    reason = "{.status.containerStatuses[0].state.waiting.reason}"
    wait_for_pod(kubectl, "lost", place, f"jsonpath={reason}=ErrImagePull")
