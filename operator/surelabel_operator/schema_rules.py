"""The schema half of offline validation: defaults, unknown fields, types and bounds, in the words
of the Kubernetes API server. No CEL, no files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, and what the API server says about it."""

    path: Path
    message: str
    # The value cannot be reasoned about; one that is only out of bounds can.
    unusable: bool = True

    @property
    def field(self) -> str:
        """``spec.labels[1].name``."""
        return field_of(self.path)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def field_of(path: Path) -> str:
    """The path as the API server writes it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def with_defaults(value: Any, schema: Schema) -> Any:
    """A copy with the schema's defaults; null counts as absent."""
    if isinstance(value, dict) and "properties" in schema:
        found = {key: child for key, child in value.items() if child is not None}
        for name, child in schema["properties"].items():
            if name not in found and "default" in child:
                found[name] = child["default"]
            if name in found:
                found[name] = with_defaults(found[name], child)
        return found
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(item, schema["items"]) for item in value]
    return value


def unknown_fields(value: Any, schema: Schema, path: Path = ()) -> Iterator[Problem]:
    """Fields that the schema does not know; kubectl refuses them."""
    if isinstance(value, dict) and "properties" in schema:
        for name, child in value.items():
            if name in schema["properties"]:
                # What else metadata has, the API server knows better.
                if path or name != "metadata":
                    yield from unknown_fields(child, schema["properties"][name], (*path, name))
            else:
                where = (*path, str(name))
                yield Problem(where, f'unknown field "{field_of(where)}"')
    elif isinstance(value, list) and "items" in schema:
        for position, item in enumerate(value):
            yield from unknown_fields(item, schema["items"], (*path, position))


def schema_problems(value: Any, schema: Schema, path: Path = ()) -> Iterator[Problem]:
    """What types and bounds of the schema refuse; all of it, not the first alone."""
    kind = schema["type"]
    if not _is_of(value, kind):
        yield Problem(
            path, _in_body(_type_name(value), path, f"must be of type {kind}", _type_name(value))
        )
        return
    if kind == "object":
        for name in schema.get("required", []):
            if name not in value:
                yield Problem((*path, name), "Required value")
        for name, child in schema.get("properties", {}).items():
            if name in value:
                yield from schema_problems(value[name], child, (*path, name))
    elif kind == "array":
        yield from _list_problems(value, schema, path)
    else:
        yield from _scalar_problems(value, schema, path)


def _list_problems(value: list[Any], schema: Schema, path: Path) -> Iterator[Problem]:
    if len(value) < schema.get("minItems", 0):
        limit = schema["minItems"]
        yield Problem(
            path, _in_body(len(value), path, f"should have at least {limit} items"), unusable=False
        )
    if len(value) > schema.get("maxItems", len(value)):
        limit = schema["maxItems"]
        yield Problem(path, f"Too many: {len(value)}: must have at most {limit} items")
    for position, item in enumerate(value):
        yield from schema_problems(item, schema["items"], (*path, position))
    keys = schema.get("x-kubernetes-list-map-keys", [])
    seen: list[dict[str, Any]] = []
    for position, item in enumerate(value):
        if not keys or not isinstance(item, dict):
            continue
        entry = {key: item.get(key) for key in keys}
        if entry in seen:
            shown = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
            yield Problem((*path, position), f"Duplicate value: {shown}")
        seen.append(entry)


def _scalar_problems(value: Any, schema: Schema, path: Path) -> Iterator[Problem]:
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(shown(one) for one in schema["enum"])
        yield Problem(path, f"Unsupported value: {shown(value)}: supported values: {supported}")
    if "minimum" in schema and value < schema["minimum"]:
        limit = schema["minimum"]
        yield Problem(
            path,
            _in_body(value, path, f"should be greater than or equal to {limit}"),
            unusable=False,
        )
    if "maximum" in schema and value > schema["maximum"]:
        limit = schema["maximum"]
        yield Problem(
            path, _in_body(value, path, f"should be less than or equal to {limit}"), unusable=False
        )
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield Problem(path, f"Too long: may not be more than {schema['maxLength']} bytes")
        if len(value) < schema.get("minLength", 0):
            limit = schema["minLength"]
            yield Problem(
                path,
                _in_body(value, path, f"should be at least {limit} chars long"),
                unusable=False,
            )


def shown(value: Any) -> str:
    """A scalar as the API server prints it."""
    return json.dumps(value, ensure_ascii=False)


def _in_body(value: Any, path: Path, rule: str, at_the_end: str | None = None) -> str:
    tail = "" if at_the_end is None else f": {shown(at_the_end)}"
    return f"Invalid value: {shown(value)}: {field_of(path)} in body {rule}{tail}"


def _is_of(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, {"object": dict, "array": list, "string": str}[kind])


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, dict | list | str | int):
        names = {dict: "object", list: "array", str: "string", int: "integer"}
        return names[type(value)]
    return "number"
