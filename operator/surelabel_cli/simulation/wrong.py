"""How many labels of a simulated job are wrong, by its people and in truth.

"Wrong" is, as in the promise, what differs from the label that the same people would have given:
after the job they are asked about every machine label, by the protocol and with the judgement of
annotators that its attempt had committed. The truth, which only simulated people know, stands
beside it. A label that is no class is wrong where it differs by more than the promise's tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CANNOT_TELL_CODE, CodedAnswers
from surelabel.label_values import LabelValues
from surelabel.labels import Kind, LabelFiles, LabelState, read_labels
from surelabel.ledger import Evidence, Ledger, StoredProposal
from surelabel.selection import stream
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.context import StageContext
from surelabel.stages.judged_samples import sealed_reference
from surelabel.stages.recorded import SimulatedPeople, read_recorded
from surelabel.stages.sealed_values import newest, sealed_values, tolerance_of
from surelabel.stages.stored import read_answer_index, read_items
from surelabel.stages.stored_labels import value_of
from surelabel.stages.truth import read_truth
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError, Coded
from surelabel.tasks.valued import ValueTask
from surelabel_contract.stages import SimulatedWorkforce

# Whoever is asked after the job draws from a stream that no round has.
_AFTERWARDS = 1_000_000


@dataclass(frozen=True)
class Wrong:
    """Counts; ``known``: labels whose truth is known."""

    by_people: int | None = None
    machine_in_truth: int | None = None
    machine_known: int = 0
    in_truth: int | None = None
    known: int = 0


def wrong_labels(context: StageContext, people: SimulatedWorkforce, ledger: Ledger | None) -> Wrong:
    """``context``: of the job's last step. ``ledger``: None without a promise."""
    files = LabelFiles.from_json(context.read("labels"))
    state = read_labels(context.folder, files)
    truth = read_truth(context, people, set(range(len(state.kind)))).known
    machine = state.kind == Kind.MACHINE
    is_known = np.zeros(len(machine), bool)
    is_known[list(truth)] = True
    labeled = (machine | (state.kind == Kind.HUMAN)) & is_known
    differs = _Labels(context, state).differ(np.flatnonzero(labeled), truth)
    return Wrong(
        by_people=None if ledger is None else _by_people(context, ledger, state, people, truth),
        machine_in_truth=int(differs[machine[labeled]].sum()),
        machine_known=int((labeled & machine).sum()),
        in_truth=int(differs.sum()),
        known=int(labeled.sum()),
    )


class _Labels:
    """The job's labels, to be held against others."""

    def __init__(self, context: StageContext, state: LabelState) -> None:
        self._context = context
        self._state = state
        self._task = TASK_TYPES[context.config.task_type]
        self._values = LabelValues(context.folder, state.values)

    def differ(self, lines: NDArray[np.int64], others: Mapping[int, Coded]) -> NDArray[np.bool_]:
        """(n,): whether the label of each of the lines is another than ``others`` has."""
        if not isinstance(self._task, ValueTask):
            other = np.array([others[line] for line in lines.tolist()], np.int64)
            return np.asarray(self._state.label[lines] != other)
        labels = [label.name for label in self._context.config.labels]
        task = self._task
        values = {
            line: task.value_of(coded, labels)
            for line in lines.tolist()
            if isinstance(coded := others[line], bytes)
        }
        return np.array([self.differs(line, values[line], task) for line in lines.tolist()], bool)

    def differs(self, line: int, other: Any, task: ValueTask[Any]) -> bool:
        """Whether the line's label differs from a value by more than is tolerated."""
        own = value_of(self._context, self._values.of(line), task)
        return bool(task.disagreement(own, other) > tolerance_of(self._context.config))


def _by_people(
    context: StageContext,
    ledger: Ledger,
    state: LabelState,
    people: SimulatedWorkforce,
    truth: Mapping[int, Coded],
) -> int:
    """How many of the machine labels differ from what these people would have said."""
    wrong = 0
    for number, evidence in enumerate(ledger.evidence, 1):
        lines = np.flatnonzero((state.kind == Kind.MACHINE) & (state.attempt == number))
        if not len(lines):
            continue
        answers = _asked(context, people, lines, truth, number)
        task = TASK_TYPES[context.config.task_type]
        if isinstance(task, ValueTask):
            wrong += _wrong_values(context, state, evidence, answers, lines, task)
            continue
        stored = StoredProposal.from_json(context.read_ref(evidence.proposal))
        reference = sealed_reference(context, stored, answers, lines)
        wrong += int((reference.label != state.label[lines]).sum())
    return wrong


def _wrong_values(
    context: StageContext,
    state: LabelState,
    evidence: Evidence,
    answers: CodedAnswers,
    lines: NDArray[np.int64],
    task: ValueTask[Any],
) -> int:
    """As ``wrong_lines`` has it of a sample: who gives no usable answer makes an error."""
    before = read_answer_index(context).coded[: evidence.answers[0].round - 1]
    earlier = newest(context, before, task.remembers, lines.tolist())
    sealed = sealed_values(
        context, read_items(context), task, answers, AnswerContents(context), lines, earlier
    )
    own = _Labels(context, state)
    return sum(
        line not in sealed.label or own.differs(line, sealed.label[line].value, task)
        for line in lines.tolist()
    )


def _asked(
    context: StageContext,
    people: SimulatedWorkforce,
    lines: NDArray[np.int64],
    truth: Mapping[int, Coded],
    attempt: int,
) -> CodedAnswers:
    """Answers of as many people as an item has at first; where nobody knows the truth, none."""
    config = context.config
    rng = stream("people", context.seed, people.seed, _AFTERWARDS + attempt)
    task: Any = TASK_TYPES[config.task_type]
    labels = [label.name for label in config.labels]
    team = SimulatedPeople(people, read_recorded(context, people, set(lines.tolist())))
    codes = {person.name: code for code, person in enumerate(people.annotators)}
    said: list[tuple[int, int, Coded]] = []
    for line in lines.tolist():
        if line not in truth:
            continue
        for who in team.choose(line, config.annotators_per_item, rng):
            if team.has_answer(line, who.name):
                answer = _coded(task, team.answer(line, who.name), labels)
            else:
                answer = task.simulate(truth[line], who.accuracy_permille / 1000, rng, labels)
            said.append((line, codes[who.name], answer))
    contents = sorted({answer for _, _, answer in said if isinstance(answer, bytes)})
    place: dict[Coded, int] = {content: code for code, content in enumerate(contents)}
    rows = [(line, who, place.get(answer, answer)) for line, who, answer in said]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return CodedAnswers(
        table[:, 0],
        table[:, 1].astype(np.int32),
        table[:, 2].astype(np.int32),
        tuple(codes),
        tuple(contents),
    )


def _coded(task: Any, content: Any, labels: list[str]) -> Coded:
    """A recorded answer as code or bytes; of one that is no label, that nobody can tell."""
    try:
        coded: Coded = CANNOT_TELL_CODE if content is None else task.parse_answer(content, labels)
    except AnswerError:
        return CANNOT_TELL_CODE
    return coded
