"""The pool scored, the next batch chosen, and a region proposed when it is likely to pass.

The query batch is no part of the region. Region, labels and sample are committed with this
step's report, before anybody is asked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from surelabel.forecast import Saving, predicted_saving
from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState, Role
from surelabel.learning_curve import fit_power_law
from surelabel.models.estimators import Features
from surelabel.proposing import WAITS, Advice, advise, fit_errors
from surelabel.selection import query_batch
from surelabel.stages.batches import TASKS, mixed, write_batch, write_remainder
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.first_batch import MAX_CANDIDATES, choose_without_model, thinned
from surelabel.stages.history import read_curve
from surelabel.stages.predicted import PREDICTIONS, Predicted
from surelabel.stages.promise import propose, read_ledger
from surelabel.stages.repair import choose_repairs
from surelabel.stages.scoring import Scores, score_pool
from surelabel.stages.selected import Selection
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.train import OutOfFold
from surelabel.tasks import value_learner
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


@dataclass(frozen=True)
class _Query:
    lines: list[int] = field(default_factory=list)
    selection: Selection = field(default_factory=Selection)


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
        advice, saving, may_pay = _advise(context, reader, scores, promise)
    # What the region leaves over goes to people anyway, so questions come from there alone.
    in_region = np.zeros(len(scores.line), bool)
    if advice.plan is not None:
        in_region[advice.plan.position] = True
    else:
        log.info("%s: no proposal: %s", context.config.name, advice.reason)
    with context.phase("select"):
        rest = scores.where(~in_region)
        query = _query(context, reader, rest, promise, is_whole_pool=advice.plan is None)
    lines = list(query.lines)
    if advice.plan is not None:
        carry["proposal"], sample = propose(context, scores, index, [advice.plan])
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
    if advice.plan is not None:
        metrics["proposedItems"] = float(len(advice.plan.position))
        metrics["chanceToPass"] = round(advice.plan.chance, 6)
    if saving is not None:
        metrics[PREDICTED_SAVING] = float(saving.likely)
        metrics[PREDICTED_SAVING_LOW] = float(saving.low)
        metrics[PREDICTED_SAVING_HIGH] = float(saving.high)
    if not may_pay and advice.plan is None and len(scores.line):
        context.notice(DOES_NOT_PAY, _why_not(saving, len(scores.line)))
    return StageResult(
        progressed=context.previous,
        next=NextFacts(
            task_items=batch.items,
            task_answers=batch.answers,
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
            proposal_pending=advice.plan is not None,
            trainable=True,
            does_not_pay=advice.plan is None and not may_pay,
            waits=advice.reason == WAITS,
        ),
        carry=carry,
        metrics=metrics,
    )


def _query(
    context: StageContext,
    reader: ItemReader,
    scores: Scores,
    promise: AutoLabeling,
    *,
    is_whole_pool: bool,
) -> _Query:
    wanted = promise.items_per_round
    if len(scores.line) == 0 or wanted == 0:
        return _Query()
    rng = context.rng("querying")
    candidates = thinned(scores.line, max(MAX_CANDIDATES, 4 * wanted), rng)
    features = reader.features_of(candidates)
    learner = value_learner(context.config.task_type)
    if learner is None:
        probability = _probability(context, reader, candidates, features)
    else:
        sure = scores.confidence[np.searchsorted(scores.line, candidates)].astype(np.float64)
        # As two classes whose margin is how sure the model is.
        probability = np.stack(((1 + sure) / 2, (1 - sure) / 2), axis=1)
        features = learner.overview(features)
    batch = query_batch(probability, wanted, rng, features)
    # Uniform among what a region left over is not uniform in the pool.
    uniform = candidates[batch.position[batch.uniform]] if is_whole_pool else candidates[:0]
    return _Query(candidates[batch.position].tolist(), Selection(uniform=tuple(uniform.tolist())))


def _probability(
    context: StageContext, reader: ItemReader, lines: NDArray[np.int64], features: Features
) -> NDArray[np.float64]:
    from surelabel.models import load

    if context.has(PREDICTIONS):
        return Predicted(context, reader).of(lines)
    return load(context.read("model")).predict_proba(features)


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


def _is_last(context: StageContext) -> bool:
    last = context.config.limits.max_rounds
    return last is not None and context.config.step.round + 1 >= last


def _why_not(saving: Saving | None, n_pool: int) -> str:
    left = f"{n_pool:,} items without a label are left"
    if saving is None:
        return f"models stop here: {left}, too few for a model to save more than its test costs."
    return (
        f"models stop here: {left}, and by the learning curve of {saving.models} models people "
        f"would save at most {saving.high:,} of them, however the next rounds went."
    )


def _advise(
    context: StageContext, reader: ItemReader, pool: Scores, promise: AutoLabeling
) -> tuple[Advice, Saving | None, bool]:
    """What to propose now; what going on saves; and whether it can pay at all from here on."""
    if len(pool.line) == 0:
        return Advice(None, "PoolIsEmpty"), None, False
    has_past = context.has("outOfFold")
    past = OutOfFold.from_bytes(context.read("outOfFold")) if has_past else OutOfFold.none()
    uniform = past.role == Role.UNIFORM
    wrong = past.predicted[uniform] != past.label[uniform]
    errors = fit_errors(past.confidence[uniform].astype(np.float64), wrong)
    score = pool.confidence.astype(np.float64)
    account = read_ledger(context).account
    advice = advise(
        score,
        errors(score),
        account,
        n_labeled=len(past.line),
        # The last model cannot wait for another batch.
        next_batch=0 if _is_last(context) else promise.items_per_round,
        item_ids=[str(line) for line in pool.line.tolist()],
    )
    # Not even a model without errors would save more than its sample costs.
    perfect = advise(score, np.zeros(len(score)), account, n_labeled=len(past.line), next_batch=0)
    if perfect.plan is None:
        return advice, None, False
    last, round_ = context.config.limits.max_rounds, context.config.step.round
    saving = predicted_saving(
        errors(score),
        account,
        fit_power_law(read_curve(context).points),
        n_labeled=len(past.line),
        batch=promise.items_per_round,
        # The last round trains nothing.
        rounds_left=None if last is None else max(0, last - 1 - round_),
    )
    return advice, saving, saving.may_pay(reader.index.n_lines)
