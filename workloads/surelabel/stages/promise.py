"""The promise of auto-labeling in the stages: propose, decide, settle the account.

What is decided, and why that is right, stands in ``certify``; here it is read and written.
``certify`` is imported late: it takes most of a second, and most steps have nothing to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers
from surelabel.consolidation import AnnotatorParameters
from surelabel.items import ItemReader
from surelabel.label_values import LabelValue
from surelabel.labels import Kind, LabelState, Role
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.consensus import Consensus, reference_labels
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.sealed_values import (
    SealedValues,
    guess_file,
    newest,
    sealed_values,
    write_guesses,
    wrong_lines,
)
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import Certificate, ObjectRef, Validation

if TYPE_CHECKING:
    from surelabel.ledger import Evidence, Ledger, Region, StoredProposal
    from surelabel.proposing import Plan
    from surelabel.stages.rounds import OpenRound
    from surelabel.stages.scoring import ScoreIndex, Scores

NOT_CERTIFIED = "NotCertified"


@dataclass(frozen=True)
class Decided:
    """What the decision changed; the state was changed in place."""

    carry: dict[str, ObjectRef | None] = field(default_factory=dict)
    certificate: Certificate | None = None
    validation: Validation | None = None
    newly_certified: int = 0
    # By line the sample's labels where they are no classes.
    sealed: dict[int, LabelValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Settled:
    """The account at the end; None where there is none."""

    account: ObjectRef | None = None
    certificate: Certificate | None = None


def read_ledger(context: StageContext, ref: ObjectRef | None = None) -> Ledger:
    """The account so far; an empty one before the first attempt."""
    from surelabel.certify import Account
    from surelabel.ledger import Ledger

    if ref is not None:
        return Ledger.from_json(context.read_ref(ref))
    if context.has("account"):
        return Ledger.from_json(context.read("account"))
    promise = context.config.auto_labeling
    if promise is None:
        raise ConfigurationError("NoAutoLabeling", "spec.autoLabeling is absent; no promise.")
    account = Account(
        target_error_permille=promise.target_error_permille, risk_permille=promise.risk_permille
    )
    return Ledger(account=account)


def propose(
    context: StageContext, scores: Scores, index: ScoreIndex, plan: Plan
) -> tuple[ObjectRef, list[int]]:
    """Commit region, labels and sample of a plan; the stored proposal and the sample's lines."""
    from surelabel.certify import open_attempt
    from surelabel.ledger import Region, StoredProposal

    position = plan.position
    region = Region(scores.line[position], scores.label[position], scores.confidence[position])
    model = context.input("model")
    proposal = open_attempt(
        read_ledger(context).account,
        region.line,
        plan.n_sample,
        seed=context.seed,
        model=model.sha256,
        round_=context.config.step.round,
    )
    stored = StoredProposal(
        step=context.config.step.key,
        proposal=proposal,
        region=context.write("region.npz", region.to_bytes(), role="region"),
        model=model,
        annotators=context.input("annotators") if context.has("annotators") else None,
        guesses=write_guesses(context, index, region.line) if index.guesses else None,
    )
    return context.write("proposal.json", stored.to_json(), role="proposal"), list(proposal.sample)


def decide_pending(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    round_: OpenRound,
    *,
    cut_off: bool,
) -> Decided:
    """Test the pending proposal on its sample, before anything else is done with the answers."""
    if not context.has("proposal"):
        return Decided()
    from surelabel.certify import abandon, decide
    from surelabel.ledger import Evidence, Region, StoredProposal

    stored = StoredProposal.from_json(context.read("proposal"))
    ledger = read_ledger(context)
    evidence = Evidence(
        proposal=context.input("proposal"),
        decided_step=context.config.step.key,
        answers=round_.index.of_round(round_.number),
        tasks=round_.tasks,
    )
    proposal = stored.proposal
    sample = np.array(proposal.sample, np.int64)
    if cut_off or _is_cut_off(context, round_, sample):
        account = abandon(ledger.account, proposal)
        context.notice(
            "SampleCutOff",
            f"attempt {proposal.attempt} was not tested: the questions ended before all "
            f"{proposal.sample_items} items of its sample were answered. Its answers are kept.",
        )
        return Decided(carry={"account": _write(context, ledger, account, evidence)})
    region = Region.from_bytes(context.read_ref(stored.region))
    judged = judge_sample(
        context, reader, stored, region, round_.answers, round_.contents, round_.index.coded
    )
    attempt, account = decide(ledger.account, proposal, judged.wrong)
    accepted = attempt.outcome == "Accepted"
    _freeze(state, judged.reference, proposal.attempt, context.stage_micros)
    labeled = 0
    if accepted:
        labeled = _label_region(state, region, sample, proposal.attempt, context.stage_micros)
        if stored.guesses is not None:
            # Before the file with people's labels, which hold for the sample.
            state.values = (*state.values, guess_file(stored.guesses, region.line))
    return Decided(
        carry={"account": _write(context, ledger, account, evidence)},
        certificate=account.certificate(),
        validation=Validation(items=len(sample), errors=len(judged.wrong), accepted=accepted),
        newly_certified=labeled,
        sealed=judged.stored(context),
    )


@dataclass(frozen=True)
class JudgedSample:
    """The labels of a sample by people, and ``wrong``: the lines where the model's are errors.

    ``values``: the labels where they are no classes.
    """

    reference: Consensus
    wrong: list[int]
    values: SealedValues | None = None

    def stored(self, context: StageContext) -> dict[int, LabelValue]:
        """By line the labels that are no classes, as files have them."""
        task = TASK_TYPES[context.config.task_type]
        if self.values is None or not isinstance(task, ValueTask):
            return {}
        return self.values.stored(context, task)


def judge_sample(
    context: StageContext,
    reader: ItemReader,
    stored: StoredProposal,
    region: Region,
    answers: CodedAnswers,
    contents: AnswerContents,
    earlier: Sequence[ObjectRef],
) -> JudgedSample:
    """The sample against what the model said; ``earlier``: answers of each round before it."""
    sample = np.array(stored.proposal.sample, np.int64)
    task = TASK_TYPES[context.config.task_type]
    if not isinstance(task, ValueTask):
        reference = sealed_reference(context, stored, answers, sample)
        wrong = sample[reference.label != region.labels_of(sample)]
        return JudgedSample(reference, wrong.tolist())
    if stored.guesses is None:
        raise StateCorruptedError(f"the proposal of {stored.step} names no guesses.")
    before = newest(context, earlier, task.remembers, sample.tolist())
    values = sealed_values(context, reader, task, answers, contents, sample, before)
    return JudgedSample(
        values.consensus, wrong_lines(context, task, values, stored.guesses), values
    )


def sealed_reference(
    context: StageContext, stored: StoredProposal, answers: CodedAnswers, sample: NDArray[np.int64]
) -> Consensus:
    """The sample's labels by people, with the annotators as they were judged before it."""
    annotators: AnnotatorParameters | None = None
    if stored.annotators is not None:
        annotators = AnnotatorParameters.from_json(context.read_ref(stored.annotators))
    return reference_labels(context.config, answers, sample, annotators)


def settle(context: StageContext, state: LabelState, ref: ObjectRef | None) -> Settled:
    """Check the account for the last time; withdraw regions until it holds."""
    if ref is None and not context.has("account"):
        return Settled()
    from surelabel.certify import withdraw_until_it_holds

    ledger = read_ledger(context, ref)
    account, withdrawn = withdraw_until_it_holds(ledger.account)
    for attempt in withdrawn:
        lines = np.flatnonzero((state.kind == Kind.MACHINE) & (state.attempt == attempt))
        state.kind[lines] = Kind.OPEN
        state.label[lines] = -1
        state.confidence[lines] = 0.0
        state.reason[lines] = state.code(NOT_CERTIFIED)
        context.notice(
            "RegionWithdrawn",
            f"{len(lines)} machine labels of attempt {attempt} were withdrawn: the account no "
            "longer held with them.",
        )
    settled = ledger.model_copy(update={"account": account})
    return Settled(
        context.write("account.json", settled.to_json(), role="account"), account.certificate()
    )


def _is_cut_off(context: StageContext, round_: OpenRound, sample: NDArray[np.int64]) -> bool:
    if not set(sample.tolist()) <= set(round_.lines):
        return True
    if not round_.stopped:
        return False
    asked = np.bincount(round_.answers.line, minlength=int(sample.max()) + 1)[sample]
    return bool(np.any(asked < context.config.annotators_per_item))


def _freeze(state: LabelState, reference: Consensus, attempt: int, created: int) -> None:
    usable = reference.label >= 0
    lines = reference.line[usable]
    state.kind[lines] = Kind.HUMAN
    state.label[lines] = reference.label[usable].astype(np.int32)
    state.confidence[lines] = reference.confidence[usable].astype(np.float32)
    state.answers[lines] = reference.n_answers[usable].astype(np.int16)
    state.created[lines] = created
    state.attempt[lines] = attempt
    state.reason[lines] = 0
    state.role[reference.line] = Role.SAMPLE


def _label_region(
    state: LabelState, region: Region, sample: NDArray[np.int64], attempt: int, created: int
) -> int:
    rest = ~np.isin(region.line, sample)
    lines = region.line[rest]
    if np.any(state.kind[lines] != Kind.OPEN):
        raise StateCorruptedError(
            f"items of the region of attempt {attempt} were labeled while it was being tested."
        )
    state.kind[lines] = Kind.MACHINE
    state.label[lines] = region.label[rest]
    state.confidence[lines] = region.confidence[rest]
    state.created[lines] = created
    state.attempt[lines] = attempt
    state.reason[lines] = 0
    return len(lines)


def _write(context: StageContext, ledger: Ledger, account: object, evidence: Evidence) -> ObjectRef:
    changed = ledger.model_copy(
        update={"account": account, "evidence": (*ledger.evidence, evidence)}
    )
    return context.write("account.json", changed.to_json(), role="account")
