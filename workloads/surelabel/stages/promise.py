"""The promise of auto-labeling in the stages: propose, decide, settle the account.

What is decided, and why that is right, stands in ``certify``; here it is read and written.
``certify`` is imported late: it takes most of a second, and most steps have nothing to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.label_values import LabelValue
from surelabel.labels import Kind, LabelState, Role
from surelabel.stages.consensus import Consensus
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.judged_samples import Answered, judge_sample
from surelabel.stages.sealed_values import guess_file, write_guesses
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import Certificate, ObjectRef, Validation

if TYPE_CHECKING:
    from surelabel.account import Account, Attempt, Proposal
    from surelabel.ledger import Ledger, Region
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
        target_error_permille=promise.target_error_permille,
        risk_permille=promise.risk_permille,
        n_classes=len(context.config.labels) if promise.guarantee == "PerClass" else None,
    )
    return Ledger(account=account)


def propose(
    context: StageContext, scores: Scores, index: ScoreIndex, plans: Sequence[Plan]
) -> tuple[ObjectRef, list[int]]:
    """Commit regions, labels and samples of the plans; the stored proposals, the samples' lines.

    ``plans``: one; or one for each of several classes that have a promise of their own.
    """
    from surelabel.certify import open_attempt
    from surelabel.ledger import Region, StoredProposal

    position = np.concatenate([plan.position for plan in plans])
    order = np.argsort(position)
    position = position[order]
    level: NDArray[np.int8] | None = None
    if all(plan.level is not None for plan in plans):
        level = np.concatenate([plan.level for plan in plans if plan.level is not None])[order]
    region = Region(
        scores.line[position], scores.label[position], scores.confidence[position], level
    )
    model = context.input("model")
    account = read_ledger(context).account
    proposals = tuple(
        open_attempt(
            account,
            scores.line[plan.position],
            plan.n_sample,
            seed=context.seed,
            model=model.sha256,
            round_=context.config.step.round,
            level=plan.level,
            label=plan.label,
            opened=opened,
        )
        for opened, plan in enumerate(plans)
    )
    stored = StoredProposal(
        step=context.config.step.key,
        proposals=proposals,
        region=context.write("region.npz", region.to_bytes(), role="region"),
        model=model,
        annotators=context.input("annotators") if context.has("annotators") else None,
        guesses=write_guesses(context, index, region.line) if index.guesses else None,
    )
    sample = sorted(line for proposal in proposals for line in proposal.sample)
    return context.write("proposal.json", stored.to_json(), role="proposal"), sample


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
    from surelabel.certify import decide
    from surelabel.ledger import Evidence, Region, StoredProposal

    stored = StoredProposal.from_json(context.read("proposal"))
    ledger = read_ledger(context)
    evidence = Evidence(
        proposal=context.input("proposal"),
        decided_step=context.config.step.key,
        answers=round_.index.of_round(round_.number),
        tasks=round_.tasks,
    )
    region = Region.from_bytes(context.read_ref(stored.region))
    account, attempts = ledger.account, []
    sealed: dict[int, LabelValue] = {}
    labeled = 0
    for proposal in stored.proposals:
        sample = np.array(proposal.sample, np.int64)
        if cut_off or _is_cut_off(context, round_, sample):
            account = _give_up(context, account, proposal)
            continue
        judged = judge_sample(
            context,
            reader,
            stored,
            region.of(proposal),
            sample,
            Answered(round_.answers, round_.contents, round_.index.coded),
        )
        attempt, account = decide(account, proposal, judged.wrong)
        attempts.append(attempt)
        _freeze(state, judged.reference, proposal.attempt, context.stage_micros)
        sealed |= judged.stored(context)
        if attempt.outcome == "Accepted":
            given = region.of(proposal).certified(attempt)
            labeled += _label_region(state, given, proposal.attempt, context.stage_micros)
            if stored.guesses is not None:
                # Before the file with people's labels, which hold for the sample.
                state.values = (*state.values, guess_file(stored.guesses, region.line))
    changed = ledger.model_copy(
        update={
            "account": account,
            "evidence": (*ledger.evidence, *[evidence] * len(stored.proposals)),
        }
    )
    return Decided(
        carry={"account": context.write("account.json", changed.to_json(), role="account")},
        certificate=account.certificate() if attempts else None,
        validation=_validation(attempts),
        newly_certified=labeled,
        sealed=sealed,
    )


def _give_up(context: StageContext, account: Account, proposal: Proposal) -> Account:
    from surelabel.certify import abandon

    context.notice(
        "SampleCutOff",
        f"attempt {proposal.attempt} was not tested: the questions ended before all "
        f"{proposal.sample_items} items of its sample were answered. Its answers are kept.",
    )
    return abandon(account, proposal)


def _validation(attempts: Sequence[Attempt]) -> Validation | None:
    """Of all that were decided together; accepted if any was."""
    if not attempts:
        return None
    return Validation(
        items=sum(attempt.proposal.sample_items for attempt in attempts),
        errors=sum(attempt.errors for attempt in attempts),
        accepted=any(attempt.outcome == "Accepted" for attempt in attempts),
    )


@dataclass(frozen=True)
class Corrected:
    """The account after people answered items that a machine had labeled; their lines."""

    account: ObjectRef
    certificate: Certificate | None
    lines: NDArray[np.int64]


def correct_answered(
    context: StageContext,
    state: LabelState,
    consensus: Consensus,
    account: ObjectRef | None,
    is_wrong: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
) -> Corrected | None:
    """People's labels in place of a machine's, and the account without these; None: there are none.

    ``account``: where this step has changed it. ``is_wrong``: of lines, whether the machine's label
    was an error against people's. A label that was corrected is frozen, so that the account stays
    true of it.
    """
    answered = (consensus.label >= 0) & (state.kind[consensus.line] == Kind.MACHINE)
    if not np.any(answered):
        return None
    from surelabel.certify import correct

    lines = consensus.line[answered]
    errors = is_wrong(lines)
    ledger = read_ledger(context, account)
    changed = ledger.account
    attempts = state.attempt[lines]
    for attempt in np.unique(attempts).tolist():
        of = attempts == attempt
        wrong = int(np.count_nonzero(errors[of]))
        changed = correct(changed, attempt, int(np.count_nonzero(of)), wrong)
    _write_human(state, consensus.where(answered), context.stage_micros)
    data = ledger.model_copy(update={"account": changed}).to_json()
    return Corrected(
        context.write("account.json", data, role="account"), changed.certificate(), lines
    )


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
    usable = reference.where(reference.label >= 0)
    _write_human(state, usable, created)
    state.attempt[usable.line] = attempt
    state.role[reference.line] = Role.SAMPLE


def _write_human(state: LabelState, consensus: Consensus, created: int) -> None:
    lines = consensus.line
    state.kind[lines] = Kind.HUMAN
    state.label[lines] = consensus.label.astype(np.int32)
    state.confidence[lines] = consensus.confidence.astype(np.float32)
    state.answers[lines] = consensus.n_answers.astype(np.int16)
    state.created[lines] = created
    state.reason[lines] = 0


def _label_region(state: LabelState, given: Region, attempt: int, created: int) -> int:
    lines = given.line
    if np.any(state.kind[lines] != Kind.OPEN):
        raise StateCorruptedError(
            f"items of the region of attempt {attempt} were labeled while it was being tested."
        )
    state.kind[lines] = Kind.MACHINE
    state.label[lines] = given.label
    state.confidence[lines] = given.confidence
    state.created[lines] = created
    state.attempt[lines] = attempt
    state.reason[lines] = 0
    return len(lines)
