"""Who labels, what models may label, and when to stop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from surelabel_contract.task_types import CONSOLIDATION_METHODS
from surelabel_operator.resources.base import Part, immutable, rule, rules
from surelabel_operator.resources.storage import Money

TEAM_NAME_RULE = rule(
    "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
    "must be the name of a WorkTeam of this namespace: a-z, 0-9, '-', '.'",
)


class Workforce(Part):
    """Who labels, and how many people see an item."""

    work_team: str = Field(
        max_length=253,
        description="Name of a WorkTeam of this namespace.",
        json_schema_extra=rules(TEAM_NAME_RULE),
    )
    annotators_per_item: int = Field(
        default=3,
        ge=1,
        le=9,
        description="How many people answer for each item. Immutable.",
        json_schema_extra=rules(immutable("annotatorsPerItem")),
    )
    max_annotators_per_item: int | None = Field(
        default=None,
        ge=1,
        le=9,
        description="So many are asked, one after another, where labels stay doubtful; without it "
        "annotatorsPerItem.",
    )
    max_open_items: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="At most so many items wait for people at a time.",
    )
    price_per_annotation: Money | None = Field(
        default=None, description="What one answer costs; status.cost and maxCost count with it."
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                "!has(self.maxAnnotatorsPerItem) || "
                "self.maxAnnotatorsPerItem >= self.annotatorsPerItem",
                "must be at least annotatorsPerItem",
                field_path=".maxAnnotatorsPerItem",
            )
        )
    }

    @property
    def most_annotators(self) -> int:
        """``maxAnnotatorsPerItem``, or what counts without it."""
        if self.max_annotators_per_item is None:
            return self.annotators_per_item
        return self.max_annotators_per_item


class Consolidation(Part):
    """How several answers become one label."""

    method: str = Field(
        default="Auto",
        description="The algorithm, one of the task type's; Auto takes the best that it has.",
        json_schema_extra=rules(enum=list(CONSOLIDATION_METHODS)),
    )


class Model(Part):
    """Which model is trained."""

    name: Literal["Auto", "KernelRidge", "LogisticRegression", "SVM"] = Field(
        default="Auto", description="An estimator; Auto takes the task type's own."
    )


class AutoLabeling(Part):
    """The promise about machine labels, and how many people are asked for it."""

    target_error_permille: int = Field(
        default=50,
        ge=1,
        le=500,
        description="So many of 1,000 machine labels may be wrong. Immutable.",
        json_schema_extra=rules(immutable("targetErrorPermille")),
    )
    risk_permille: int = Field(
        default=50,
        ge=1,
        le=500,
        description="In so many of 1,000 jobs may more be wrong than that. Immutable.",
        json_schema_extra=rules(immutable("riskPermille")),
    )
    model: Model = Field(
        default=Model(),
        description="Which model is trained. Immutable.",
        json_schema_extra=rules(immutable("model")),
    )
    seed_items: int = Field(
        default=200, ge=1, le=100_000, description="Items that people label before any model."
    )
    items_per_round: int = Field(
        default=200,
        ge=1,
        le=100_000,
        description="Items that people label each round; the sample that checks a proposal comes "
        "on top.",
    )
    repair_percent: int = Field(
        default=10,
        ge=0,
        le=50,
        description="So many percent of a round's answers are asked for on top, to ask two others "
        "again about people's labels of earlier rounds that the model contradicts; 0 asks none.",
    )


class Stopping(Part):
    """When to stop asking people."""

    max_rounds: int = Field(
        default=20,
        ge=1,
        le=1_000,
        description="Rounds with a model at most. May change, but not below the round reached.",
    )
    max_human_labeled_items: int | None = Field(
        default=None, ge=1, le=2**53 - 1, description="Items labeled by people at most."
    )
    max_labeled_percent: int | None = Field(
        default=None, ge=1, le=100, description="Percent of the items labeled at most."
    )
    max_cost: Money | None = Field(
        default=None, description="Answers cost at most this; needs workforce.pricePerAnnotation."
    )
    patience_rounds: int = Field(
        default=3,
        ge=1,
        le=1_000,
        description="After so many rounds without newly certified labels no model is trained.",
    )
    remainder: Literal["People", "Leave"] = Field(
        default="People",
        description="Whether people label what machines could not, within the limits.",
    )
    stop_now: bool = Field(
        default=False,
        description="Ask no more questions and export what is there. Cannot be unset.",
        json_schema_extra=rules(
            rule("!oldSelf || self", "cannot be unset once true: the job ends with what it has")
        ),
    )
