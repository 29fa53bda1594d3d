"""People's answers become labels; a pending proposal is decided before anything else uses them.

An earlier pass only says who needs more answers. The last pass decides the proposal with the
annotators as they were judged before the sample, then re-estimates all labels that are not frozen.
"""

from __future__ import annotations

import msgspec

from surelabel.answer_segments import SetAside
from surelabel.answers import CodedAnswers, merge
from surelabel.consolidation import AnnotatorParameters
from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.batches import TASKS, write_batch, write_remainder
from surelabel.stages.consensus import wanted_of_classes
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.machine_marks import machine_marks
from surelabel.stages.model_word import read_model_word
from surelabel.stages.passes import MoreAnswers, Wanted, next_pass
from surelabel.stages.repair import answers_before, asked_again
from surelabel.stages.rounds import FinishedRound, OpenRound, finish_round, read_open_round
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.value_consensus import wanted_of_values
from surelabel.tasks import TASK_TYPES, value_learner
from surelabel.tasks.valued import ValueTask
from surelabel_contract.keys import INTERMEDIATE_MANIFEST
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import CONSENSUS_ERROR, NextFacts, ObjectRef, Progressed


def consolidate(context: StageContext) -> StageResult:
    """Labels after the round, or the items of its next pass."""
    reader, old = read_items(context), read_state(context)
    round_ = read_open_round(context, reader)
    _keep_aside(context, round_.aside)
    more = _next_pass(context, reader, old, round_)
    is_over = _is_over(context, round_)
    if more and not is_over:
        return _another_pass(context, reader, old, round_, more)
    finished = finish_round(context, reader, old, round_, cut_off=bool(more))
    return _finished(context, reader, finished)


def _is_over(context: StageContext, round_: OpenRound) -> bool:
    limit = context.config.limits.max_answers
    return round_.stopped or (limit is not None and context.previous.answers >= limit)


def _next_pass(
    context: StageContext, reader: ItemReader, state: LabelState, round_: OpenRound
) -> list[MoreAnswers]:
    config = context.config
    if config.simulated is None or config.max_annotators_per_item <= config.annotators_per_item:
        return []
    team = [person.name for person in config.simulated.annotators]
    # An item that once had enough has enough: passes would go on as long as others teach something.
    asked = reader.lines_of(task.item_id for task in read_tasks(context.read("tasks")))
    # Whoever is asked again about an earlier label, all that was said of it counts.
    before = answers_before(context, asked_again(state, round_.lines))
    answers = merge([before, round_.answers])
    return next_pass(
        answers,
        list(asked.values()),
        config.max_annotators_per_item,
        team,
        _wanted(context, reader, answers, round_.contents),
    )


def _wanted(
    context: StageContext, reader: ItemReader, answers: CodedAnswers, contents: AnswerContents
) -> Wanted:
    """How much more answers are wanted, by line."""
    task_type = TASK_TYPES[context.config.task_type]
    if isinstance(task_type, ValueTask):
        return wanted_of_values(context.config, task_type, answers, contents)
    known = None
    if context.has("annotators"):
        known = AnnotatorParameters.from_json(context.read("annotators"))
    model = read_model_word(context, reader, answers.line.tolist())
    is_sealed = context.has("proposal")
    return wanted_of_classes(context.config, answers, known, is_sealed=is_sealed, model=model)


def _another_pass(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    round_: OpenRound,
    more: list[MoreAnswers],
) -> StageResult:
    batch = write_batch(
        context,
        reader,
        TASKS,
        [entry.line for entry in more],
        exclude={entry.line: entry.exclude for entry in more},
        annotators={entry.line: entry.annotators for entry in more},
    )
    remainder = write_remainder(context, reader, state)
    _write_intermediate(context, reader, state, None)
    return StageResult(
        progressed=context.previous,
        next=NextFacts(
            task_items=batch.items,
            task_answers=batch.answers,
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
            another_pass=True,
            proposal_pending=context.has("proposal"),
        ),
        carry={
            "tasks": batch.ref,
            "roundTasks": round_.tasks,
            "remainder": remainder.ref,
        },
    )


def _finished(context: StageContext, reader: ItemReader, finished: FinishedRound) -> StageResult:
    state = finished.state
    remainder = write_remainder(context, reader, state)
    _write_intermediate(context, reader, state, finished.carry.get("account"))
    wants_model = context.config.auto_labeling is not None and remainder.items > 0
    is_trainable = wants_model and _is_trainable(context, state)
    error = finished.consensus_error
    carry: dict[str, ObjectRef | None] = {**finished.carry, "remainder": remainder.ref}
    return StageResult(
        progressed=Progressed(
            counters=state.counters(),
            unlabeled_reasons=state.unlabeled_reasons(),
            answers=context.previous.answers,
            certificate=finished.certificate,
        ),
        next=NextFacts(
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
            newly_certified=finished.newly_certified,
            trainable=is_trainable,
        ),
        carry=carry,
        validation=finished.validation,
        metrics={} if error is None else {CONSENSUS_ERROR: round(error.share, 6)},
    )


def _is_trainable(context: StageContext, state: LabelState) -> bool:
    """Whether people's labels so far can teach a model anything; tells where they cannot."""
    given = state.label[state.kind == Kind.HUMAN]
    if value_learner(context.config.task_type) is not None:
        return len(given) > 0
    n_classes = len(set(given.tolist()))
    if n_classes < 2:
        context.notice(
            "ModelNotTrainable",
            f"people gave {n_classes} of {len(context.config.labels)} labels so far; a model needs "
            "at least 2. People label on.",
        )
    return n_classes >= 2


def _write_intermediate(
    context: StageContext, reader: ItemReader, state: LabelState, account: ObjectRef | None
) -> None:
    from surelabel.stages.output_manifest import manifest_parts

    marks = machine_marks(context, account)
    # Not among the outputs: the next round overwrites it.
    context.write_stream(INTERMEDIATE_MANIFEST, manifest_parts(context, reader, state, marks))


def _keep_aside(context: StageContext, aside: list[SetAside]) -> None:
    if not aside:
        return
    lines = b"".join(msgspec.json.encode(entry.to_dict()) + b"\n" for entry in aside)
    ref = context.write("answers-aside.jsonl", lines, role="answersAside")
    context.notice(
        "AnswersSetAside",
        f"{len(aside)} answers of this round cannot be used; the first: {aside[0].reason}. They "
        f"are kept in {context.folder.uri_of(ref.key)}.",
    )
