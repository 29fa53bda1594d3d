"""What a stage is told (StageConfig) and what it says when it is done (StageReport)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field, SerializerFunctionWrapHandler, model_serializer

from surelabel_contract.model import Record, canonical_json, sha256_hex
from surelabel_contract.steps import Step

# The reason of a notice, and the condition that it becomes.
CONSENSUS_TOO_NOISY = "ConsensusTooNoisy"
CONSENSUS_ERROR = "consensusError"
# The same of a model that failed; the next model that did not takes it away.
MODEL_FAILED = "ModelFailed"
# Mark in carry: this round asks people about what models leave over.
REMAINDER_ROUND = "remainderRound"
# The reason of the notice that models stop, and of a job that ends by it.
DOES_NOT_PAY = "AnotherRoundDoesNotPay"
# Metrics of infer: items that people need not label if models go on, and the 90 % interval.
PREDICTED_SAVING = "predictedSavingItems"
PREDICTED_SAVING_LOW = "predictedSavingItemsLow"
PREDICTED_SAVING_HIGH = "predictedSavingItemsHigh"
# In a report's ``seconds``: the whole stage; the other entries are parts of it.
TOTAL_SECONDS = "total"
# The metrics of reports that say how good labels and models are, each from 0 to 1.
QUALITY_METRICS = (CONSENSUS_ERROR, "outOfFoldAccuracy", "chanceToPass")


class ObjectRef(Record):
    """An object of the job's folder, as its writer left it. ``key`` is relative to the folder."""

    key: str
    size: int
    sha256: str


class JobRef(Record):
    """Whose step it is; also the metadata of every Ray job and child."""

    namespace: str
    name: str
    uid: str
    installation: str


class StorageAccess(Record):
    """Where this job may read and write. No secret stands in it."""

    # None: no restriction (the namespace brought its own Secret); (), as where the key is
    # missing: nothing is allowed.
    prefixes: tuple[str, ...] | None = ()
    local_files: bool = False
    endpoint: str | None = None
    region: str | None = None
    sse_type: str | None = None
    sse_key_id: str | None = None
    # PEM; certificate authorities that are trusted beside the machine's own.
    ca_certificate: str | None = None

    @model_serializer(mode="wrap")
    def _with_null(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # to_json leaves None out, by which "no restriction" would become "nothing".
        data: dict[str, Any] = write(self)
        return {**data, "prefixes": None} if self.prefixes is None else data


class Label(Record):
    """One class; its id is its position from 0."""

    name: str
    display_name: str | None = None


class Money(Record):
    """A decimal string and a currency; never a float."""

    amount: str
    currency: str


class ModelParameter(Record):
    """A parameter of a model's constructor; ``value`` is JSON, or a text that is none."""

    name: str
    value: str


class Encoder(Record):
    """What turns items into features; exactly one of name, uri and package."""

    name: str | None = None
    uri: str | None = None
    package: str | None = None
    # Of its content; prepare adds it for its own shards.
    sha256: str | None = None


class AutoLabeling(Record):
    """The promise and how to reach it; see DESIGN of ``spec.autoLabeling``."""

    target_error_permille: int
    risk_permille: int
    tolerance_permille: int | None = None
    # None: the task type's own features.
    encoder: Encoder | None = None
    model: str = "Auto"
    # module:Class in place of a model's name; code of others, which the operator has allowed.
    model_entrypoint: str | None = None
    model_parameters: tuple[ModelParameter, ...] | None = None
    initial_model_uri: str | None = None
    seed_items: int = 200
    items_per_round: int = 200
    repair_percent: int = 0
    query: str = "Auto"
    # One promise about all machine labels, or one about those of each predicted class.
    guarantee: Literal["Overall", "PerClass"] = "Overall"
    # Regions that an attempt tests: one, or several nested ones.
    thresholds: Literal["One", "Nested"] = "One"


class SimulatedAnnotator(Record):
    """A simulated person: right with this probability, else another label at random."""

    name: str
    accuracy_permille: int


class SimulatedWorkforce(Record):
    """Simulated people; only the annotate stage ever reads ``truth_uri``."""

    annotators: tuple[SimulatedAnnotator, ...]
    truth_uri: str
    # What people once answered, by the manifest's lines (``recorded``); None: nothing is known.
    answers_uri: str | None = None
    mean_seconds: int = 10
    seed: int = 0


class Limits(Record):
    """What ends the questions; None: no such limit."""

    max_human_labeled_items: int | None = None
    max_labeled_percent: int | None = None
    # maxCost divided by the price of an annotation.
    max_answers: int | None = None
    # After this round no model is trained, so the one before is the last that may propose.
    max_rounds: int | None = None


class Resources(Record):
    """What the attempt may use; a later attempt differs in this and the timeout alone."""

    num_cpus: int = 1
    num_gpus: int = 0
    memory_mib: int | None = None


class Ending(Record):
    """How the job ends; fixed when export is recorded."""

    succeeded: bool
    reason: str
    # Of NoResult: which limit came before any label, as the reason that it has otherwise.
    cause: str | None = None


class StageConfig(Record):
    """All that one attempt of a step needs to know; created once, never changed.

    Every object it reads is named in ``inputs`` (role to object, the previous step's ``carry``).
    Randomness comes from ``seed`` with round and pass, time from ``stage_time`` alone, so two
    executions write the same bytes.
    """

    schema_version: Literal[1] = 1
    job: JobRef
    step: Step
    attempt: int = Field(ge=1)
    name: str
    generation: int
    stage_time: AwareDatetime
    # None: take it from the manifest's digest (prepare reports which; later configs carry it).
    seed: int | None = None
    # <output.uri>/<job name>, without a slash at the end, and the state's root below it.
    folder_uri: str
    state_root: str
    storage: StorageAccess
    task_type: str
    labels: tuple[Label, ...]
    label_attribute_name: str
    # Key of the earlier label that people judge or correct; None: they see none.
    audit_label_attribute_name: str | None = None
    manifest_uri: str
    output_layout: Literal["Minimal", "GroundTruth"] = "Minimal"
    annotators_per_item: int
    max_annotators_per_item: int
    max_open_items: int
    price_per_annotation: Money | None = None
    consolidation_method: str = "Auto"
    auto_labeling: AutoLabeling | None = None
    remainder: Literal["People", "Leave"] = "People"
    limits: Limits = Limits()
    simulated: SimulatedWorkforce | None = None
    ending: Ending | None = None
    inputs: dict[str, ObjectRef] = {}
    # Counters and answers so far, from the previous step's report.
    previous: Progressed | None = None
    resources: Resources = Resources()
    timeout_seconds: int

    @property
    def encoder_sha256(self) -> str | None:
        """Of the encoder's content, where prepare has named it."""
        encoder = self.auto_labeling.encoder if self.auto_labeling is not None else None
        return encoder.sha256 if encoder is not None else None

    def digest(self) -> str:
        """SHA-256 (16 hexadecimal digits) of what the results depend on: not attempt,
        name, resources, timeout. Nor on the encoder's content, which keys carry beside it."""
        value = self.model_dump(
            mode="json",
            by_alias=True,
            exclude_none=True,
            exclude={
                "attempt": True,
                "name": True,
                "resources": True,
                "timeout_seconds": True,
                "auto_labeling": {"encoder": {"sha256"}},
            },
        )
        return sha256_hex(canonical_json(value))[:16]


class LabelCounters(Record):
    """Ground Truth's counters, and the total. totalLabeled = humanLabeled + machineLabeled;
    total = totalLabeled + failedNonRetryableError + unlabeled."""

    total: int = 0
    total_labeled: int = 0
    human_labeled: int = 0
    machine_labeled: int = 0
    failed_non_retryable_error: int = 0
    unlabeled: int = 0


class ClassBound(Record):
    """The promise about the machine labels of one class (its id), where each has its own."""

    label: int
    error_bound_permille: int
    charged_errors: int
    machine_labels: int


class Certificate(Record):
    """The promise as it stands: with probability 1 - risk at most this share is wrong."""

    # floor would understate: rounded up to whole permille.
    error_bound_permille: int
    risk_permille: int
    validated_items: int
    errors: int
    # The account (algorithms: B charged errors, M machine labels) and attempts spent.
    charged_errors: int
    machine_labels: int
    attempts: int
    # Where each predicted class has a promise of its own: those with the largest bounds, at most
    # 20; the bound above is the largest. None: one promise about all.
    classes: tuple[ClassBound, ...] | None = None


class NextFacts(Record):
    """What ``next_step()`` needs to know of a finished step; counts of items unless said."""

    # carry["tasks"]: the query batch with its sample, chosen by prepare or infer;
    # after a consolidate that wants another pass: the items of that pass.
    task_items: int = 0
    task_answers: int = 0
    # carry["remainder"]: the next maxOpenItems items without a label, in item order.
    remainder_items: int = 0
    remainder_answers: int = 0
    another_pass: bool = False
    proposal_pending: bool = False
    newly_certified: int = 0
    trainable: bool = False
    does_not_pay: bool = False
    # A region would pass now, but another batch first is predicted to save more.
    waits: bool = False
    # Machine labels that people must look at before export, so that the account holds.
    recheck_items: int = 0


class AnnotateCounters(Record):
    """How the items of an annotate step were closed, and how many answers came."""

    items_answered: int = 0
    items_partial: int = 0
    items_declined: int = 0
    items_expired: int = 0
    answers: int = 0


class Notice(Record):
    """Something a person should know; becomes an Event and, where it lasts, a condition."""

    reason: str
    message: str


class Validation(Record):
    """A decided proposal's sample."""

    items: int
    errors: int
    accepted: bool


class Progressed(Record):
    """The job's totals after a step; each step starts from the previous one's."""

    counters: LabelCounters = LabelCounters()
    unlabeled_reasons: dict[str, int] = {}
    answers: int = 0
    certificate: Certificate | None = None


class StageReport(Record):
    """The commit of a step. Only ``seconds`` and ``versions`` differ between two executions."""

    schema_version: Literal[1] = 1
    job: JobRef
    step: Step
    attempt: int
    name: str
    generation: int
    config_digest: str
    seed: int
    inputs: dict[str, ObjectRef] = {}
    # At most 2,000; larger sets by an index file.
    outputs: dict[str, ObjectRef] = Field(default={}, max_length=2_000)
    # Inputs of the next step by role: what came in, with this step's outputs over it.
    carry: dict[str, ObjectRef] = {}
    progressed: Progressed
    next: NextFacts = NextFacts()
    annotate: AnnotateCounters | None = None
    validation: Validation | None = None
    metrics: dict[str, float] = {}
    notices: tuple[Notice, ...] = ()
    seconds: dict[str, float] = {}
    versions: dict[str, str] = {}


class StageFailure(Record):
    """Draft that an attempt leaves when it ends without a commit."""

    # True: a retry would fail the same way (exit status 2).
    configuration: bool
    reason: str
    message: str


StageConfig.model_rebuild()
