"""The pool scored, the next batch chosen, and a region proposed when it is likely to pass.

The query batch is no part of the region. Region, labels and sample are committed with this
step's report, before anybody is asked.
"""

from __future__ import annotations

import logging

import numpy as np

from surelabel.forecast import Saving
from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.proposing import WAITS
from surelabel.stages.advising import advised
from surelabel.stages.batches import TASKS, mixed, write_batch, write_remainder
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.first_batch import choose_without_model
from surelabel.stages.promise import propose
from surelabel.stages.query import choose_query
from surelabel.stages.repair import choose_repairs
from surelabel.stages.scoring import score_pool
from surelabel.stages.stored import read_items, read_state
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import (
    DOES_NOT_PAY,
    PREDICTED_SAVING,
    PREDICTED_SAVING_HIGH,
    PREDICTED_SAVING_LOW,
    AutoLabeling,
    NextFacts,
    ObjectRef,
)

log = logging.getLogger(__name__)


def infer(context: StageContext) -> StageResult:
    """Scores, the next task file, and perhaps a proposal."""
    promise = context.config.auto_labeling
    if promise is None:
        raise ConfigurationError("NoAutoLabeling", "spec.autoLabeling is absent; nothing to score.")
    reader, state = read_items(context), read_state(context)
    if not context.has("model"):
        return _without_model(context, reader, state, promise)
    with context.phase("score"):
        scores, index = score_pool(context, reader)
    carry: dict[str, ObjectRef | None] = {
        "scores": context.write("scores.json", index.to_json(), role="scores")
    }
    with context.phase("propose"):
        advice = advised(context, reader, scores, promise)
    # What the regions leave over goes to people anyway, so questions come from there alone.
    in_region = np.zeros(len(scores.line), bool)
    for plan in advice.plans:
        in_region[plan.position] = True
    if not advice.plans:
        log.info("%s: no proposal: %s", context.config.name, advice.reason)
    with context.phase("select"):
        rest = scores.where(~in_region)
        query = choose_query(context, reader, state, rest, promise, is_whole_pool=not advice.plans)
    lines = list(query.lines)
    if advice.plans:
        carry["proposal"], sample = propose(context, scores, index, advice.plans)
        lines += sample
    with context.phase("repair"):
        asked = len(lines) * context.config.annotators_per_item
        repairs = choose_repairs(context, state, asked * promise.repair_percent // 100)
    batch = write_batch(
        context,
        reader,
        TASKS,
        mixed(context.seed, [*lines, *(entry.line for entry in repairs)]),
        exclude={entry.line: entry.exclude for entry in repairs},
        annotators={entry.line: entry.annotators for entry in repairs},
    )
    remainder = write_remainder(context, reader, state)
    carry["tasks"], carry["remainder"] = batch.ref, remainder.ref
    carry["selection"] = context.write("selection.json", query.selection.to_json())
    metrics = {"poolItems": float(len(scores.line)), "itemsAskedAgain": float(len(repairs))}
    if advice.plans:
        metrics["proposedItems"] = float(np.count_nonzero(in_region))
        metrics["chanceToPass"] = round(advice.chance, 6)
    if advice.saving is not None:
        metrics[PREDICTED_SAVING] = float(advice.saving.likely)
        metrics[PREDICTED_SAVING_LOW] = float(advice.saving.low)
        metrics[PREDICTED_SAVING_HIGH] = float(advice.saving.high)
    if not advice.pays and not advice.plans and len(scores.line):
        context.notice(DOES_NOT_PAY, _why_not(advice.saving, len(scores.line)))
    return StageResult(
        progressed=context.previous,
        next=NextFacts(
            task_items=batch.items,
            task_answers=batch.answers,
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
            proposal_pending=bool(advice.plans),
            trainable=True,
            does_not_pay=not advice.plans and not advice.pays,
            waits=advice.reason == WAITS,
        ),
        carry=carry,
        metrics=metrics,
    )


def _without_model(
    context: StageContext, reader: ItemReader, state: LabelState, promise: AutoLabeling
) -> StageResult:
    """The model failed: people label the next batch, chosen as the first one was."""
    with context.phase("select"):
        lines, selection = choose_without_model(
            context, reader, state, promise.items_per_round, context.seed
        )
    batch = write_batch(context, reader, TASKS, mixed(context.seed, lines))
    remainder = write_remainder(context, reader, state)
    return StageResult(
        progressed=context.previous,
        next=NextFacts(
            task_items=batch.items,
            task_answers=batch.answers,
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
        ),
        carry={
            "tasks": batch.ref,
            "remainder": remainder.ref,
            "selection": context.write("selection.json", selection.to_json()),
        },
        metrics={"poolItems": float(np.count_nonzero(state.kind == Kind.OPEN))},
    )


def _why_not(saving: Saving | None, n_pool: int) -> str:
    left = f"{n_pool:,} items without a label are left"
    if saving is None:
        return f"models stop here: {left}, too few for a model to save more than its test costs."
    return (
        f"models stop here: {left}, and by the learning curve of {saving.models} models people "
        f"would save at most {saving.high:,} of them, however the next rounds went."
    )
