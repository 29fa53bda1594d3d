"""The fields of the CRDs' specs that could point at something, found in their schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from chart.rendering import ROOT


def text_fields() -> set[str]:
    """Every field of the CRDs' specs that takes a free text."""
    found: set[str] = set()
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        for version in crd["spec"]["versions"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            found |= set(texts_in(spec, "spec"))
    return found


def texts_in(schema: dict[str, Any], path: str) -> Iterator[str]:
    """The fields below that take a text; AssertionError where it cannot be told which there are."""
    kind = schema.get("type")
    # A field of any name or form would stand in no table.
    assert kind in ("object", "array", "string", "integer", "boolean"), path
    assert not any(key.startswith("x-kubernetes-preserve") for key in schema), path
    assert "additionalProperties" not in schema, path
    assert "x-kubernetes-embedded-resource" not in schema, path
    if kind == "string" and "enum" not in schema:
        yield path
    elif kind == "array":
        yield from texts_in(schema["items"], f"{path}[]")
    elif kind == "object":
        # Without fields it would take none, or all.
        assert schema.get("properties"), path
        for name, inner in schema["properties"].items():
            yield from texts_in(inner, f"{path}.{name}")


def values_at(value: Any, path: list[str]) -> list[Any]:
    """What stands at the path (a, list[], b) of a spec."""
    if not path:
        return [value]
    name, is_list = path[0].removesuffix("[]"), path[0].endswith("[]")
    inner = value.get(name) if isinstance(value, dict) else None
    every = (inner or []) if is_list else [] if inner is None else [inner]
    return [found for one in every for found in values_at(one, path[1:])]
