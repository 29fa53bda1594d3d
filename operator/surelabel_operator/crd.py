"""CustomResourceDefinitions built from the typed models; pure, no client in sight.

The schema has what the models have and nothing else. The operator's own defaults of status
never reach the schema: a server that fills in status would change what was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel_operator.resources import API_GROUP, LabelingJob, Part, WorkTeam

VERSION = "v1alpha1"
CATEGORY = "surelabel"
# Flux and kstatus: a generation never seen is not yet reconciled.
STATUS_DEFAULT = {"observedGeneration": -1}
# RFC 3339 with nanoseconds and an offset has 35 characters.
TIME_MAX = 40

Schema = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of ``kubectl get``; ``wide`` ones appear with ``-o wide`` only."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def build(self) -> Schema:
        """As the CRD has it."""
        found: Schema = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.wide:
            found["priority"] = 1
        return found | {"description": self.description}


@dataclass(frozen=True)
class Kind:
    """A kind and how it appears in kubectl."""

    model: type[Part]
    plural: str
    short_name: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """``LabelingJob``."""
        return self.model.__name__

    @property
    def crd_name(self) -> str:
        """``labelingjobs.surelabel.dev``."""
        return f"{self.plural}.{API_GROUP}"


def _condition(type_: str, field: str) -> str:
    # By type, never by position: the order of conditions says nothing.
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "Time since it was created.", "date")
_READY = Column("Ready", _condition("Ready", "status"), "Whether it makes progress or is done.")
_MESSAGE = Column(
    "Message", _condition("Ready", "message"), "Why Ready is what it is, in a sentence.", wide=True
)
_COUNTERS = ".status.labelCounters"

KINDS = (
    Kind(
        LabelingJob,
        "labelingjobs",
        "slj",
        (
            _READY,
            Column("Stage", ".status.step.stage", "The stage being carried out."),
            Column("Round", ".status.step.round", "The round it belongs to.", "integer"),
            Column("Labeled", ".status.labeledFraction", "Share of items with a label."),
            Column("Human", f"{_COUNTERS}.humanLabeled", "Items labeled by people.", "integer"),
            Column("Machine", f"{_COUNTERS}.machineLabeled", "Items labeled by models.", "integer"),
            Column("Reason", _condition("Ready", "reason"), "Why Ready is what it is."),
            _AGE,
            Column(
                "Bound",
                ".status.certificate.errorBoundPermille",
                "At most so many of 1,000 machine labels are wrong.",
                "integer",
                wide=True,
            ),
            Column("Cost", ".status.cost.amount", "Price of the answers so far.", wide=True),
            _MESSAGE,
        ),
    ),
    Kind(
        WorkTeam,
        "workteams",
        "swt",
        (
            _READY,
            Column("Members", ".status.activeMembers", "People who can be asked.", "integer"),
            Column("Reason", _condition("Ready", "reason"), "Why Ready is what it is."),
            _AGE,
            _MESSAGE,
        ),
    ),
)


def build_crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": API_GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.build() for column in kind.columns],
                    "schema": {"openAPIV3Schema": build_schema(kind.model)},
                }
            ],
        },
    }


def build_schema(model: type[Part]) -> Schema:
    """The structural schema of a kind."""
    raw = model.model_json_schema()
    schema = _structural(raw, raw.get("$defs", {}))
    properties = schema["properties"]
    properties["apiVersion"] = {
        "type": "string",
        "maxLength": 64,
        "description": f"{API_GROUP}/{VERSION}.",
    }
    properties["kind"] = {"type": "string", "maxLength": 64, "description": f"{model.__name__}."}
    # The API server has the schema of metadata itself; the name stands here for rules to point at.
    properties["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    _drop_defaults(properties["status"])
    properties["status"]["default"] = dict(STATUS_DEFAULT)
    schema["required"] = ["spec"]
    return schema


def _structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """One node of pydantic's JSON schema as Kubernetes wants it: no references, no null."""
    node = _resolved(node, definitions)
    found: Schema = {}
    for key in _ORDER:
        if key in node:
            found[key] = node[key]
    if "const" in node:
        found["enum"] = [node["const"]]
    if found.get("format") == "date-time":
        found["maxLength"] = TIME_MAX
    if "items" in node:
        found["items"] = _structural(node["items"], definitions)
        # Absent and empty mean the same.
        found.pop("default", None)
    if "properties" in node:
        found["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
        # Empty, since the fields bring their own defaults; without such, none.
        if found.get("default") is not None:
            found["default"] = {}
            if not any("default" in child for child in found["properties"].values()):
                del found["default"]
    if found.get("default", 0) is None:
        del found["default"]
    return found


# Also the order in the YAML: what a reader wants to know first comes first.
_ORDER = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
    "required",
)
_RULES = "x-kubernetes-validations"


def _resolved(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """The node with what it refers to; its own keys win, rules of both stay."""
    targets = node.get("anyOf") or node.get("allOf") or ([node] if "$ref" in node else [])
    for target in targets:
        if target.get("type") == "null":
            continue
        base = definitions[target["$ref"].rpartition("/")[2]] if "$ref" in target else target
        own = {key: value for key, value in node.items() if key not in ("anyOf", "allOf", "$ref")}
        merged = {**_resolved(base, definitions), **own}
        if both := [*base.get(_RULES, []), *own.get(_RULES, [])]:
            merged[_RULES] = both
        return merged
    return node


def _drop_defaults(node: Schema) -> None:
    node.pop("default", None)
    for child in node.get("properties", {}).values():
        _drop_defaults(child)
    if "items" in node:
        _drop_defaults(node["items"])
