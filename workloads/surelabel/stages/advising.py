"""Which regions are proposed after this round, if any: one, or one per predicted class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from surelabel.account import Account
from surelabel.forecast import Saving, predicted_saving
from surelabel.items import ItemReader
from surelabel.labels import Role
from surelabel.learning_curve import fit_power_law
from surelabel.proposing import WAITS, Advice, ErrorCurve, Plan, advise, fit_errors, with_levels
from surelabel.stages.context import StageContext
from surelabel.stages.history import read_curve
from surelabel.stages.promise import read_ledger
from surelabel.stages.scoring import Scores
from surelabel.stages.train import OutOfFold
from surelabel_contract.stages import AutoLabeling

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Advised:
    """``plans``: what to propose now. ``pays``: whether auto-labeling can pay at all from here on.

    ``reason``: why nothing is proposed, or that something is.
    """

    plans: tuple[Plan, ...]
    reason: str
    pays: bool
    # What models still save; None where it is not predicted.
    saving: Saving | None = None

    @property
    def chance(self) -> float:
        """The smallest predicted chance to pass of any plan."""
        return min(plan.chance for plan in self.plans)


def advised(
    context: StageContext, reader: ItemReader, pool: Scores, promise: AutoLabeling
) -> Advised:
    """What to propose, by what uniform items that were scored out of fold show."""
    if len(pool.line) == 0:
        return Advised((), "PoolIsEmpty", False)
    has_past = context.has("outOfFold")
    past = OutOfFold.from_bytes(context.read("outOfFold")) if has_past else OutOfFold.none()
    # A sample whose attempt has been decided was drawn uniformly, too, from what was sure then.
    uniform = np.isin(past.role, (Role.UNIFORM, Role.SAMPLE))
    wrong = past.predicted[uniform] != past.label[uniform]
    errors = fit_errors(past.confidence[uniform].astype(np.float64), wrong)
    score = pool.confidence.astype(np.float64)
    account = read_ledger(context).account
    # The last model cannot wait for another batch.
    batch = 0 if _is_last(context) else promise.items_per_round
    parts: list[tuple[int | None, Rows, Account]] = [(None, np.arange(len(score)), account)]
    if account.n_classes is not None:
        parts = [
            (label, np.flatnonzero(pool.label == label), account.of(label))
            for label in np.unique(pool.label).tolist()
        ]
    found = [
        _of_part(pool, score[rows], errors, rows, part, len(past.line), batch, len(score))
        for _, rows, part in parts
    ]
    plans = []
    for (label, rows, _), (advice, _) in zip(parts, found, strict=True):
        if advice.plan is not None:
            plan = advice.plan
            if promise.thresholds == "Nested":
                plan = with_levels(plan, score[rows], pool.line[rows])
            plans.append(replace(plan, position=rows[plan.position], label=label))
    reasons = [advice.reason for advice, _ in found]
    reason = "Proposed" if plans else WAITS if WAITS in reasons else reasons[0]
    pays = any(pays for _, pays in found)
    if not pays or not has_past or account.n_classes is not None:
        # The learning curve is of all classes together, as is the saving; and how fast a model
        # learns here, an earlier job's model does not say.
        return Advised(tuple(plans), reason, pays)
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
    return Advised(tuple(plans), reason, saving.may_pay(reader.index.n_lines), saving)


def _of_part(
    pool: Scores,
    score: Floats,
    errors: ErrorCurve,
    rows: Rows,
    account: Account,
    n_labeled: int,
    batch: int,
    n_pool: int,
) -> tuple[Advice, bool]:
    """The advice of one part of the account, and whether even a perfect model could save."""
    advice = advise(
        score,
        errors(score),
        account,
        spread=errors.spread(score),
        n_labeled=n_labeled,
        next_batch=round(batch * len(rows) / n_pool),
        item_ids=pool.line[rows],
    )
    # Not even a model without errors would save more than its sample costs.
    perfect = advise(score, np.zeros(len(score)), account, n_labeled=n_labeled, next_batch=0)
    return advice, perfect.plan is not None


def _is_last(context: StageContext) -> bool:
    last = context.config.limits.max_rounds
    return last is not None and context.config.step.round + 1 >= last
