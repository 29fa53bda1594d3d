"""As much of the Prometheus operator's CRDs as tells a misspelt field from a right one."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}
_STRINGS: dict[str, Any] = {"type": "object", "additionalProperties": _STRING}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_SELECTOR = _object([], matchLabels=_STRINGS)
_ENDPOINTS = _list(
    _object([], port=_STRING, path=_STRING, interval=_STRING, honorLabels={"type": "boolean"})
)
_RULE = _object(
    ["expr"],
    alert=_STRING,
    expr=_STRING,
    **{"for": _STRING},
    labels=_STRINGS,
    annotations=_STRINGS,
)
_SPECS = {
    "ServiceMonitor": _object(["endpoints", "selector"], endpoints=_ENDPOINTS, selector=_SELECTOR),
    "PodMonitor": _object(
        ["podMetricsEndpoints", "selector"], podMetricsEndpoints=_ENDPOINTS, selector=_SELECTOR
    ),
    "PrometheusRule": _object(
        ["groups"], groups=_list(_object(["name"], name=_STRING, rules=_list(_RULE)))
    ),
}


def _crd(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    group, singular = "monitoring.coreos.com", kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{singular}s", "singular": singular},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _object(["spec"], spec=spec)},
                }
            ],
        },
    }


MONITORING_CRDS = [_crd(kind, spec) for kind, spec in _SPECS.items()]
