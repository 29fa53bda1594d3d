"""LabelingJob: what a user asks for, and the rules the API server checks it by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from surelabel_contract.label_attribute import label_attribute_name
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.resources.base import (
    API_VERSION,
    Part,
    immutable,
    map_list,
    rule,
    rules,
)
from surelabel_operator.resources.compute import Compute
from surelabel_operator.resources.metadata import Metadata
from surelabel_operator.resources.status import JobStatus
from surelabel_operator.resources.storage import ATTRIBUTE_RULE, Input, Output, Storage
from surelabel_operator.resources.workforce import (
    AutoLabeling,
    Consolidation,
    Stopping,
    Workforce,
    model_in_cel,
)

NAME_MAX = 40
MAX_LABELS = 256

_LEAST_LABELS = max(facts.least_labels or 0 for facts in TASK_TYPE_FACTS.values())
_LEARNABLE = sorted(name for name, facts in TASK_TYPE_FACTS.items() if facts.has_model)
_CLASSIFYING = sorted(name for name, facts in TASK_TYPE_FACTS.items() if facts.is_class)
_TOLERANT = sorted(
    name for name, facts in TASK_TYPE_FACTS.items() if facts.tolerance_permille is not None
)
_WITH_REF = [name for name, facts in TASK_TYPE_FACTS.items() if facts.needs_ref]
_AUDITING = [name for name, facts in TASK_TYPE_FACTS.items() if facts.audit != "None"]
_CORRECTING = [name for name, facts in TASK_TYPE_FACTS.items() if facts.audit == "Required"]
_AUDITED = "self.spec.input.auditLabelAttributeName"
# As TaskTypeFacts.labels_are_refs has it.
_LABELS_ARE_REFS = (
    f"(self.spec.taskType in {_WITH_REF!r} || (self.spec.taskType in {_CORRECTING!r} && "
    f"has({_AUDITED}) && {_AUDITED}.endsWith('-ref')))"
)
_DEFAULT_NAME = f"({_LABELS_ARE_REFS} ? self.metadata.name + '-ref' : self.metadata.name)"
# The effective label attribute name, as label_attribute_name() has it.
_EFFECTIVE = f"(has(self.spec.labelAttributeName) ? self.spec.labelAttributeName : {_DEFAULT_NAME})"
_ATTRIBUTE = ".spec.labelAttributeName"


def _labels_rule(least: int) -> dict[str, Any]:
    """What the task types that need so many labels ask for; 0: those that have none."""
    types = sorted(name for name, f in TASK_TYPE_FACTS.items() if f.least_labels == least)
    size = "(has(self.labels) ? size(self.labels) : 0)"
    asked = f"{size} >= {least}" if least else f"{size} == 0"
    words = "no labels" if not least else f"at least {least} label{'s' * (least > 1)}"
    return rule(
        f"!(self.taskType in {types!r}) || {asked}",
        f"{', '.join(types)} need{'s' * (len(types) == 1)} {words}",
        field_path=".labels",
    )


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _method_rules() -> list[dict[str, Any]]:
    """Which methods task types have, those with the same ones together."""
    sharing: dict[tuple[str, ...], list[str]] = {}
    for name, facts in sorted(TASK_TYPE_FACTS.items()):
        sharing.setdefault(facts.methods, []).append(name)
    return [
        rule(
            f"!(self.taskType in {types!r}) || !has(self.consolidation) || "
            f"!has(self.consolidation.method) || self.consolidation.method in {list(methods)!r}",
            f"must be {_one_of(methods)} where taskType is {_one_of(types)}",
            field_path=".consolidation.method",
        )
        for methods, types in sharing.items()
    ]


def _encoder_rules() -> list[dict[str, Any]]:
    """Which task types can have another encoder than the built-in features, and which one."""
    facts = TASK_TYPE_FACTS.items()
    encoding = sorted(name for name, each in facts if each.encodes is not None)
    encoder = "self.autoLabeling.encoder"
    given = f"has(self.autoLabeling) && has({encoder})"
    found = [
        rule(
            f"!({given}) || (has({encoder}.name) && {encoder}.name == 'Builtin') || "
            f"self.taskType in {encoding!r}",
            f"must be Builtin unless taskType is {_one_of(encoding)}",
            field_path=".autoLabeling.encoder",
        )
    ]
    for name, kind in (("EfficientNetLite0", "image"), ("MiniLM", "text")):
        types = sorted(each for each, one in facts if one.encodes == kind)
        found.append(
            rule(
                f"!({given}) || !has({encoder}.name) || {encoder}.name != '{name}' || "
                f"self.taskType in {types!r}",
                f"{name} encodes {kind}s: taskType must be {_one_of(types)}",
                field_path=".autoLabeling.encoder.name",
            )
        )
    return found


class LabelSpec(Part):
    """One class."""

    name: str = Field(
        min_length=1, max_length=128, description="Name of the class, as the manifest has it."
    )


class LabelingJobSpec(Part):
    """What is to be labeled, by whom, how well, and when to stop."""

    suspend: bool = Field(
        default=False,
        description="Stop what runs and start nothing; the job goes on where it was when unset.",
    )
    task_type: str = Field(
        description="What a label is. Immutable.",
        json_schema_extra=rules(immutable("taskType"), enum=sorted(TASK_TYPE_FACTS)),
    )
    labels: list[LabelSpec] = Field(
        default=[],
        max_length=MAX_LABELS,
        description="The classes; the id of a class is its position, from 0. Names and order are "
        "immutable. None for task types without classes, such as FreeText.",
        json_schema_extra=rules(
            rule(
                "self.map(l, l.name) == oldSelf.map(l, l.name)",
                "names and order of labels are immutable; create another LabelingJob instead",
            ),
            **map_list("name"),
        ),
    )
    label_attribute_name: str | None = Field(
        default=None,
        max_length=127,
        description="Key of the label in the output manifest; without it the job's name. "
        "Immutable, also its absence.",
        json_schema_extra=rules(ATTRIBUTE_RULE),
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="Seed of every random choice; without it taken from the manifest's digest. "
        "Immutable, also its absence.",
    )
    input: Input = Field(description="What is to be labeled.")
    output: Output = Field(description="Where results and all state go.")
    storage: Storage = Field(default=Storage(), description="How the object store is reached.")
    workforce: Workforce = Field(description="Who labels.")
    consolidation: Consolidation = Field(
        default=Consolidation(),
        description="How several answers become one label. Immutable.",
        json_schema_extra=rules(immutable("consolidation")),
    )
    auto_labeling: AutoLabeling | None = Field(
        default=None,
        description="Lets models label what they provably can; without it people label "
        "everything. Cannot be added or removed later.",
    )
    stopping: Stopping = Field(default=Stopping(), description="When to stop asking people.")
    compute: Compute = Field(description="Where the stages run.")
    active_deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="The job fails with DeadlineExceeded after this time, suspension not counted; "
        "what is labeled by then is exported.",
    )
    ttl_seconds_after_finished: int = Field(
        default=86_400,
        ge=0,
        le=2**31 - 1,
        description="Children are deleted this long after the end; the LabelingJob itself stays.",
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                "has(self.labelAttributeName) == has(oldSelf.labelAttributeName) && "
                "(!has(self.labelAttributeName) || "
                "self.labelAttributeName == oldSelf.labelAttributeName)",
                "labelAttributeName is immutable, also its absence; "
                "create another LabelingJob instead",
                field_path=".labelAttributeName",
            ),
            rule(
                "has(self.seed) == has(oldSelf.seed) && "
                "(!has(self.seed) || self.seed == oldSelf.seed)",
                "seed is immutable, also its absence; create another LabelingJob instead",
                field_path=".seed",
            ),
            rule(
                "has(self.input.auditLabelAttributeName) == "
                "has(oldSelf.input.auditLabelAttributeName) && "
                "(!has(self.input.auditLabelAttributeName) || "
                "self.input.auditLabelAttributeName == oldSelf.input.auditLabelAttributeName)",
                "input.auditLabelAttributeName is immutable, also its absence; create another "
                "LabelingJob instead",
                field_path=".input.auditLabelAttributeName",
            ),
            rule(
                f"!(self.taskType in {_CORRECTING!r}) || has(self.input.auditLabelAttributeName)",
                f"{', '.join(_CORRECTING)} needs the key of the label that people correct",
                field_path=".input.auditLabelAttributeName",
            ),
            rule(
                f"self.taskType in {_AUDITING!r} || !has(self.input.auditLabelAttributeName)",
                f"only {' and '.join(_AUDITING)} look at an earlier label; leave it out",
                field_path=".input.auditLabelAttributeName",
            ),
            *(_labels_rule(number) for number in range(_LEAST_LABELS + 1)),
            rule(
                f"!has(self.autoLabeling) || self.taskType in {_LEARNABLE!r}",
                f"models learn {', '.join(_LEARNABLE)} only; leave autoLabeling out, and people "
                "label everything",
                field_path=".autoLabeling",
            ),
            rule(
                f"!has(self.autoLabeling) || !has(self.autoLabeling.tolerancePermille) || "
                f"self.taskType in {_TOLERANT!r}",
                f"only labels of {', '.join(_TOLERANT)} are more or less right; leave it out",
                field_path=".autoLabeling.tolerancePermille",
            ),
            rule(
                f"!has(self.autoLabeling) || self.taskType in {_CLASSIFYING!r} || "
                f"{model_in_cel('self.autoLabeling')} == 'Auto'",
                f"must be Auto where taskType is not {_one_of(_CLASSIFYING)}",
                field_path=".autoLabeling.model",
            ),
            rule(
                f"!has(self.autoLabeling) || self.taskType in {_CLASSIFYING!r} || "
                "!has(self.autoLabeling.initialModelURI)",
                f"goes with taskType {_one_of(_CLASSIFYING)}; leave it out",
                field_path=".autoLabeling.initialModelURI",
            ),
            *_encoder_rules(),
            *_method_rules(),
            rule(
                "has(self.autoLabeling) == has(oldSelf.autoLabeling)",
                "autoLabeling cannot be added or removed later; create another LabelingJob instead",
                field_path=".autoLabeling",
            ),
            rule(
                "!has(self.stopping.maxCost) || has(self.workforce.pricePerAnnotation)",
                "maxCost needs workforce.pricePerAnnotation, so that there is a cost",
                field_path=".stopping.maxCost",
            ),
            rule(
                "!has(self.stopping.maxCost) || !has(self.workforce.pricePerAnnotation) || "
                "self.stopping.maxCost.currency == self.workforce.pricePerAnnotation.currency",
                "must have the currency of workforce.pricePerAnnotation",
                field_path=".stopping.maxCost.currency",
            ),
        )
    }


class LabelingJob(Part):
    """A data set that people and models label together, until it is done."""

    api_version: str = API_VERSION
    kind: Literal["LabelingJob"] = "LabelingJob"
    metadata: Metadata
    spec: LabelingJobSpec = Field(description="What is to be labeled, by whom, how well.")
    status: JobStatus = Field(default=JobStatus(), description="How far it is.")

    model_config = {
        "json_schema_extra": rules(
            rule(
                f"size(self.metadata.name) <= {NAME_MAX} && "
                "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                f"must have at most {NAME_MAX} characters a-z, 0-9 and -, begin with "
                "a letter and not end with -, since children are named after it",
                field_path=".metadata.name",
            ),
            rule(
                f"!({_EFFECTIVE} in ['source', 'source-ref'])",
                "must not be source or source-ref, which are the manifest's own (without it the "
                "label attribute is called as the job)",
                field_path=_ATTRIBUTE,
            ),
            rule(
                f"!{_EFFECTIVE}.endsWith('-metadata')",
                "must not end with -metadata, which the label's metadata has (without it the "
                "label attribute is called as the job)",
                field_path=_ATTRIBUTE,
            ),
            rule(
                f"{_EFFECTIVE}.endsWith('-ref') == {_LABELS_ARE_REFS}",
                "must end with -ref exactly where labels are references to files (without it the "
                "label attribute is called as the job)",
                field_path=_ATTRIBUTE,
            ),
            rule(
                f"!has({_AUDITED}) || {_AUDITED} != {_EFFECTIVE}",
                "must not be the job's own label attribute, since the earlier label stays",
                field_path=".spec.input.auditLabelAttributeName",
            ),
            rule(
                "!has(self.status) || !has(self.status.step) || !has(self.status.step.round) || "
                "self.spec.stopping.maxRounds >= oldSelf.spec.stopping.maxRounds || "
                "self.spec.stopping.maxRounds >= self.status.step.round",
                "may be lowered, but not below the round reached (status.step.round)",
                field_path=".spec.stopping.maxRounds",
            ),
        )
    }

    @property
    def label_attribute(self) -> str:
        """The effective label attribute name."""
        return label_attribute_name(
            self.spec.label_attribute_name,
            self.metadata.name,
            TASK_TYPE_FACTS[self.spec.task_type].labels_are_refs(
                self.spec.input.audit_label_attribute_name
            ),
        )

    @property
    def folder_uri(self) -> str:
        """``<output.uri>/<name>``, the folder of results and state, without a slash at the end."""
        return f"{self.spec.output.uri.rstrip('/')}/{self.metadata.name}"
