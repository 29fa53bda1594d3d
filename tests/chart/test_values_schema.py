"""values.schema.json: it has the keys of values.yaml, and refuses every other and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chart.rendering import CHART, VALUES, Helm, default_values
from surelabel_operator.resources.kube_ray import RAY_VERSION_PATTERN

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())


def schema_leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Dotted path and schema of everything that has a value; ``[]`` for the entries of a list."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if schema.get("properties"):
        for key, inner in schema["properties"].items():
            yield from schema_leaves(inner, f"{path}.{key}" if path else key)
    elif "items" in schema:
        yield from schema_leaves(schema["items"], f"{path}[]")
    else:
        yield path, schema


def paths_in(value: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of all that stands in the values, in the form of ``schema_leaves``."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_in(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from paths_in(inner, f"{path}[]")


def test_every_key_of_a_list_entry_is_rendered_and_given_to_an_api_server() -> None:
    # test_chart_on_api_server.py does it with each of VALUES.
    tried = {path for values in VALUES.values() for path in paths_in(values)}
    of_entries = {path for path, _ in schema_leaves(SCHEMA) if "[]." in path}
    assert len(of_entries) > 30
    assert of_entries - tried == set()


def test_every_key_of_a_list_entry_is_described() -> None:
    # Those of values.yaml itself stand in the README.
    bare = {path for path, found in schema_leaves(SCHEMA) if "description" not in found}
    free = ("matchLabels", "[]")
    assert {path for path in bare if "[]." in path and not path.endswith(free)} == set()


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
        # A path of the sources would be a dead link in an alert.
        (
            {"metrics": {"prometheusRule": {"runbookBaseURL": "docs/runbooks"}}},
            "/metrics/prometheusRule/runbookBaseURL",
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
