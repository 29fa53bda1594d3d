"""Cases for the types and bounds of the resources, made from the schema itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resource_cases import CORRECTING, FULL, OWN_MODEL, REMOVED, Case, Changes, changed, way_to_ray
from resource_rule_cases import CEL_CASES
from surelabel_operator.crd import KINDS, build_schema

# Valid values of full length where a letter at the end would not do.
LONGEST = {
    "amount": "999999999999.999999",
    "currency": "USD",
    "key": f"{'a' * 253}/{'b' * 63}",
    "rayVersion": f"2.60.{'0' * 27}",
}


# Fields that other fields must make room for.
_ALONE: dict[str, Changes] = {
    "spec.autoLabeling.encoder.uri": {
        "spec.autoLabeling.encoder": {"uri": "s3://bucket/encoder.onnx"}
    },
    "spec.autoLabeling.encoder.package": {
        "spec.autoLabeling.encoder": {"package": "my-encoders/encoder.onnx"}
    },
    "spec.input.auditLabelAttributeName": CORRECTING,
    "spec.autoLabeling.model.name": {"spec.autoLabeling.model": {"name": "Auto"}},
    "spec.autoLabeling.model.entrypoint": {
        "spec.autoLabeling.model": {"entrypoint": "company.models:Net"}
    },
    "spec.autoLabeling.tolerancePermille": {
        "spec.taskType": "NamedEntityRecognition",
        **OWN_MODEL,
        "spec.autoLabeling.tolerancePermille": 500,
    },
    "spec.compute.ray.address.url": {"spec.compute.ray.address.name": REMOVED},
    "spec.workforce.annotatorsPerItem": {"spec.workforce.maxAnnotatorsPerItem": REMOVED},
    "spec.workforce.maxAnnotatorsPerItem": {"spec.workforce.annotatorsPerItem": 1},
}


def bound_cases(kind: str) -> Iterator[Case]:
    """A case for every type and bound of the spec."""
    model = next(k.model for k in KINDS if k.name == kind)
    yield from _node_cases(kind, build_schema(model)["properties"]["spec"], "spec")


def _node_cases(kind: str, node: dict[str, Any], path: str) -> Iterator[Case]:
    for rule, good, bad, message in _bounds(kind, node, path):
        shown = _shown(path)
        refusals = set()
        for line in message.splitlines():
            where, _, text = line.rpartition("|")
            refusals.add(f"{shown}{where}: {text.replace('@', shown)}")
        yield Case(
            f"{path} {rule}",
            kind,
            f"{path} {rule}",
            {path: good},
            {path: bad},
            frozenset(refusals),
            first=_ALONE.get(path, way_to_ray(path)),
        )
    for name, child in node.get("properties", {}).items():
        yield from _node_cases(kind, child, f"{path}.{name}")
    if "items" in node:
        yield from _node_cases(kind, node["items"], f"{path}.0")


def _shown(path: str) -> str:
    return path.replace(".0", "[0]")


def _at(kind: str, path: str) -> Any:
    value: Any = changed(FULL[kind], _ALONE.get(path, way_to_ray(path)))
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value.get(part)
        if value is None:
            return None
    return value


def _bounds(kind: str, node: dict[str, Any], path: str) -> Iterator[tuple[str, Any, Any, str]]:
    """(rule, accepted value, refused value, message).

    In a message ``@`` is the field and ``.x|`` at its front a field in it; a line is a refusal.
    """
    value = _at(kind, path)
    if value is None:
        # Set in no other field's company (a url beside a name).
        value = "http://ray"
    wrong, got = (5, "integer") if node["type"] != "integer" else ("x", "string")
    message = f'Invalid value: "{got}": @ in body must be of type {node["type"]}: "{got}"'
    if "enum" not in node and not (path.endswith(".0") and node["type"] == "object"):
        yield f"is of type {node['type']}", value, wrong, message
    for name in node.get("required", []):
        without = {key: child for key, child in value.items() if key != name}
        yield f"has {name}", value, without, f".{name}|Required value"
    if "enum" in node:
        supported = ", ".join(f'"{one}"' for one in node["enum"])
        message = f'Unsupported value: "Other": supported values: {supported}'
        yield "is one of the listed", value, "Other", message
    if "minimum" in node:
        low, high = node["minimum"], node["maximum"]
        at_least = "@ in body should be greater than or equal to"
        at_most = "@ in body should be less than or equal to"
        lowest = f"Invalid value: {low - 1}: {at_least} {low}"
        if path.endswith("maxAnnotatorsPerItem"):
            lowest += "\nInvalid value: must be at least annotatorsPerItem"
        yield "is not too small", low, low - 1, lowest
        highest = f"Invalid value: {high + 1}: {at_most} {high}"
        yield "is not too large", high, high + 1, highest
    if "maxLength" in node:
        limit = node["maxLength"]
        longest = LONGEST.get(path.rpartition(".")[2]) or value + "a" * (limit - len(value))
        yield (
            "is not too long",
            longest,
            "a" * (limit + 1),
            (f"Too long: may not be more than {limit} bytes"),
        )
    if "minLength" in node:
        message = f'Invalid value: "": @ in body should be at least {node["minLength"]} chars long'
        yield "is not too short", value, "", message
    if "maxItems" in node:
        limit = node["maxItems"]
        keys = node.get("x-kubernetes-list-map-keys")
        key = keys[0] if keys else None
        entries = _entries(node, value[0], key, limit + 1)
        many = f"Too many: {limit + 1}: must have at most {limit} items"
        if names := _enum(node, key):
            # As many names as entries, so one more is also none of the listed.
            entries.append({**value[0], "name": "x"})
            supported = ", ".join(f'"{name}"' for name in names)
            many += f'\n[{limit}].name|Unsupported value: "x": supported values: {supported}'
        yield "has not too many entries", entries[:limit], entries, many
        if key is not None:
            duplicate = f'{{"{key}":"{value[0][key]}"}}'
            yield (
                "has no entry twice",
                value,
                [*value, value[0]],
                f"[{len(value)}]|Duplicate value: {duplicate}",
            )
    if "minItems" in node:
        low = node["minItems"]
        message = f"Invalid value: {low - 1}: @ in body should have at least {low} items"
        yield "has enough entries", value[:low], value[: low - 1], message


def _enum(node: dict[str, Any], key: str | None) -> list[str]:
    """The values that the list's key can have, if they are counted."""
    found: list[str] = node["items"]["properties"][key].get("enum") or [] if key else []
    return found


def _entries(
    node: dict[str, Any], entry: dict[str, Any], key: str | None, number: int
) -> list[dict[str, Any]]:
    if key is None:
        return [dict(entry) for _ in range(number)]
    # A path, or a name.
    first = "/n" if entry[key].startswith("/") else "n"
    names = _enum(node, key) or [f"{first}{i}" for i in range(number)]
    return [{**entry, key: name} for name in names]


def all_cases() -> list[Case]:
    """Every case of both kinds."""
    return [*CEL_CASES, *bound_cases("LabelingJob"), *bound_cases("WorkTeam")]
