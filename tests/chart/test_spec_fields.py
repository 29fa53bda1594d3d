"""No field escapes those who list what a spec may point at."""

from __future__ import annotations

from typing import Any

import pytest

from chart.spec_fields import texts_in, values_at


def test_a_new_field_is_seen_wherever_it_comes() -> None:
    text = {"type": "string", "maxLength": 9}
    schema = {
        "type": "object",
        "properties": {
            "uri": text,
            "mode": {**text, "enum": ["A"]},
            "count": {"type": "integer"},
            "lists": {
                "type": "array",
                "items": {"type": "array", "items": {"type": "object", "properties": {"a": text}}},
            },
        },
    }
    assert set(texts_in(schema, "spec")) == {"spec.uri", "spec.lists[][].a"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {}}},
        {"x-kubernetes-int-or-string": True},
        {"type": "object", "properties": {"a": {"x-kubernetes-preserve-unknown-fields": True}}},
    ],
)
def test_a_field_that_takes_anything_is_no_field_that_a_table_can_have(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(AssertionError, match="spec"):
        list(texts_in(schema, "spec"))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.uri", ["s3://a"]),
        ("spec.pods[].name", ["x", "y"]),
        ("spec.pods[].labels[].key", ["k"]),
        ("spec.pods[].missing", []),
        ("spec.missing.uri", []),
    ],
)
def test_values_are_found_by_the_path_of_their_field(path: str, found: list[str]) -> None:
    pods = [{"name": "x", "labels": [{"key": "k"}]}, {"name": "y"}]
    assert values_at({"spec": {"uri": "s3://a", "pods": pods}}, path.split(".")) == found
