"""What the chart renders, looked at without a cluster."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml

from chart.rendering import (
    CHART,
    NAMESPACE,
    RELEASE,
    ROOT,
    VALUES,
    Helm,
    of_kind,
    only,
    settings_file,
)
from surelabel_operator.child_trust import STAGE_SERVICE_ACCOUNT
from surelabel_operator.settings import KubeRay, Settings

CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
each_way = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())


@each_way
def test_helm_lints_without_a_warning(helm: Helm, values: dict[str, Any]) -> None:
    done = helm.run("lint", "--strict", CHART, "-f", "-", stdin=yaml.safe_dump(values))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@each_way
def test_every_object_is_named_labelled_and_placed(helm: Helm, values: dict[str, Any]) -> None:
    objects = helm.objects(values)
    ray = values.get("networkPolicy", {}).get("ray", {})
    allowed = {NAMESPACE, *values.get("watchNamespaces", []), *ray.get("namespaces", [])}
    identities = [
        (found["kind"], found["metadata"].get("namespace"), found["metadata"]["name"])
        for found in objects
    ]
    assert len(set(identities)) == len(identities)
    for found in objects:
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "surelabel"
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        if found["kind"] in CLUSTER_SCOPED:
            assert "namespace" not in found["metadata"]
        else:
            assert found["metadata"]["namespace"] in allowed


@each_way
def test_settings_file_is_what_the_operator_reads(helm: Helm, values: dict[str, Any]) -> None:
    text = settings_file(helm.objects(values))
    settings = Settings.from_yaml(text)
    asked = values.get("settings", {})
    assert list(settings.watch_namespaces) == values.get("watchNamespaces", [])
    assert settings.release == RELEASE
    assert settings.workers == asked.get("workers", 8)
    shown = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    for key in ("rayClusters", "rayOrigins", "leaseName", "logFormat", "resyncSeconds"):
        if key in asked:
            assert shown[key] == asked[key]
    if "image" in asked.get("kubeRay", {}):
        image = asked["kubeRay"]["image"]
        assert shown["kubeRay"] == {
            **asked["kubeRay"], "image": f"{image['repository']}:{image['tag']}"
        }  # fmt: skip
    if "storage" in asked:
        assert shown["storage"] == asked["storage"]


def test_default_settings_are_the_operators_own_defaults(helm: Helm) -> None:
    text = settings_file(helm.objects({}))
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    kube_ray = KubeRay(image=f"surelabel/workloads:{version}")
    assert Settings.from_yaml(text) == Settings(kube_ray=kube_ray)


def test_every_setting_has_a_value_except_that_of_tests(helm: Helm) -> None:
    text = settings_file(helm.objects({}))

    def keys(model: Any) -> dict[str, Any]:
        return {field.alias: field for field in model.model_fields.values()}

    assert set(yaml.safe_load(text)) == set(keys(Settings)) - {"stageTime"}


@each_way
def test_every_container_is_restricted(helm: Helm, values: dict[str, Any]) -> None:
    objects = helm.objects(values)
    operator = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert {"configMap", "emptyDir"} == {
        kind for volume in operator["volumes"] for kind in volume if kind != "name"
    }
    for container in operator["containers"]:
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    for pod in (operator, *(found["spec"] for found in of_kind(objects, "Pod"))):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_stages_have_an_account_without_a_token_in_each_watched_namespace(helm: Helm) -> None:
    def accounts(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
        found = of_kind(helm.objects(values), "ServiceAccount")
        named = [one for one in found if one["metadata"]["name"] == STAGE_SERVICE_ACCOUNT]
        return {one["metadata"]["namespace"]: one for one in named}

    given = accounts(VALUES["accounts of stages"])
    assert set(given) == {"chart-vision", "chart-speech"}
    for account in given.values():
        assert account["automountServiceAccountToken"] is False
        assert account["imagePullSecrets"] == [{"name": "registry"}]
        assert account["metadata"]["annotations"] == {"example.com/role": "stages"}
    bare = accounts(VALUES["two namespaces"])["chart-vision"]
    assert not {"imagePullSecrets", "secrets"} & set(bare)
    # Cluster-wide nobody knows the namespaces; their owners create it.
    assert accounts({}) == {}


def test_one_operator_at_a_time_and_a_graceful_stop(helm: Helm) -> None:
    spec = only(helm.objects({}), "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    # One request of the operator may take 15 s (kube_api.py), twice: the status and the Lease.
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 30


def test_two_replicas_are_replaced_one_after_the_other_on_nodes_of_their_own(helm: Helm) -> None:
    objects = helm.objects({"replicas": 2})
    spec = only(objects, "Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    pod = spec["template"]
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    budget = only(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    for selector in (spread["labelSelector"], budget["selector"]):
        assert selector["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_one_replica_has_no_budget_that_would_hold_up_a_drain(helm: Helm) -> None:
    assert not of_kind(helm.objects({}), "PodDisruptionBudget")


def labels_of_test_pod(helm: Helm, values: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = only(helm.objects(values), "Pod")["metadata"]["labels"]
    return found


def test_nothing_takes_the_pod_of_helm_test_for_the_operator(helm: Helm) -> None:
    values = {**VALUES["network policy"], "replicas": 2}
    labels = labels_of_test_pod(helm, values).items()
    objects = helm.objects(values)
    selectors = [
        only(objects, "Service")["spec"]["selector"],
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        *(p["spec"]["podSelector"]["matchLabels"] for p in of_kind(objects, "NetworkPolicy")),
    ]
    assert len(selectors) == 6
    for selector in selectors:
        assert not selector.items() <= labels


def test_helm_test_asks_the_metrics_service_and_is_let_through(helm: Helm) -> None:
    values = {**VALUES["network policy"], "metrics": {"port": 9090}}
    objects = helm.objects(values)
    pod = only(objects, "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    service = only(objects, "Service")["metadata"]["name"]
    assert container["args"][1] == f"{service}.{NAMESPACE}.svc:9090"
    assert container["args"][0] == (CHART / "ask_operator.py").read_text()
    (policy,) = [
        found
        for found in of_kind(objects, "NetworkPolicy")
        if found["metadata"]["namespace"] == NAMESPACE
    ]
    (rule,) = policy["spec"]["ingress"]
    let_in = [peer["podSelector"]["matchLabels"] for peer in rule["from"] if "podSelector" in peer]
    assert any(labels.items() <= pod["metadata"]["labels"].items() for labels in let_in)


def test_without_the_metrics_service_there_is_nothing_that_helm_test_could_ask(helm: Helm) -> None:
    assert not of_kind(helm.objects(VALUES["no metrics service"]), "Pod")


def test_probes_ask_the_metrics_port(helm: Helm) -> None:
    pod = only(helm.objects({"metrics": {"port": 9090}}), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["ports"] == [{"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}


@pytest.mark.parametrize(
    ("image", "rendered"),
    [
        ({}, "surelabel/operator:0.1.0"),
        ({"repository": "r.example:5000/op"}, "r.example:5000/op:0.1.0"),
        ({"tag": "1.2"}, "surelabel/operator:1.2"),
        (
            {"tag": "1.2", "digest": "sha256:" + "a" * 64},
            "surelabel/operator@sha256:" + "a" * 64,
        ),
    ],
)
def test_image_is_named_by_digest_else_tag(
    helm: Helm, image: dict[str, str], rendered: str
) -> None:
    pod = only(helm.objects({"image": image}), "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == rendered


def test_changed_settings_start_a_new_pod_and_nothing_else_does(helm: Helm) -> None:
    def annotations(values: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = only(helm.objects(values), "Deployment")["spec"]["template"][
            "metadata"
        ]["annotations"]
        return found

    assert annotations({"settings": {"workers": 2}}) != annotations({})
    assert annotations({"admission": {"enabled": False}}) == annotations({})


def test_service_and_monitor_select_the_operators_pod(helm: Helm) -> None:
    objects = helm.objects(VALUES["service monitor"])
    pod_labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    service = only(objects, "Service")
    assert service["spec"]["selector"].items() <= pod_labels.items()
    monitor = only(objects, "ServiceMonitor")
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert not of_kind(helm.objects({}), "ServiceMonitor")


def test_pod_monitor_selects_the_operators_pod_and_its_port(helm: Helm) -> None:
    objects = helm.objects(VALUES["pod monitor, alerts, dashboards"])
    pod = only(objects, "Deployment")["spec"]["template"]
    monitor = only(objects, "PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    selected = monitor["spec"]["selector"]["matchLabels"]
    assert selected.items() <= pod["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == pod["spec"]["containers"][0]["ports"][0]["name"]
    assert not of_kind(helm.objects({}), "PodMonitor")


@pytest.mark.parametrize(
    ("name", "kind", "endpoints"),
    [
        ("service monitor", "ServiceMonitor", "endpoints"),
        ("pod monitor, alerts, dashboards", "PodMonitor", "podMetricsEndpoints"),
    ],
)
def test_a_jobs_series_keep_the_jobs_namespace(
    helm: Helm, name: str, kind: str, endpoints: str
) -> None:
    (endpoint,) = only(helm.objects(VALUES[name]), kind)["spec"][endpoints]
    assert endpoint["honorLabels"] is True


def test_crds_are_those_of_the_repository(helm: Helm) -> None:
    sources = sorted((ROOT / "crds").glob("*.yaml"))
    assert [path.name for path in sources] == sorted(
        path.name for path in (CHART / "crd-bases").glob("*.yaml")
    )
    for path in sources:
        assert (CHART / "crd-bases" / path.name).read_bytes() == path.read_bytes()
    expected = [yaml.safe_load(path.read_text()) for path in sources]
    rendered = sorted(
        of_kind(helm.objects({}), "CustomResourceDefinition"),
        key=lambda found: found["metadata"]["name"],
    )
    assert [found["spec"] for found in rendered] == [found["spec"] for found in expected]
    assert [found["metadata"]["name"] for found in rendered] == [
        found["metadata"]["name"] for found in expected
    ]


@pytest.mark.parametrize(("keep", "policy"), [(True, "keep"), (False, None)])
def test_crds_outlive_the_chart_unless_told_otherwise(
    helm: Helm, keep: bool, policy: str | None
) -> None:
    crds = of_kind(helm.objects({"crds": {"keep": keep}}), "CustomResourceDefinition")
    assert len(crds) == 2
    for crd in crds:
        annotations = crd["metadata"].get("annotations", {})
        assert annotations.get("helm.sh/resource-policy") == policy


def test_chart_and_project_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_no_registry_host_stands_in_the_chart() -> None:
    for path in CHART.rglob("*"):
        if path.is_file():
            text = path.read_text()
            for host in ("docker.io", "ghcr.io", "quay.io", "gcr.io"):
                assert host not in text, path


def notes_of(helm: Helm, values: dict[str, Any]) -> str:
    """What `helm install` prints at its end; `helm template` leaves it out."""
    command = ("install", RELEASE, CHART, "-n", NAMESPACE, "--dry-run=client", "-f", "-")
    done = helm.run(*command, stdin=yaml.safe_dump(values))
    assert done.returncode == 0, done.stderr
    return done.stdout.split("NOTES:")[1]


@each_way
def test_notes_say_what_comes_next_and_how_to_uninstall(helm: Helm, values: dict[str, Any]) -> None:
    notes = notes_of(helm, values)
    assert "kubectl get slj" in notes
    assert f"helm uninstall --namespace {NAMESPACE} {RELEASE}" in notes
    keeps = values.get("crds", {}).get("enabled", True) and values.get("crds", {}).get("keep", True)
    assert ("kubectl delete crd labelingjobs.surelabel.dev" in notes) == keeps


@pytest.mark.parametrize("kube_ray", [True, False])
def test_notes_name_every_ray_with_which_a_secret_is_enough(helm: Helm, kube_ray: bool) -> None:
    notes = notes_of(helm, {"settings": {"kubeRay": {"enabled": kube_ray}}})
    (storage,) = (part for part in notes.split("\n\n") if part.startswith("No storage"))
    assert "spec.storage.secretName" in storage
    for field in ("address.url", "cluster", "selector"):
        # RayClusters of KubeRay are a job's own, too.
        assert (f"spec.compute.ray.{field}" in storage) == (kube_ray or field == "address.url")


@pytest.mark.parametrize(
    ("repository", "has_host"),
    [
        ("surelabel/operator", False),
        ("operator", False),
        ("registry.example/surelabel/operator", True),
        ("registry:5000/operator", True),
        ("localhost/surelabel/operator", True),
    ],
)
def test_notes_tell_of_an_image_without_a_host(helm: Helm, repository: str, has_host: bool) -> None:
    stages = "registry.example/surelabel/workloads"
    values = {
        "image": {"repository": repository},
        "settings": {"kubeRay": {"image": {"repository": stages}}},
    }
    notes = notes_of(helm, values)
    assert (f"The image {repository}:" in notes and "(image.repository)" in notes) != has_host
    assert f"The image {stages}" not in notes


def test_notes_tell_of_both_images_where_no_host_was_given(helm: Helm) -> None:
    notes = notes_of(helm, {})
    assert "(image.repository)" in notes
    assert "(settings.kubeRay.image.repository)" in notes
    without = notes_of(helm, {"settings": {"kubeRay": {"enabled": False}}})
    assert "settings.kubeRay.image.repository" not in without
