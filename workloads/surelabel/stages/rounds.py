"""A round from its first answer to its labels; export uses the same code for a round cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answer_segments import SetAside, read_segments
from surelabel.answers import (
    CANNOT_TELL_CODE,
    SKIPPED_CODE,
    AnswerIndex,
    CodedAnswers,
    merge,
)
from surelabel.consolidation import ErrorShare
from surelabel.items import ItemReader
from surelabel.label_values import LabelValues
from surelabel.labels import Kind, LabelState, Role
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.consensus import Consensus, consolidate_all, estimated_error
from surelabel.stages.context import StageContext
from surelabel.stages.history import AskedAgain, ConsensusError, RoundEntry, append_round
from surelabel.stages.promise import Corrected, Decided, correct_answered, decide_pending
from surelabel.stages.repair import asked_again
from surelabel.stages.sealed_values import newest, tolerance_of
from surelabel.stages.selected import read_selection
from surelabel.stages.sources import image_sizes
from surelabel.stages.stored import read_answer_index, write_state
from surelabel.stages.stored_labels import value_of
from surelabel.stages.value_consensus import consolidate_values
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import (
    CONSENSUS_TOO_NOISY,
    Certificate,
    ObjectRef,
    StageConfig,
    Validation,
)

# Below this a re-estimated confidence is not worth a row in the delta.
_CONFIDENCE_STEP = 0.005


@dataclass(frozen=True)
class OpenRound:
    """The round's items (``lines`` in the order of its first task file) and all its answers."""

    number: int
    tasks: ObjectRef
    lines: list[int]
    answers: CodedAnswers
    aside: list[SetAside]
    contents: AnswerContents
    index: AnswerIndex
    # A limit or a stop ended the hand-outs, so items may have too few answers.
    stopped: bool


@dataclass(frozen=True)
class FinishedRound:
    """What a round leaves; ``carry`` already has labels, answers, annotators and account."""

    state: LabelState
    carry: dict[str, ObjectRef | None]
    certificate: Certificate | None
    validation: Validation | None
    newly_certified: int
    # None: no item has two answers.
    consensus_error: ErrorShare | None


def read_open_round(context: StageContext, reader: ItemReader) -> OpenRound:
    """The round whose answers have not been consolidated yet."""
    index = read_answer_index(context)
    number = index.steps[-1].round
    tasks = context.input("roundTasks" if context.has("roundTasks") else "tasks")
    lines = reader.lines_of(task.item_id for task in read_tasks(context.read_ref(tasks)))
    steps = index.of_round(number)
    contents = AnswerContents(context)
    answers, aside = read_segments(
        context.folder,
        [segment for step in steps for segment in step.segments],
        lines,
        contents,
        lambda wanted: image_sizes(context, reader, wanted),
    )
    return OpenRound(
        number,
        tasks,
        list(lines.values()),
        answers,
        aside,
        contents,
        index,
        any(step.stopped for step in steps),
    )


def has_open_round(context: StageContext) -> bool:
    """Whether a round has answers that no consolidate has finished with."""
    index = read_answer_index(context)
    return len(index.coded) < len({step.round for step in index.steps})


def finish_round(
    context: StageContext, reader: ItemReader, old: LabelState, round_: OpenRound, *, cut_off: bool
) -> FinishedRound:
    """Decide the pending proposal, then label with all answers so far.

    ``cut_off``: more people should have been asked, so a sample cannot be tested.
    """
    state = old.copy()
    with context.phase("decide"):
        decided = decide_pending(context, reader, state, round_, cut_off=cut_off)
    task_type = TASK_TYPES[context.config.task_type]
    with context.phase("consolidate"):
        if isinstance(task_type, ValueTask):
            judged = _judge_values(context, reader, task_type, state, round_, decided)
        else:
            judged = _judge_classes(context, state, round_, decided.carry.get("account"))
    _close(state, round_)
    for line in read_selection(context).uniform:
        state.role[line] = Role.UNIFORM
    coded = context.write("answers.npz", round_.answers.to_bytes(), role="coded")
    index = AnswerIndex(steps=round_.index.steps, coded=(*round_.index.coded, coded))
    error = judged.error
    certificate = decided.certificate or context.previous.certificate
    account = decided.carry
    if judged.corrected is not None:
        certificate = judged.corrected.certificate
        account = {"account": judged.corrected.account}
    history = RoundEntry(
        round=round_.number,
        answers=context.previous.answers,
        counters=state.counters(),
        newly_certified=decided.newly_certified,
        validation=decided.validation,
        certificate=certificate,
        consensus_error=None if error is None else ConsensusError.of(error),
        answers_set_aside=len(round_.aside) or None,
        asked_again=_asked_again(old, state, round_),
    )
    carry: dict[str, ObjectRef | None] = {
        **account,
        "labels": write_state(context, old, state),
        "answers": context.write("answers.json", index.to_json(), role="answers"),
        "history": append_round(context, history),
        "tasks": None,
        "roundTasks": None,
        "selection": None,
        "proposal": None,
    }
    if judged.annotators is not None:
        ref = context.write("annotators.json", judged.annotators, role="annotators")
        carry["annotators"] = ref
    _warn_if_noisy(context, error)
    return FinishedRound(
        state, carry, certificate, decided.validation, decided.newly_certified, error
    )


@dataclass(frozen=True)
class _Judged:
    """What was learned beside the labels, which are in the state already."""

    # JSON of the annotators; None: there was nothing to judge them by.
    annotators: bytes | None
    error: ErrorShare | None = None
    # Machine labels that people's took the place of.
    corrected: Corrected | None = None


def _judge_classes(
    context: StageContext, state: LabelState, round_: OpenRound, account: ObjectRef | None
) -> _Judged:
    """Label everything that is not frozen anew, with the answers of all rounds."""
    earlier = [CodedAnswers.from_bytes(context.read_ref(ref)) for ref in round_.index.coded]
    frozen = np.flatnonzero((state.kind == Kind.HUMAN) & (state.attempt > 0))
    parts = [*earlier, round_.answers]
    answers = merge(parts)
    consensus = consolidate_all(context.config, answers, frozen, state.label[frozen])

    def is_wrong(lines: NDArray[np.int64]) -> NDArray[np.bool_]:
        said = consensus.label[np.searchsorted(consensus.line, lines)]
        return np.asarray(said != state.label[lines])

    corrected = correct_answered(context, state, consensus, account, is_wrong)
    if corrected is not None:
        frozen = np.union1d(frozen, corrected.lines)
    _label(state, consensus, frozen, context.stage_micros)
    found = consensus.annotators
    return _Judged(
        None if found is None else found.to_json(),
        estimated_error(context.config, telling_answers(context.config, answers, parts), state),
        corrected,
    )


def telling_answers(
    config: StageConfig, answers: CodedAnswers, parts: Sequence[CodedAnswers]
) -> CodedAnswers:
    """The answers that say how often labels are wrong.

    Where everybody else gives one answer, only items that a model contradicted have several, and
    labels are wrong there far more often than elsewhere.
    """
    if config.annotators_per_item > 1:
        return answers
    line, n_rounds = np.unique(
        np.concatenate([np.unique(part.line) for part in parts]), return_counts=True
    )
    return answers.where(~np.isin(answers.line, line[n_rounds > 1]))


def _judge_values(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    state: LabelState,
    round_: OpenRound,
    decided: Decided,
) -> _Judged:
    """Label the round's items; those of a decided sample are labeled, and stand."""
    sealed = decided.sealed
    # An item of this round has no label yet, whatever was said of it before.
    earlier = newest(context, round_.index.coded, task.remembers, round_.lines)
    found = consolidate_values(
        context, reader, task, round_.answers, round_.contents, earlier, sealed
    )
    guesses = LabelValues(context.folder, state.values)

    def is_wrong(lines: NDArray[np.int64]) -> NDArray[np.bool_]:
        tolerance = tolerance_of(context.config)
        said = {value.line: value for value in found.values}
        apart = [
            task.disagreement(
                value_of(context, guesses.of(line), task), value_of(context, said[line], task)
            )
            for line in lines.tolist()
        ]
        return np.array(apart) > tolerance

    account = decided.carry.get("account")
    corrected = correct_answered(context, state, found.consensus, account, is_wrong)
    frozen = np.array(sorted(sealed), np.int64)
    if corrected is not None:
        frozen = np.union1d(frozen, corrected.lines)
    _label(state, found.consensus, frozen, context.stage_micros)
    if found.file is not None:
        state.values = (*state.values, found.file)
    return _Judged(found.annotators, corrected=corrected)


def _label(
    state: LabelState, consensus: Consensus, frozen: NDArray[np.int64], created: int
) -> None:
    """Human labels of everything that is not frozen."""
    free = (consensus.label >= 0) & ~np.isin(consensus.line, frozen)
    lines, label = consensus.line[free], consensus.label[free].astype(np.int32)
    confidence = consensus.confidence[free].astype(np.float32)
    is_new = state.kind[lines] != Kind.HUMAN
    changed = is_new | (state.label[lines] != label)
    moved = changed | (np.abs(state.confidence[lines] - confidence) >= _CONFIDENCE_STEP)
    state.created[lines[changed]] = created
    state.confidence[lines[moved]] = confidence[moved]
    state.label[lines] = label
    state.answers[lines] = consensus.n_answers[free].astype(np.int16)
    state.kind[lines] = Kind.HUMAN
    state.attempt[lines] = 0
    state.reason[lines] = 0


def _asked_again(old: LabelState, new: LabelState, round_: OpenRound) -> AskedAgain | None:
    """None where nobody answered an item again."""
    lines = np.intersect1d(asked_again(old, round_.lines), round_.answers.line)
    if not len(lines):
        return None
    relabeled = int(np.count_nonzero(old.label[lines] != new.label[lines]))
    return AskedAgain(items=len(lines), relabeled=relabeled)


def _close(state: LabelState, round_: OpenRound) -> None:
    """Items of the round without a usable answer: failed, or still open if nobody was asked."""
    lines = np.array(round_.lines, np.int64)
    without = lines[state.kind[lines] == Kind.OPEN]
    answers = round_.answers
    cannot_tell = set(answers.line[answers.label == CANNOT_TELL_CODE].tolist())
    declined = set(answers.line[answers.label == SKIPPED_CODE].tolist())
    unusable = {each.item_line for each in round_.aside}
    for line in without.tolist():
        if line in cannot_tell:
            reason = "CannotTell"
        elif line in declined:
            reason = "Declined"
        elif line in unusable:
            reason = "UnusableAnswers"
        elif round_.stopped:
            state.reason[line] = state.code("LimitReached")
            continue
        else:
            reason = "Expired"
        state.kind[line] = Kind.FAILED
        state.reason[line] = state.code(reason)


def _warn_if_noisy(context: StageContext, error: ErrorShare | None) -> None:
    """Only when even the interval's lower end is too much: the first rounds know little.

    Nothing is lost by waiting, since the interval narrows with every round.
    """
    promise = context.config.auto_labeling
    if promise is None or error is None or error.low <= promise.target_error_permille / 2000:
        return
    context.notice(
        CONSENSUS_TOO_NOISY,
        f"the people's own labels are estimated to be wrong on {error.share:.1%} ({error.low:.1%} "
        f"to {error.high:.1%}), more than half of targetErrorPermille "
        f"({promise.target_error_permille}). Machines can hardly pass a test "
        "against them: ask more annotators per item, or raise the target.",
    )
