"""The generated files: as committed, complete, and as Kubernetes wants a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from surelabel_operator.crd import KINDS, build_crd, build_schema

Node = dict[str, Any]


def nodes(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def every_node() -> list[Any]:
    return [
        pytest.param(node, id=path)
        for kind in KINDS
        for path, node in nodes(build_schema(kind.model), kind.name)
        if ".metadata" not in path
    ]


@pytest.mark.parametrize("node", every_node())
def test_every_field_is_described_typed_and_bounded(node: Node) -> None:
    assert node["description"].endswith(".")
    assert node["type"] in ("object", "array", "string", "integer", "boolean"), "no floats"
    if node["type"] == "string":
        assert "maxLength" in node or "enum" in node
    if node["type"] == "integer":
        assert {"minimum", "maximum"} <= set(node)
        assert node["maximum"] < 2**53, "JSON readers keep no more"
    if node["type"] == "array":
        assert {"items", "maxItems", "x-kubernetes-list-type"} <= set(node)
    if node["type"] == "object":
        assert node["properties"], "nothing is free-form"
    assert not {"$ref", "anyOf", "allOf", "x-kubernetes-preserve-unknown-fields"} & set(node)


@pytest.mark.parametrize("node", every_node())
def test_every_rule_says_what_is_asked_for(node: Node) -> None:
    for rule in node.get("x-kubernetes-validations", []):
        assert rule["message"]
        assert not rule["message"].endswith("."), "the API server joins messages with commas"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_conditions_are_a_map_by_type(kind: Any) -> None:
    conditions = build_schema(kind.model)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["required"]) >= {"type", "status", "reason"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_status_is_a_subresource_with_the_generation_never_seen(kind: Any) -> None:
    version = build_crd(kind)["spec"]["versions"][0]
    assert version["subresources"] == {"status": {}}
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    assert all("default" not in node for path, node in nodes(status, "status") if "." in path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_columns_take_conditions_by_type(kind: Any) -> None:
    for column in kind.columns:
        assert "[-1" not in column.path
        assert "[0" not in column.path


def test_a_status_at_its_bounds_stays_below_ten_kibibytes_in_practice() -> None:
    """Lists at their bounds with sentences of the usual length."""
    import json

    from surelabel_operator.resources import (
        MAX_CONDITIONS,
        MAX_QUALITY_METRICS,
        MAX_RECENT_ROUNDS,
    )

    condition = {
        "type": "StorageAvailable",
        "status": "False",
        "reason": "BackoffLimitExceeded",
        "message": "m" * 300,
        "observedGeneration": 3,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    round_ = {
        "round": 4,
        "humanLabeled": 100_000,
        "machineLabeled": 100_000,
        "validationErrors": 10,
        "seconds": 1_000,
    }
    status = {
        "conditions": [condition] * MAX_CONDITIONS,
        "recentRounds": [round_] * MAX_RECENT_ROUNDS,
        "quality": [{"metric": "outOfFoldAccuracy", "value": "0.012345"}] * MAX_QUALITY_METRICS,
        "unlabeledReasons": [{"reason": "BrokenMedia", "items": 5}] * 20,
        "output": dict.fromkeys(("manifest", "model", "report"), "s3://bucket/" + "x" * 200),
    }
    assert len(json.dumps(status)) < 10 * 1024
