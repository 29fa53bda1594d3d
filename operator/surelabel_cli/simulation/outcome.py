"""What a simulated job came to: labels, answers, money, and whether the promise was kept.

"Wrong" is, as in the promise, what differs from the label that the same people would have given:
after the job they are asked about every machine label, by the protocol and with the judgement of
annotators that its attempt had committed. The truth, which only simulated people know, stands
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CANNOT_TELL_CODE, CodedAnswers
from surelabel.labels import Kind, LabelFiles, LabelState, read_labels
from surelabel.ledger import Ledger, StoredProposal
from surelabel.selection import stream
from surelabel.stages.context import StageContext
from surelabel.stages.judged_samples import sealed_reference
from surelabel.stages.recorded import SimulatedPeople, read_recorded
from surelabel.stages.truth import read_truth
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError
from surelabel.tasks.valued import ValueTask
from surelabel_cli.simulation.replay import Replay
from surelabel_contract.stages import SimulatedWorkforce, StageReport
from surelabel_contract.steps import Stage

# Whoever is asked after the job draws from a stream that no round has.
_AFTERWARDS = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """One job, when it has ended. Shares are from 0 to 1; None where there is nothing to count."""

    items: int
    human_labels: int
    machine_labels: int
    unlabeled: int
    answers: int
    cost: float | None
    currency: str | None
    rounds: int
    attempts: int
    refused: int
    # Of the machine labels: the bound of the certificate, and what was wrong indeed.
    error_bound: float | None
    wrong_by_people: float | None
    wrong_in_truth: float | None
    # Of all labels, in truth.
    wrong_of_all: float | None
    # Whether wrong_by_people is within the target; None without a promise.
    kept: bool | None


def outcome_of(replay: Replay) -> Outcome:
    """The outcome of a job that has run to its end."""
    report = replay.reports[-1]
    context = StageContext.open(replay.config_of(report.step), replay.storage)
    counters, answers = report.progressed.counters, report.progressed.answers
    spec = replay.job.spec
    price = spec.workforce.price_per_annotation
    ledger = Ledger.from_json(context.read("account")) if context.has("account") else None
    attempts = () if ledger is None else ledger.account.attempts
    found = _Wrong()
    if not isinstance(TASK_TYPES[spec.task_type], ValueTask):
        found = _wrong(replay, context, ledger)
    certificate = report.progressed.certificate
    auto = spec.auto_labeling
    kept = None
    if auto is not None:
        wrong = found.by_people or 0
        kept = wrong * 1000 <= auto.target_error_permille * counters.machine_labeled
    return Outcome(
        items=counters.total,
        human_labels=counters.human_labeled,
        machine_labels=counters.machine_labeled,
        unlabeled=counters.unlabeled + counters.failed_non_retryable_error,
        answers=answers,
        cost=None if price is None else float(Decimal(price.amount) * answers),
        currency=None if price is None else price.currency,
        rounds=_rounds(replay.reports),
        attempts=len(attempts),
        refused=sum(attempt.outcome != "Accepted" for attempt in attempts),
        error_bound=None if certificate is None else certificate.error_bound_permille / 1000,
        wrong_by_people=_share(found.by_people, counters.machine_labeled),
        wrong_in_truth=_share(found.machine_in_truth, found.machine_known),
        wrong_of_all=_share(found.in_truth, found.known),
        kept=kept,
    )


@dataclass(frozen=True)
class _Wrong:
    """Counts; ``known``: labels whose truth is known."""

    by_people: int | None = None
    machine_in_truth: int | None = None
    machine_known: int = 0
    in_truth: int | None = None
    known: int = 0


def _wrong(replay: Replay, context: StageContext, ledger: Ledger | None) -> _Wrong:
    people = replay.people.simulated
    if people is None:
        return _Wrong()
    files = LabelFiles.from_json(context.read("labels"))
    state = read_labels(context.folder, files)
    known = read_truth(context, people, set(range(len(state.kind)))).known
    truth = np.array([known.get(line, -1) for line in range(len(state.kind))], np.int64)
    machine = state.kind == Kind.MACHINE
    labeled = (machine | (state.kind == Kind.HUMAN)) & (truth >= 0)
    differs = state.label != truth
    return _Wrong(
        by_people=None if ledger is None else _by_people(context, ledger, state, people, truth),
        machine_in_truth=int((differs & labeled & machine).sum()),
        machine_known=int((labeled & machine).sum()),
        in_truth=int((differs & labeled).sum()),
        known=int(labeled.sum()),
    )


def _by_people(
    context: StageContext,
    ledger: Ledger,
    state: LabelState,
    people: SimulatedWorkforce,
    truth: NDArray[np.int64],
) -> int:
    """How many of the machine labels differ from what these people would have said."""
    wrong = 0
    for number, evidence in enumerate(ledger.evidence, 1):
        lines = np.flatnonzero((state.kind == Kind.MACHINE) & (state.attempt == number))
        if not len(lines):
            continue
        stored = StoredProposal.from_json(context.read_ref(evidence.proposal))
        answers = _asked(context, people, lines, truth, number)
        reference = sealed_reference(context, stored, answers, lines)
        wrong += int((reference.label != state.label[lines]).sum())
    return wrong


def _asked(
    context: StageContext,
    people: SimulatedWorkforce,
    lines: NDArray[np.int64],
    truth: NDArray[np.int64],
    attempt: int,
) -> CodedAnswers:
    """Answers of as many people as an item has at first; where nobody knows the truth, none."""
    config = context.config
    rng = stream("people", context.seed, people.seed, _AFTERWARDS + attempt)
    task: Any = TASK_TYPES[config.task_type]
    labels = [label.name for label in config.labels]
    team = SimulatedPeople(people, read_recorded(context, people, set(lines.tolist())))
    codes = {person.name: code for code, person in enumerate(people.annotators)}
    rows: list[tuple[int, int, int]] = []
    for line in lines[truth[lines] >= 0].tolist():
        for who in team.choose(line, config.annotators_per_item, rng):
            if team.has_answer(line, who.name):
                said = _coded(task, team.answer(line, who.name), labels)
            else:
                accuracy = who.accuracy_permille / 1000
                said = task.simulate(int(truth[line]), accuracy, rng, labels)
            rows.append((line, codes[who.name], said))
    table = np.array(rows, np.int64).reshape(-1, 3)
    return CodedAnswers(
        table[:, 0], table[:, 1].astype(np.int32), table[:, 2].astype(np.int32), tuple(codes)
    )


def _coded(task: Any, content: Any, labels: list[str]) -> int:
    """The code of a recorded answer; of one that is no label, that nobody can tell."""
    try:
        return CANNOT_TELL_CODE if content is None else int(task.parse_answer(content, labels))
    except AnswerError:
        return CANNOT_TELL_CODE


def _rounds(reports: Sequence[StageReport]) -> int:
    return sum(
        report.step.stage is Stage.CONSOLIDATE and not report.next.another_pass
        for report in reports
    )


def _share(count: int | None, of: int) -> float | None:
    return None if count is None or of == 0 else count / of
