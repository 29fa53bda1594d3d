"""values.yaml and its README: no key without effect, and none that is not told."""

from __future__ import annotations

from typing import Any

import pytest

from chart.rendering import CHART, Helm, default_values, leaves
from chart.values_table import readme_with_table

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
    "settings.modelEntrypoints": {
        "settings": {
            "modelEntrypoints": [{"namespaces": ["vision"], "prefixes": ["company.models."]}]
        }
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
            "imagePullSecrets": {"imagePullSecrets": [{"name": "registry"}]},
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
