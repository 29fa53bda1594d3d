"""Offline validation of resources: the rules of the CRDs, in the words of the API server.

One source: schema and CEL rules are those of the CRD. The API server stops at the first layer
that refuses; here everything is reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cel

from surelabel_operator.crd import KINDS, Kind, build_schema
from surelabel_operator.resources import API_VERSION
from surelabel_operator.schema_rules import (
    Path,
    Problem,
    Schema,
    schema_problems,
    shown,
    unknown_fields,
    with_defaults,
)

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
# What a rule reads: self.a.b, but not the name of a method.
_READS = re.compile(r"\bself((?:\.[A-Za-z]\w*\b(?!\())*)")


def kind_of(obj: Any) -> Kind | None:
    """Our kind that the object says it is; None for another's."""
    if not isinstance(obj, dict) or obj.get("apiVersion") != API_VERSION:
        return None
    return next((kind for kind in KINDS if kind.name == obj.get("kind")), None)


def validate_object(obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[Problem]:
    """Everything that is wrong with a LabelingJob or WorkTeam; ``old``: as it was before.

    The status is the operator's and not looked at.
    """
    kind = kind_of(obj)
    if kind is None:
        names = ", ".join(kind.name for kind in KINDS)
        return [Problem(("kind",), f"must be one of {names} of {API_VERSION}")]
    schema = _schema_of(kind)
    found = [*unknown_fields(obj, schema), *_name_problems(obj)]
    value = with_defaults(obj, schema)
    found += schema_problems(value, schema)
    before = None if old is None else with_defaults(old, schema)
    broken = [problem.path for problem in found if problem.unusable]
    found += _rule_problems(value, before, schema, (), broken)
    return found


@cache
def _schema_of(kind: Kind) -> Schema:
    return build_schema(kind.model)


def _name_problems(obj: dict[str, Any]) -> Iterator[Problem]:
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is None:
        yield Problem(("metadata", "name"), "Required value: name or generateName is required")
    elif isinstance(name, str) and not _SUBDOMAIN.fullmatch(name):
        yield Problem(("metadata", "name"), f"Invalid value: {shown(name)}: {_SUBDOMAIN_MESSAGE}")


@dataclass(frozen=True)
class _Rule:
    program: Any
    reads: tuple[Path, ...]
    uses_old: bool
    message: str
    field_path: Path

    def problem(self, value: Any, old: Any, path: Path, broken: list[Path]) -> Problem | None:
        """What the rule refuses, unless something it reads is broken already."""
        if self.uses_old and old is None:
            return None
        for read in self.reads:
            full = (*path, *read)
            if any(b[: len(full)] == full or full[: len(b)] == b for b in broken):
                return None
        if self.program.execute({"self": value, "oldSelf": old}):
            return None
        scalar = not self.field_path and not isinstance(value, dict | list)
        got = f"{shown(value)}: " if scalar else ""
        return Problem((*path, *self.field_path), f"Invalid value: {got}{self.message}")


@cache
def _compiled(rule: str, message: str, field_path: str) -> _Rule:
    reads = tuple(tuple(match.split(".")[1:]) for match in dict.fromkeys(_READS.findall(rule)))
    return _Rule(
        program=cel.compile(rule),
        reads=reads,
        uses_old="oldSelf" in rule,
        message=message,
        field_path=tuple(part for part in field_path.split(".") if part),
    )


def _rule_problems(
    value: Any, old: Any, schema: Schema, path: Path, broken: list[Path]
) -> Iterator[Problem]:
    """What CEL rules refuse at this node and below it."""
    for raw in schema.get("x-kubernetes-validations", []):
        rule = _compiled(raw["rule"], raw["message"], raw.get("fieldPath", ""))
        problem = rule.problem(value, old, path, broken)
        if problem is not None:
            yield problem
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name in value and (path or name == "spec"):
                before = old.get(name) if isinstance(old, dict) else None
                yield from _rule_problems(value[name], before, child, (*path, name), broken)
    elif isinstance(value, list) and "items" in schema:
        for position, item in enumerate(value):
            # Entries have no transition rules; which was which before does not matter.
            yield from _rule_problems(item, None, schema["items"], (*path, position), broken)
