"""Simulated people answer the task file.

Nobody sleeps: times are stamped from the step's start. Segments are created, never changed, and
the same whichever attempt writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from surelabel.answers import CANNOT_TELL, SUBMITTED, AnswerIndex, SegmentsOfStep
from surelabel.blobs import moved_out
from surelabel.selection import stream
from surelabel.stages.answer_contents import BlobWriter
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.earlier_label import EarlierLabels
from surelabel.stages.recorded import SimulatedPeople, read_recorded
from surelabel.stages.stored import read_answer_index, read_items
from surelabel.stages.truth import FIELD, Truth, read_truth
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Coded, TaskType
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.model import sha256_hex
from surelabel_contract.people import Answer, Progress, Task, read_tasks, write_lines
from surelabel_contract.stages import (
    AnnotateCounters,
    ObjectRef,
    SimulatedAnnotator,
    SimulatedWorkforce,
)

_WRITER = "simulated"
_ITEMS_PER_SEGMENT = 500


@dataclass
class _Tally:
    answered: int = 0
    partial: int = 0
    # Items without a label so far.
    new: int = 0
    expired: int = 0
    answers: int = 0
    stopped: bool = False
    last_time: str | None = None
    seen: set[str] = field(default_factory=set)


def annotate(context: StageContext) -> StageResult:
    """Answers to every task, until a limit or a stop ends the hand-outs."""
    config = context.config
    workforce = config.simulated
    if workforce is None:
        raise ConfigurationError(
            "WorkforceNotSupported",
            "spec.workforce.workTeam: only a WorkTeam with spec.simulated can be run as a stage; "
            "got one without. Name another WorkTeam.",
        )
    tasks = read_tasks(context.read("tasks"))
    reader = read_items(context)
    lines = reader.lines_of(task.item_id for task in tasks)
    truth = read_truth(context, workforce, set(lines.values()))
    _tell_of_unknown(context, truth, len(tasks))
    index = read_answer_index(context)
    people = _People(context, workforce, set(lines.values()))
    blobs = BlobWriter(context, config.step)
    tally, segments = _Tally(), list[ObjectRef]()
    for number, start in enumerate(range(0, len(tasks), _ITEMS_PER_SEGMENT), 1):
        part = tasks[start : start + _ITEMS_PER_SEGMENT]
        answers: list[Answer] = []
        tally.stopped = tally.stopped or _stop_requested(context)
        for task in part:
            line = lines[task.item_id]
            asked = people.choose(task, line)
            if tally.stopped or _limit_reached(context, tally, len(asked)):
                tally.stopped = True
                break
            given = people.answer(task, line, asked, truth.known.get(line))
            answers.extend(_without_images(each, blobs) for each in given)
            _count(tally, task, given)
        if answers:
            # First what they refer to: an answer must never be there without its image.
            blobs.flush()
            data = write_lines(answers)
            key = context.keys.answers(config.step, _WRITER, number)
            segments.append(context.create(key, data))
        _write_progress(context, tasks, tally)
        if tally.stopped:
            break
    tally.expired = len(tasks) - tally.answered - tally.partial
    step = SegmentsOfStep(
        round=config.step.round,
        pass_number=config.step.pass_,
        segments=tuple(segments),
        answers=tally.answers,
        stopped=tally.stopped,
    )
    index = AnswerIndex(steps=(*index.steps, step), coded=index.coded)
    answers_ref = context.write("answers.json", index.to_json(), role="answers")
    return StageResult(
        progressed=context.previous.model_copy(
            update={"answers": context.previous.answers + tally.answers}
        ),
        carry={"answers": answers_ref},
        annotate=AnnotateCounters(
            items_answered=tally.answered,
            items_partial=tally.partial,
            items_expired=tally.expired,
            answers=tally.answers,
        ),
    )


def _tell_of_unknown(context: StageContext, truth: Truth, n_tasks: int) -> None:
    if truth.unknown:
        line = min(truth.unknown)
        context.notice(
            "TruthNotKnown",
            f"{FIELD}: the truth of {len(truth.unknown)} of {n_tasks} items is not known, so that "
            f"all say that they cannot tell; the first is line {line + 1}: {truth.unknown[line]}",
        )


class _People:
    """The simulated team at work on this step: who answers what, and when."""

    def __init__(self, context: StageContext, workforce: SimulatedWorkforce, lines: set[int]):
        self._context = context
        self._mean = workforce.mean_seconds
        self._type: TaskType = TASK_TYPES[context.config.task_type]
        self._labels = [label.name for label in context.config.labels]
        self._earlier = EarlierLabels(context)
        step = context.config.step
        # The workforce's own seed first: two teams must not make the same mistakes.
        self._rng = stream("people", context.seed, workforce.seed, step.round, step.pass_)
        self._team = SimulatedPeople(workforce, read_recorded(context, workforce, lines))
        # Seconds after the step's start at which each person is free again.
        self._free_at = dict.fromkeys((person.name for person in workforce.annotators), 0.0)

    def choose(self, task: Task, line: int) -> list[SimulatedAnnotator]:
        """As many people as the task wants and the team still has."""
        return self._team.choose(line, task.annotators, self._rng, task.exclude)

    def answer(
        self, task: Task, line: int, asked: Sequence[SimulatedAnnotator], truth: Coded | None
    ) -> list[Answer]:
        """One answer of each of the people asked."""
        truth, shown = self._earlier.judged(task, truth), self._earlier.shown(task)
        return [self._one(task, line, person, truth, shown) for person in asked]

    def _one(
        self, task: Task, line: int, person: SimulatedAnnotator, truth: Coded | None, shown: Any
    ) -> Answer:
        step = self._context.config.step
        start = self._free_at[person.name]
        spent = round(self._mean * (0.5 + float(self._rng.random())), 3)
        self._free_at[person.name] = start + spent
        content: dict[str, Any] | None = None
        if self._team.has_answer(line, person.name):
            content = self._team.answer(line, person.name)
        elif truth is not None:
            accuracy = person.accuracy_permille / 1000
            told = self._type.simulate(truth, accuracy, self._rng, self._labels, shown=shown)
            content = self._type.answer_content(told, self._labels)
        identity = f"{step.key}/{task.item_id}/{person.name}"
        return Answer(
            answer_id=sha256_hex(identity.encode())[:32],
            item_id=task.item_id,
            annotator=person.name,
            status=CANNOT_TELL if content is None else SUBMITTED,
            acceptance_time=self._context.time_after(start),
            submission_time=self._context.time_after(start + spent),
            time_spent_in_seconds=spent,
            pass_=step.pass_,
            role="annotator",
            schema_version=1,
            answer_content=content,
        )


def _without_images(answer: Answer, blobs: BlobWriter) -> Answer:
    content = moved_out(answer.answer_content, blobs.write)
    return msgspec.structs.replace(answer, answer_content=content)


def _count(tally: _Tally, task: Task, given: Sequence[Answer]) -> None:
    tally.answers += len(given)
    if len(given) >= task.annotators:
        tally.answered += 1
    elif given:
        tally.partial += 1
    # Whom nobody is left out for has had no answer yet, in this round or an earlier one.
    tally.new += bool(given) and not task.exclude
    for answer in given:
        tally.seen.add(answer.annotator)
        if tally.last_time is None or answer.submission_time > tally.last_time:
            tally.last_time = answer.submission_time


def _limit_reached(context: StageContext, tally: _Tally, asked: int) -> bool:
    """Whether another item may not be handed out to so many people."""
    limits, previous = context.config.limits, context.previous
    counters = previous.counters
    if (
        limits.max_answers is not None
        and previous.answers + tally.answers + asked > limits.max_answers
    ):
        return True
    if (
        limits.max_human_labeled_items is not None
        and context.config.step.pass_ == 1
        and counters.human_labeled + tally.new >= limits.max_human_labeled_items
    ):
        return True
    if limits.max_labeled_percent is not None and limits.max_labeled_percent < 100:
        allowed = counters.total * limits.max_labeled_percent // 100
        return context.config.step.pass_ == 1 and counters.total_labeled + tally.new >= allowed
    return False


def _stop_requested(context: StageContext) -> bool:
    return context.folder.size(context.keys.stop_request(context.config.step)) is not None


def _write_progress(context: StageContext, tasks: Sequence[Task], tally: _Tally) -> None:
    closed = len(tasks) if tally.stopped else tally.answered + tally.partial
    progress = Progress(
        schema_version=1,
        items=len(tasks),
        open_items=len(tasks) - closed,
        answers_received=tally.answers,
        answers_needed=sum(task.annotators for task in tasks),
        active_annotators=len(tally.seen),
        last_answer_time=tally.last_time,
    )
    context.folder.write(context.keys.progress(context.config.step), msgspec.json.encode(progress))
