"""Everything that the chart renders, given to a real API server."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from chart.cluster import Kubectl, Release, labeling_job, namespace, wait_for
from chart.monitoring_crds import MONITORING_CRDS
from chart.rendering import CHART, RELEASE, VALUES, Helm, only

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def with_prometheus_operator(kubectl: Kubectl) -> None:
    kubectl.do("apply", "--server-side", objects=MONITORING_CRDS)
    for crd in MONITORING_CRDS:
        plural = crd["spec"]["names"]["plural"]
        kubectl.do("wait", "--for=condition=Established", f"crd/{crd['metadata']['name']}")
        wait_for("discovery", lambda plural=plural: not kubectl.ask("get", plural, "-A").refusal)


@pytest.mark.usefixtures("with_prometheus_operator")
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_api_server_accepts_every_object(
    helm: Helm, kubectl: Kubectl, values: dict[str, Any]
) -> None:
    assert kubectl.dry_run(*helm.objects(values)) == ""


def test_misspelt_field_would_be_refused(helm: Helm, kubectl: Kubectl) -> None:
    service = only(helm.objects({}), "Service")
    service["spec"]["selektor"] = {}
    assert "selektor" in kubectl.dry_run(service)


@pytest.mark.usefixtures("with_prometheus_operator")
def test_misspelt_field_of_an_alert_would_be_refused(helm: Helm, kubectl: Kubectl) -> None:
    rule = only(helm.objects(VALUES["pod monitor, alerts, dashboards"]), "PrometheusRule")
    rule["spec"]["groups"][0]["rules"][0]["expresion"] = "1"
    assert "expresion" in kubectl.dry_run(rule)


@pytest.mark.parametrize("kind", ["Deployment", "Pod"], ids=["operator", "helm test"])
@pytest.mark.parametrize("name", ["default", "scheduling"])
def test_restricted_pod_security_accepts_the_pods(
    helm: Helm, kubectl: Kubectl, name: str, kind: str
) -> None:
    strict = namespace("chart-restricted", **{"pod-security.kubernetes.io_enforce": "restricted"})
    kubectl.do("apply", "--server-side", objects=[strict])
    found = only(helm.objects(VALUES[name]), kind)
    template = found["spec"]["template"] if kind == "Deployment" else found
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": template["spec"],
        "metadata": {"name": "pod", "namespace": "chart-restricted"},
    }
    assert kubectl.dry_run(pod) == ""
    # The check is on: the same pod with one right more is refused.
    privileged = copy.deepcopy(pod)
    del privileged["spec"]["securityContext"]["runAsNonRoot"]
    assert 'violates PodSecurity "restricted' in kubectl.dry_run(privileged)


def test_chart_installs_upgrades_and_leaves_only_the_crds(
    helm: Helm, kubectl: Kubectl, release: Release
) -> None:
    release.install({})
    release.install({"watchNamespaces": [release.watched]})
    kubectl.do("wait", "--for=condition=Established", "crd/labelingjobs.surelabel.dev")
    kubectl.do("apply", "--server-side", objects=[labeling_job("kept", release.watched)])
    ours = ["-A", "-o=name", f"-l=app.kubernetes.io/instance={release.name}"]
    assert kubectl.do("get", "clusterroles,clusterrolebindings", *ours) == ""
    done = helm.run(
        "uninstall",
        release.name,
        f"--kubeconfig={kubectl.kubeconfig}",
        f"--namespace={release.namespace}",
    )
    assert done.returncode == 0, done.stderr
    kinds = (
        "deployments,services,configmaps,serviceaccounts,roles,rolebindings,clusterroles,"
        "clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    assert kubectl.do("get", kinds, *ours) == ""
    kubectl.do("delete", "slj", "kept", f"-n={release.watched}")


def test_second_release_beside_the_first_shares_no_cluster_wide_object(helm: Helm) -> None:
    def cluster_wide(namespace: str) -> set[tuple[str, str]]:
        done = helm.run(
            "template", RELEASE, CHART, "-n", namespace, "--set=crds.enabled=false", "-f", "-"
        )
        assert done.returncode == 0, done.stderr
        return {
            (found["kind"], found["metadata"]["name"])
            for found in yaml.safe_load_all(done.stdout)
            if found and "namespace" not in found["metadata"]
        }

    assert cluster_wide("one")
    assert not cluster_wide("one") & cluster_wide("two")
