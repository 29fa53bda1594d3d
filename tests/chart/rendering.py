"""The chart as Helm renders it, as Python objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "surelabel"
# Of its own, since the control plane is shared with other tests.
NAMESPACE = "chart-operator"
RELEASE = "surelabel"

_EXPRESSIONS = [
    {"key": "app", "operator": "In", "values": ["a", "b"]},
    {"key": "team", "operator": "Exists"},
]
# All that a NetworkPolicy takes as a peer.
PEERS: list[dict[str, Any]] = [
    {
        "podSelector": {"matchLabels": {"app": "a"}, "matchExpressions": _EXPRESSIONS},
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": "a"},
            "matchExpressions": _EXPRESSIONS,
        },
    },
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
]

# One named set of values per way to install; together they render every branch of every template.
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "two namespaces": {"watchNamespaces": ["chart-vision", "chart-speech"]},
    "digest": {"image": {"digest": "sha256:" + "0" * 64}},
    "all settings": {
        "settings": {
            "rayClusters": [
                {
                    "name": "shared",
                    "url": "http://shared-head-svc.ray.svc:8265",
                    "tokenSecret": "ray-token",
                    "namespaces": ["*"],
                },
                {"name": "gpu", "url": "https://gpu.example:8265", "namespaces": ["vision"]},
            ],
            "rayOrigins": [{"origin": "http://10.0.0.7:8265", "namespaces": ["vision"]}],
            "modelEntrypoints": [{"namespaces": ["vision"], "prefixes": ["company.models."]}],
            "kubeRay": {
                "image": {"repository": "mirror/surelabel/workloads", "tag": "1.2.3"},
                "rayVersion": "2.61.0",
                "images": [{"namespaces": ["vision"], "prefixes": ["mirror/vision/"]}],
                "serviceAccounts": [{"name": "stages", "namespaces": ["vision"]}],
                "priorityClasses": [{"name": "batch", "namespaces": ["*"]}],
            },
            "storage": {
                "localFiles": True,
                "allowedPrefixes": [{"namespaces": ["vision"], "prefixes": ["s3://bucket/vision"]}],
                "endpoints": [{"namespaces": ["*"], "url": "https://s3.example"}],
            },
            "workers": 16,
            "resyncSeconds": 86400,
            "leaseName": "labels",
            "logFormat": "text",
        }
    },
    "accounts of stages": {
        "watchNamespaces": ["chart-vision", "chart-speech"],
        "settings": {
            "kubeRay": {
                "imagePullSecrets": [{"name": "registry"}],
                "serviceAccountAnnotations": {"example.com/role": "stages"},
            }
        },
    },
    "secrets everywhere": {"rbac": {"clusterWideSecrets": True}},
    "no metrics service": {"metrics": {"service": {"enabled": False}}},
    "network policy": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [
                {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "monitoring"}
                    }
                }
            ],
            "ray": {
                "namespaces": ["chart-vision", "chart-speech"],
                "jobsFrom": [
                    {
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": "kuberay"}
                        },
                        "podSelector": {
                            "matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}
                        },
                    }
                ],
            },
        }
    },
    "Ray policy for everybody's scrapes": {
        "networkPolicy": {"ray": {"namespaces": ["chart-vision"]}}
    },
    "peers of every form": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": PEERS,
            "ray": {"namespaces": ["chart-vision"], "jobsFrom": PEERS},
        }
    },
    "two replicas": {"replicas": 2},
    "crds go with the chart": {"crds": {"keep": False}},
    "without what others manage": {
        "crds": {"enabled": False},
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "given"},
        "admission": {"enabled": False},
    },
    "scheduling": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [
            {"key": "infra", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "pool", "value": "a", "effect": "NoExecute", "tolerationSeconds": 60},
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}
                    ]
                }
            }
        },
        "priorityClassName": "system-cluster-critical",
        "podAnnotations": {"example.com/team": "labels"},
        "podLabels": {"team": "labels"},
        "imagePullSecrets": [{"name": "registry"}],
        "envFrom": [
            {"secretRef": {"name": "store", "optional": True}},
            {"prefix": "HTTP_", "configMapRef": {"name": "proxy", "optional": True}},
        ],
        "resources": {"limits": {"cpu": "2"}},
    },
    "service monitor": {
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}
    },
    "pod monitor, alerts, dashboards": {
        "metrics": {
            "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {
                "enabled": True,
                "labels": {"release": "prometheus"},
                "runbookBaseURL": "https://docs.example/runbooks/",
            },
            "dashboards": {
                "enabled": True,
                "labels": {"team": "labels"},
                "annotations": {"grafana_folder": "Surelabel"},
            },
        }
    },
}


@dataclass(frozen=True)
class Helm:
    """The Helm binary, with folders of its own instead of the user's."""

    binary: Path
    home: Path

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run Helm; the caller looks at the exit status."""
        return subprocess.run(
            [self.binary, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
        )

    def text(self, values: dict[str, Any]) -> str:
        """The rendered chart."""
        done = self._template(values)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def objects(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """The rendered objects."""
        return [found for found in yaml.safe_load_all(self.text(values)) if found]

    def refusal(self, values: dict[str, Any]) -> str:
        """Why these values are refused; empty if they are not."""
        done = self._template(values)
        return done.stderr if done.returncode else ""

    def _template(self, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return _rendered(self, json.dumps(values))


@cache
def _rendered(helm: Helm, values: str) -> subprocess.CompletedProcess[str]:
    # Many tests look at the same few renderings.
    return helm.run("template", RELEASE, CHART, "-n", NAMESPACE, "-f", "-", stdin=values)


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [found for found in objects if found["kind"] == kind]


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of this kind."""
    (found,) = of_kind(objects, kind)
    return found


def policy_of(objects: list[dict[str, Any]], about: str) -> dict[str, Any]:
    """The admission policy about ``secrets`` or ``pods``."""
    (found,) = [
        policy
        for policy in of_kind(objects, "ValidatingAdmissionPolicy")
        if policy["metadata"]["name"].endswith(f"-{about}")
    ]
    return found


def settings_file(objects: list[dict[str, Any]]) -> str:
    """The operator's settings file; other ConfigMaps hold dashboards."""
    (found,) = [
        text
        for found in of_kind(objects, "ConfigMap")
        for name, text in found["data"].items()
        if name == "settings.yaml"
    ]
    return str(found)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of everything that is not a non-empty map."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def default_values() -> dict[str, Any]:
    """values.yaml."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return found
