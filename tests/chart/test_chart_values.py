"""values.yaml, its schema, its README: one place for each key, and none without effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chart.rendering import CHART, Helm, default_values, leaves
from chart.values_table import readme_with_table
from surelabel_operator.resources.kube_ray import RAY_VERSION_PATTERN

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())

# A changed value per leaf of values.yaml (with what else it needs); each must change what is
# rendered.
CHANGED: dict[str, dict[str, Any]] = {
    "nameOverride": {"nameOverride": "labels"},
    "fullnameOverride": {"fullnameOverride": "labels"},
    "image.repository": {"image": {"repository": "registry.example/surelabel/operator"}},
    "image.tag": {"image": {"tag": "1.2.3"}},
    "image.digest": {"image": {"digest": "sha256:" + "1" * 64}},
    "image.pullPolicy": {"image": {"pullPolicy": "Always"}},
    "imagePullSecrets": {"imagePullSecrets": [{"name": "registry"}]},
    "replicas": {"replicas": 2},
    "crds.enabled": {"crds": {"enabled": False}},
    "crds.keep": {"crds": {"keep": False}},
    "watchNamespaces": {"watchNamespaces": ["vision"]},
    "settings.rayClusters": {
        "settings": {
            "rayClusters": [{"name": "a", "url": "http://a.example:8265", "namespaces": ["*"]}]
        }
    },
    "settings.rayOrigins": {
        "settings": {"rayOrigins": [{"origin": "http://a.example", "namespaces": ["vision"]}]}
    },
    **{
        f"settings.kubeRay.{path}": {"watchNamespaces": ["vision"], "settings": {"kubeRay": value}}
        for path, value in {
            "enabled": {"enabled": False},
            "image.repository": {"image": {"repository": "mirror/workloads"}},
            "image.tag": {"image": {"tag": "1.2.3"}},
            "image.digest": {"image": {"digest": "sha256:" + "1" * 64}},
            "rayVersion": {"rayVersion": "2.61.0"},
            "images": {"images": [{"namespaces": ["vision"], "prefixes": ["mirror/vision/"]}]},
            "serviceAccounts": {"serviceAccounts": [{"name": "a", "namespaces": ["*"]}]},
            "priorityClasses": {"priorityClasses": [{"name": "a", "namespaces": ["*"]}]},
            "createServiceAccounts": {"createServiceAccounts": False},
            "serviceAccountAnnotations": {"serviceAccountAnnotations": {"a": "b"}},
        }.items()
    },
    "settings.storage.localFiles": {"settings": {"storage": {"localFiles": True}}},
    "settings.storage.allowedPrefixes": {
        "settings": {
            "storage": {"allowedPrefixes": [{"namespaces": ["vision"], "prefixes": ["s3://b/v"]}]}
        }
    },
    "settings.storage.endpoints": {
        "settings": {"storage": {"endpoints": [{"namespaces": ["*"], "url": "https://s3.example"}]}}
    },
    "settings.workers": {"settings": {"workers": 2}},
    "settings.resyncSeconds": {"settings": {"resyncSeconds": 60}},
    "settings.leaseName": {"settings": {"leaseName": "labels"}},
    "settings.logFormat": {"settings": {"logFormat": "text"}},
    "rbac.create": {"rbac": {"create": False}},
    "rbac.clusterWideSecrets": {"rbac": {"clusterWideSecrets": True}},
    "serviceAccount.create": {"serviceAccount": {"create": False}},
    "serviceAccount.name": {"serviceAccount": {"name": "other"}},
    "serviceAccount.annotations": {"serviceAccount": {"annotations": {"example.com/role": "r"}}},
    "admission.enabled": {"admission": {"enabled": False}},
    "metrics.port": {"metrics": {"port": 9090}},
    "metrics.service.enabled": {"metrics": {"service": {"enabled": False}}},
    "metrics.service.annotations": {"metrics": {"service": {"annotations": {"a": "b"}}}},
    "metrics.serviceMonitor.enabled": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "metrics.serviceMonitor.interval": {
        "metrics": {"serviceMonitor": {"enabled": True, "interval": "5s"}}
    },
    "metrics.serviceMonitor.labels": {
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "p"}}}
    },
    "metrics.podMonitor.enabled": {"metrics": {"podMonitor": {"enabled": True}}},
    "metrics.podMonitor.interval": {"metrics": {"podMonitor": {"enabled": True, "interval": "5s"}}},
    "metrics.podMonitor.labels": {
        "metrics": {"podMonitor": {"enabled": True, "labels": {"release": "p"}}}
    },
    "metrics.prometheusRule.enabled": {"metrics": {"prometheusRule": {"enabled": True}}},
    "metrics.prometheusRule.labels": {
        "metrics": {"prometheusRule": {"enabled": True, "labels": {"release": "p"}}}
    },
    "metrics.prometheusRule.runbookBaseURL": {
        "metrics": {"prometheusRule": {"enabled": True, "runbookBaseURL": "https://docs.example"}}
    },
    "metrics.prometheusRule.queuedSeconds": {
        "metrics": {"prometheusRule": {"enabled": True, "queuedSeconds": 86400}}
    },
    "metrics.prometheusRule.noProgressSeconds": {
        "metrics": {"prometheusRule": {"enabled": True, "noProgressSeconds": 86400}}
    },
    "metrics.prometheusRule.budgetUsedPercent": {
        "metrics": {"prometheusRule": {"enabled": True, "budgetUsedPercent": 75}}
    },
    "metrics.dashboards.enabled": {"metrics": {"dashboards": {"enabled": True}}},
    "metrics.dashboards.labels": {
        "metrics": {"dashboards": {"enabled": True, "labels": {"team": "a"}}}
    },
    "metrics.dashboards.annotations": {
        "metrics": {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "a"}}}
    },
    "networkPolicy.enabled": {"networkPolicy": {"enabled": True}},
    "networkPolicy.metricsFrom": {
        "networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]}
    },
    "networkPolicy.egressPorts": {"networkPolicy": {"enabled": True, "egressPorts": [443]}},
    "networkPolicy.ray.namespaces": {"networkPolicy": {"ray": {"namespaces": ["vision"]}}},
    "networkPolicy.ray.jobsFrom": {
        "networkPolicy": {"ray": {"namespaces": ["vision"], "jobsFrom": [{"podSelector": {}}]}}
    },
    "resources.requests.cpu": {"resources": {"requests": {"cpu": "1"}}},
    "resources.requests.memory": {"resources": {"requests": {"memory": "1Gi"}}},
    "resources.limits.cpu": {"resources": {"limits": {"cpu": "1"}}},
    "resources.limits.memory": {"resources": {"limits": {"memory": "1Gi"}}},
    "terminationGracePeriodSeconds": {"terminationGracePeriodSeconds": 60},
    "envFrom": {"envFrom": [{"configMapRef": {"name": "proxy"}}]},
    "podAnnotations": {"podAnnotations": {"a": "b"}},
    "podLabels": {"podLabels": {"a": "b"}},
    "priorityClassName": {"priorityClassName": "high"},
    "nodeSelector": {"nodeSelector": {"a": "b"}},
    "tolerations": {"tolerations": [{"operator": "Exists"}]},
    "affinity": {"affinity": {"podAntiAffinity": {}}},
}


def test_every_value_has_a_case_here() -> None:
    assert set(CHANGED) == {path for path, _ in leaves(default_values())}


@pytest.mark.parametrize("path", CHANGED)
def test_every_value_changes_what_is_rendered(helm: Helm, path: str) -> None:
    changed = CHANGED[path]
    # Beside the value itself a case may switch its parent on: compare against only that.
    others = without_leaf(changed, path)
    assert helm.text(changed) != helm.text(others)


def test_schema_and_values_have_the_same_keys() -> None:
    def compare(schema: dict[str, Any], values: Any, path: str) -> None:
        if "properties" not in schema or not isinstance(values, dict) or not values:
            return
        # Helm puts `global` there itself when the chart is part of another.
        assert set(schema["properties"]) - {"global"} == set(values), path
        for key, value in values.items():
            compare(schema["properties"][key], value, f"{path}.{key}")

    compare(SCHEMA, default_values(), "values")


def test_schema_refuses_unknown_keys_at_every_level() -> None:
    # Maps with free keys, each for a reason: labels and annotations, Helm's own `global`, and
    # affinity, which the API server checks.
    open_maps = []

    def look(schema: dict[str, Any], path: str) -> None:
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            open_maps.append((path, schema.get("additionalProperties")))
        for key, inner in schema.get("properties", {}).items():
            look(inner, f"{path}.{key}" if path else key)
        if "items" in schema:
            look(schema["items"], path + "[]")

    look(SCHEMA, "")
    for name, shared in SCHEMA["$defs"].items():
        look(shared, name)
    untyped = {path for path, additional in open_maps if additional != {"type": "string"}}
    assert untyped == {
        "global",
        "affinity.nodeAffinity",
        "affinity.podAffinity",
        "affinity.podAntiAffinity",
    }


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"replicaCount": 2}, "replicaCount"),
        ({"image": {"registry": "example"}}, "registry"),
        ({"settings": {"stageTime": "2026-01-01T00:00:00Z"}}, "stageTime"),
        ({"settings": {"storage": {"localFile": True}}}, "localFile"),
        (
            {
                "settings": {
                    "rayClusters": [
                        {"name": "a", "url": "http://a", "namespaces": ["*"], "token": "secret"}
                    ]
                }
            },
            "token",
        ),
        ({"metrics": {"serviceMonitor": {"enable": True}}}, "enable"),
        ({"metrics": {"prometheusRule": {"thresholds": {}}}}, "thresholds"),
        ({"serviceAccount": {"labels": {}}}, "labels"),
        ({"crds": {"install": True}}, "install"),
        ({"tolerations": [{"keys": "a"}]}, "keys"),
        ({"networkPolicy": {"ray": {"jobsFrom": [{"podSelektor": {}}]}}}, "podSelektor"),
    ],
)
def test_unknown_key_is_refused_by_name(helm: Helm, values: dict[str, Any], where: str) -> None:
    refusal = helm.refusal(values)
    assert f"additional properties '{where}' not allowed" in refusal


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"watchNamespaces": "vision"}, "/watchNamespaces"),
        ({"watchNamespaces": ["Vision"]}, "/watchNamespaces/0"),
        ({"settings": {"workers": "8"}}, "/settings/workers"),
        ({"settings": {"workers": 0}}, "/settings/workers"),
        ({"settings": {"logFormat": "xml"}}, "/settings/logFormat"),
        ({"settings": {"rayClusters": [{"name": "a"}]}}, "/settings/rayClusters/0"),
        (
            {
                "settings": {
                    "rayClusters": [{"name": "a", "url": "http://a/path", "namespaces": ["*"]}]
                }
            },
            "/settings/rayClusters/0/url",
        ),
        (
            {"settings": {"storage": {"allowedPrefixes": [{"namespaces": [], "prefixes": []}]}}},
            "/settings/storage/allowedPrefixes/0/namespaces",
        ),
        ({"settings": {"kubeRay": {"rayVersion": "2.51.9"}}}, "/settings/kubeRay/rayVersion"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"metrics": {"port": 80}}, "/metrics/port"),
        (
            {"metrics": {"prometheusRule": {"budgetUsedPercent": 100}}},
            "/metrics/prometheusRule/budgetUsedPercent",
        ),
        ({"crds": {"keep": "yes"}}, "/crds/keep"),
        ({"replicas": 0}, "/replicas"),
        ({"replicas": 3}, "/replicas"),
        ({"networkPolicy": {"ray": {"namespaces": ["*"]}}}, "/networkPolicy/ray/namespaces/0"),
        ({"podLabels": {"app.kubernetes.io/name": "x"}}, "/podLabels/app.kubernetes.io~1name"),
    ],
)
def test_wrong_value_is_refused_by_place(helm: Helm, values: dict[str, Any], where: str) -> None:
    assert f"'{where}'" in helm.refusal(values)


def test_schema_asks_for_the_rays_that_the_crd_asks_for() -> None:
    kube_ray = SCHEMA["properties"]["settings"]["properties"]["kubeRay"]["properties"]
    assert kube_ray["rayVersion"]["pattern"] == RAY_VERSION_PATTERN


def test_service_monitor_without_its_service_is_refused(helm: Helm) -> None:
    values = {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}}
    assert "metrics.serviceMonitor.enabled: needs metrics.service.enabled" in helm.refusal(values)


def test_service_and_pod_monitor_at_once_are_refused(helm: Helm) -> None:
    values = {"metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}}
    assert "metrics.podMonitor.enabled: needs metrics.serviceMonitor.enabled to be false" in (
        helm.refusal(values)
    )


def test_readme_table_is_what_values_yaml_says() -> None:
    # `python -m chart.values_table` in tests/ writes it.
    assert (CHART / "README.md").read_text() == readme_with_table()


def without_leaf(values: dict[str, Any], path: str) -> dict[str, Any]:
    key, _, rest = path.partition(".")
    if not rest:
        return {name: value for name, value in values.items() if name != key}
    return {**values, key: without_leaf(values[key], rest)}
