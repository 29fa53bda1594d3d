"""Who labels, what models may label, and when to stop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from surelabel_contract.model_names import FIXED_MODELS, MODEL_NAMES
from surelabel_contract.task_types import CONSOLIDATION_METHODS
from surelabel_operator.resources.base import Part, immutable, map_list, rule, rules
from surelabel_operator.resources.storage import PATH_RULE, URI_MAX, URI_RULE, Money

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


class ModelParameter(Part):
    """A parameter of the model's constructor."""

    name: str = Field(
        max_length=63,
        description="Its name.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",
                "must be the name of a parameter: letters, digits, '_', no digit first",
            )
        ),
    )
    value: str = Field(
        max_length=1_024,
        description="Its value as JSON, such as 200, 0.5, true, null or [64, 32]; what is no JSON "
        "is taken as text.",
    )


class Model(Part):
    """Which model is trained; without a name and an entrypoint it is Auto."""

    name: str | None = Field(
        default=None,
        description="A model of ours, or a classifier of scikit-learn by its class name. Blend "
        "spreads labels among neighbours and blends in a kernel machine; Auto takes it, too, "
        "unless another is better beyond chance.",
        json_schema_extra=rules(enum=list(MODEL_NAMES)),
    )
    entrypoint: str | None = Field(
        default=None,
        max_length=256,
        description="Instead of a name: module:Class of a classifier with fit(X, y) and "
        "predict_proba(X), installed where the stages run. The operator's settings must list "
        "its prefix for the namespace (modelEntrypoints).",
        json_schema_extra=rules(
            rule(
                "self.matches('^[A-Za-z_][A-Za-z0-9_]*(\\\\.[A-Za-z_][A-Za-z0-9_]*)*:"
                "[A-Za-z_][A-Za-z0-9_]*$')",
                "must be module:Class, such as company.models:Net",
            )
        ),
    )
    parameters: list[ModelParameter] = Field(
        default=[],
        max_length=32,
        description="Parameters of the constructor; of a classifier of scikit-learn or an "
        "entrypoint.",
        json_schema_extra=map_list("name"),
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                "!has(self.name) || !has(self.entrypoint)",
                "needs name or entrypoint, not both",
            ),
            rule(
                "!has(self.parameters) || size(self.parameters) == 0 || has(self.entrypoint) || "
                f"(has(self.name) && !(self.name in {list(FIXED_MODELS)!r}))",
                f"{', '.join(FIXED_MODELS)} take none, nor does a model without name and "
                "entrypoint, which is Auto",
                field_path=".parameters",
            ),
            rule(
                "has(self.parameters) == has(oldSelf.parameters) && "
                "(!has(self.parameters) || self.parameters == oldSelf.parameters)",
                "model.parameters is immutable, also its absence; create another LabelingJob "
                "instead",
                field_path=".parameters",
            ),
        )
    }


def model_in_cel(auto: str) -> str:
    """Name or entrypoint of the model of an ``autoLabeling``, in CEL."""
    model = f"{auto}.model"
    named = f"(has({model}.name) ? {model}.name : 'Auto')"
    return f"(!has({model}) ? 'Auto' : has({model}.entrypoint) ? {model}.entrypoint : {named})"


class Encoder(Part):
    """What turns items into the features that models learn from."""

    name: Literal["Builtin", "EfficientNetLite0", "MiniLM"] | None = Field(
        default=None,
        description="Builtin: the task type's own features. EfficientNetLite0 (pictures) and "
        "MiniLM (texts) need their packages where the stages run.",
    )
    uri: str | None = Field(
        default=None,
        max_length=URI_MAX,
        description="URI of an ONNX file; texts also need the tokenizer.json beside it.",
        json_schema_extra=rules(URI_RULE, PATH_RULE),
    )
    package: str | None = Field(
        default=None,
        max_length=512,
        description="An ONNX file of a package that is installed where the stages run: "
        "<distribution>/<path in it>.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$')",
                "must be the name of a distribution and the path of a file in it, such as "
                "my-encoders/my_encoders/encoder.onnx",
            )
        ),
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                "[has(self.name), has(self.uri), has(self.package)].exists_one(x, x)",
                "needs exactly one of: name, uri, package",
            )
        )
    }


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
    tolerance_permille: int | None = Field(
        default=None,
        ge=1,
        le=999,
        description="Objects, spans and masks: a machine's label is wrong if its loss (1 - IoU, "
        "1 - F1) against people's is above this; without it 500, for masks 300. Immutable, also "
        "its absence.",
    )
    encoder: Encoder = Field(
        default=Encoder(name="Builtin"),
        description="What turns items into features, once per item. Immutable.",
        json_schema_extra=rules(immutable("encoder")),
    )
    model: Model = Field(
        default=Model(),
        description="Which model is trained; without it Auto. Immutable.",
    )
    initial_model_uri: str | None = Field(
        default=None,
        max_length=URI_MAX,
        description="URI of the model/model.skops that an earlier job with the same task type and "
        "labels has exported: it proposes labels before the first round. Immutable, also its "
        "absence.",
        json_schema_extra=rules(URI_RULE, PATH_RULE),
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
    query: Literal["Auto", "Margin", "Coreset", "BADGE", "Random"] = Field(
        default="Auto",
        description="How three quarters of these items are chosen, the others uniformly: the least "
        "certain of each kind (Auto, Margin), those unlike all labeled ones, or those that would "
        "move the model far in different directions.",
    )
    guarantee: Literal["Overall", "PerClass"] = Field(
        default="Overall",
        description="Whether the promise is about all machine labels together, or about those of "
        "each class. Immutable.",
        json_schema_extra=rules(immutable("guarantee")),
    )
    thresholds: Literal["One", "Nested"] = Field(
        default="One",
        description="Whether a sample tests one region, or several nested ones, of which the "
        "largest that passes is labeled.",
    )
    repair_percent: int = Field(
        default=10,
        ge=0,
        le=50,
        description="So many percent of a round's answers are asked for on top, to ask two others "
        "again about people's labels of earlier rounds that the model contradicts; 0 asks none.",
    )

    model_config = {
        "json_schema_extra": rules(
            # Jobs from before entrypoints have Auto by its name, without anybody having set it.
            rule(
                f"{model_in_cel('self')} == {model_in_cel('oldSelf')}",
                "model is immutable; create another LabelingJob instead",
                field_path=".model",
            ),
            rule(
                "has(self.initialModelURI) == has(oldSelf.initialModelURI) && "
                "(!has(self.initialModelURI) || self.initialModelURI == oldSelf.initialModelURI)",
                "initialModelURI is immutable, also its absence; create another LabelingJob "
                "instead",
                field_path=".initialModelURI",
            ),
            rule(
                "has(self.tolerancePermille) == has(oldSelf.tolerancePermille) && "
                "(!has(self.tolerancePermille) || "
                "self.tolerancePermille == oldSelf.tolerancePermille)",
                "tolerancePermille is immutable, also its absence; create another LabelingJob "
                "instead",
                field_path=".tolerancePermille",
            ),
        )
    }


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
