"""Status of both kinds: what the operator found out, small and bounded.

The numbers are a fold over the stages' reports and can be rebuilt from the store.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from surelabel_contract.steps import Stage
from surelabel_contract.steps import Step as ContractStep
from surelabel_operator.resources.base import Part, map_list

COUNT_MAX = 2**53 - 1
MAX_CONDITIONS = 12
MAX_QUALITY_METRICS = 10
MAX_RECENT_ROUNDS = 10
MAX_UNLABELED_REASONS = 20
MESSAGE_MAX = 1_024


def count(description: str, default: int = 0) -> int:
    """A number of things, from 0; JSON readers keep integers below 2^53 exact."""
    found: int = Field(default=default, ge=0, le=COUNT_MAX, description=description)
    return found


class Condition(Part):
    """An observation about the object, as Kubernetes' API conventions have it."""

    type: str = Field(max_length=64, description="What is observed, for example Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(
        min_length=1, max_length=64, description="Why, in one PascalCase word for programs."
    )
    message: str = Field(
        default="", max_length=MESSAGE_MAX, description="Why, in a sentence for people."
    )
    observed_generation: int = Field(
        default=0, ge=0, le=COUNT_MAX, description="The generation of the spec this is about."
    )
    last_transition_time: AwareDatetime = Field(description="When the status changed last.")


class Ending(Part):
    """How the job ends; fixed when export is recorded."""

    succeeded: bool = Field(description="What Succeeded becomes when export commits.")
    reason: str = Field(max_length=64, description="The reason that Succeeded then has.")


class StepStatus(Part):
    """The step being carried out, written down before anything is started."""

    round: int = Field(ge=0, le=999_999, description="The round, from 0 (prepare).")
    stage: Stage = Field(description="The stage of the round.")
    pass_: int = Field(
        default=1,
        ge=1,
        le=99,
        alias="pass",
        description="The pass; later passes ask more people about unsure items.",
    )
    attempt: int = Field(default=1, ge=1, le=9_999, description="The attempt at this step.")
    generation: int = Field(
        ge=0, le=COUNT_MAX, description="The generation of the spec that the attempt runs with."
    )
    name: str = Field(
        max_length=63, description="Name of the attempt: its Ray submission id or child."
    )
    recorded_time: AwareDatetime = Field(description="When the attempt was written down.")
    submitted_time: AwareDatetime | None = Field(
        default=None, description="When the attempt was handed to Ray or to people."
    )
    failures: int = Field(
        default=0, ge=0, le=9_999, description="Failed attempts that count against maxAttempts."
    )
    infrastructure_failures: int = Field(
        default=0, ge=0, le=9_999, description="Attempts lost to nodes, networks or Ray itself."
    )
    retry_time: AwareDatetime | None = Field(
        default=None, description="Not before this is the attempt started."
    )
    ending: Ending | None = Field(default=None, description="How the job ends, if this is export.")

    @property
    def step(self) -> ContractStep:
        """The step without the attempt."""
        return ContractStep(round=self.round, stage=self.stage, pass_=self.pass_)


class LabelCounters(Part):
    """Ground Truth's counters and the total. totalLabeled = humanLabeled + machineLabeled;
    total = totalLabeled + failedNonRetryableError + unlabeled."""

    total: int = count("Lines of the manifest, also those that cannot be labeled.")
    total_labeled: int = count("Items with a label.")
    human_labeled: int = count("Items labeled by people.")
    machine_labeled: int = count("Items labeled by a model, under the certificate.")
    failed_non_retryable_error: int = count("Items that cannot get a label.")
    unlabeled: int = count("Items without a label so far.")


class UnlabeledReason(Part):
    """How many items have no label for one reason."""

    reason: str = Field(max_length=64, description="Why, for example BrokenMedia.")
    items: int = count("How many items.")


class AnnotationStatus(Part):
    """How far people are."""

    open_items: int = count("Items that people are asked about now.")
    answers_received: int = count("Answers received in the whole job.")


class CertificateStatus(Part):
    """The promise about the machine labels as it stands."""

    error_bound_permille: int = Field(
        ge=0, le=1_000, description="At most this share of the machine labels is wrong."
    )
    risk_permille: int = Field(
        ge=0, le=1_000, description="Chance that the bound does not hold, at most."
    )
    validated_items: int = count("Items that people answered to check machine labels.")
    errors: int = count("Wrong machine labels found among them.")


class QualityStatus(Part):
    """How good something is, as a stage measured it last."""

    metric: str = Field(max_length=64, description="What was measured, for example consensusError.")
    value: str = Field(max_length=16, description="A decimal number from 0 to 1.")


class CostStatus(Part):
    """What people were paid, and what they would have been paid for every item."""

    amount: str = Field(max_length=24, description="Price of the answers so far.")
    currency: str = Field(max_length=3, description="ISO 4217 code.")
    all_human_amount: str = Field(
        max_length=24, description="Price of labeling every item by people."
    )
    to_finish_amount: str | None = Field(
        default=None,
        max_length=24,
        description="Price of labeling by people everything that has no label yet.",
    )


class SavingStatus(Part):
    """What going on with models is predicted to save, from the learning curve."""

    items: int = count("Items that people need not label; the likely number.")
    items_low: int = count("Not fewer than this, with a probability of 95 %.")
    items_high: int = count("Not more than this, with a probability of 95 %.")
    amount: str | None = Field(
        default=None,
        max_length=24,
        description="Price of the likely number, if pricePerAnnotation is set.",
    )


class OutputStatus(Part):
    """Where the results lie."""

    manifest: str = Field(max_length=2_048, description="URI of the output manifest.")
    model: str | None = Field(default=None, max_length=2_048, description="URI of the model.")
    report: str | None = Field(
        default=None,
        max_length=2_048,
        description="URI of the report, one HTML file; report.json lies beside it.",
    )


class RoundStatus(Part):
    """One finished round in short."""

    round: int = Field(ge=0, le=999_999, description="The round.")
    human_labeled: int = count("Items that people labeled in it.")
    machine_labeled: int = count("Items that a model labeled in it.")
    validation_errors: int = count("Wrong machine labels found in its validation sample.")
    seconds: int = count("Seconds that its stages took, without what it took to start them.")


class JobStatus(Part):
    """Status of a LabelingJob; everything large lies in the store under stateURI."""

    observed_generation: int = Field(
        default=-1, ge=-1, le=COUNT_MAX, description="The generation of the spec last acted on."
    )
    label_attribute_name: str | None = Field(
        default=None, max_length=127, description="The label attribute name in effect."
    )
    state_uri: str | None = Field(
        default=None, max_length=2_048, description="Where all state lies."
    )
    start_time: AwareDatetime | None = Field(
        default=None, description="When the job was first acted on."
    )
    completion_time: AwareDatetime | None = Field(default=None, description="When it ended.")
    active_seconds: int = count("Seconds not suspended; activeDeadlineSeconds counts these.")
    step: StepStatus | None = Field(default=None, description="The step being carried out.")
    ray_cluster: str | None = Field(
        default=None,
        max_length=63,
        description="With compute.ray.cluster and scope Job: the RayCluster that was used last.",
    )
    label_counters: LabelCounters = Field(
        default=LabelCounters(), description="How far the job is."
    )
    labeled_fraction: str | None = Field(
        default=None, max_length=8, description="totalLabeled / total, for people to read."
    )
    unlabeled_reasons: list[UnlabeledReason] = Field(
        default=[],
        max_length=MAX_UNLABELED_REASONS,
        description="Why items have no label, and how many.",
        json_schema_extra=map_list("reason"),
    )
    annotation: AnnotationStatus | None = Field(default=None, description="How far people are.")
    certificate: CertificateStatus | None = Field(
        default=None, description="The promise about the machine labels so far."
    )
    quality: list[QualityStatus] = Field(
        default=[],
        max_length=MAX_QUALITY_METRICS,
        description="How good labels and models are, each as measured last.",
        json_schema_extra=map_list("metric"),
    )
    cost: CostStatus | None = Field(
        default=None, description="What people cost, if pricePerAnnotation is set."
    )
    saving: SavingStatus | None = Field(
        default=None,
        description="What going on with models is predicted to save; absent before the first "
        "model and once models have stopped.",
    )
    output: OutputStatus | None = Field(default=None, description="Where the results lie.")
    recent_rounds: list[RoundStatus] = Field(
        default=[],
        max_length=MAX_RECENT_ROUNDS,
        description="The last rounds, newest last.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    conditions: list[Condition] = Field(
        default=[],
        max_length=MAX_CONDITIONS,
        description="Ready, Succeeded, Reconciling, Stalled, Suspended, RoundRunning, Queued, "
        "StorageAvailable, ConsensusTooNoisy, ModelFailed.",
        json_schema_extra=map_list("type"),
    )

    def condition(self, type_: str) -> Condition | None:
        """The condition of this type, if it was ever set."""
        return next((c for c in self.conditions if c.type == type_), None)


class TeamStatus(Part):
    """Status of a WorkTeam."""

    observed_generation: int = Field(
        default=-1, ge=-1, le=COUNT_MAX, description="The generation of the spec last acted on."
    )
    active_members: int = count("People who can be asked now.")
    conditions: list[Condition] = Field(
        default=[],
        max_length=MAX_CONDITIONS,
        description="Ready.",
        json_schema_extra=map_list("type"),
    )
