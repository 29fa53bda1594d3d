"""The limits of spec.stopping: what ends the questions, and by which reason."""

from __future__ import annotations

from decimal import Decimal

from surelabel_contract.people import Progress
from surelabel_contract.stages import Ending, LabelCounters, Limits, Progressed
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import LabelingJobSpec


def stage_limits(spec: LabelingJobSpec) -> Limits:
    """The limits as stages count them: whole answers instead of money, by exact division."""
    stopping, price = spec.stopping, spec.workforce.price_per_annotation
    max_answers = None
    if stopping.max_cost is not None and price is not None and Decimal(price.amount) > 0:
        max_answers = int(Decimal(stopping.max_cost.amount) // Decimal(price.amount))
    return Limits(
        max_human_labeled_items=stopping.max_human_labeled_items,
        max_labeled_percent=stopping.max_labeled_percent,
        max_answers=max_answers,
        max_rounds=spec.stopping.max_rounds if spec.auto_labeling is not None else None,
    )


def limit_reached(spec: LabelingJobSpec, progressed: Progressed) -> Reason | None:
    """The limit that lets no further item be asked about; None: the next item fits.

    The estimate of a next step is one item with ``annotatorsPerItem`` answers: the workforce
    counts again before each hand-out, so a step is worth its start as long as one item fits, and
    no money that is granted stays unspent.
    """
    if spec.stopping.stop_now:
        return Reason.STOPPED_BY_USER
    limit = stage_limits(spec).max_answers
    if limit is not None and progressed.answers + spec.workforce.annotators_per_item > limit:
        return Reason.MAX_COST
    return _by_items(spec, progressed.counters)


def limit_reached_by(
    spec: LabelingJobSpec, previous: Progressed, progress: Progress | None
) -> Reason | None:
    """As ``limit_reached``, while people are at work with this progress on a step."""
    if spec.stopping.stop_now:
        return Reason.STOPPED_BY_USER
    if progress is None:
        return None
    closed = progress.items - progress.open_items
    counters = previous.counters.model_copy(
        update={
            "human_labeled": previous.counters.human_labeled + closed,
            "total_labeled": previous.counters.total_labeled + closed,
        }
    )
    answers = previous.answers + progress.answers_received
    limit = stage_limits(spec).max_answers
    if limit is not None and answers >= limit:
        return Reason.MAX_COST
    return _by_items(spec, counters)


def ending(reason: Reason, counters: LabelCounters) -> Ending:
    """How a job ends for this reason: a limit before any label is no result."""
    limits = (
        Reason.STOPPED_BY_USER,
        Reason.MAX_HUMAN_LABELED_ITEMS,
        Reason.MAX_LABELED_PERCENT,
        Reason.MAX_COST,
    )
    if reason in limits and counters.total_labeled == 0:
        return Ending(succeeded=False, reason=Reason.NO_RESULT, cause=reason)
    return Ending(succeeded=reason is not Reason.DEADLINE_EXCEEDED, reason=reason)


def why_without_success(spec: LabelingJobSpec, given: Ending) -> str:
    """Field, value and next step of an ending that is no success.

    A limit that was changed since is told as it is now.
    """
    stopping, reason = spec.stopping, given.cause or given.reason
    if reason == Reason.DEADLINE_EXCEEDED:
        seconds = spec.active_deadline_seconds
        return (
            f"spec.activeDeadlineSeconds: the job was active for as long as it may be, now "
            f"{seconds} s. Raise it in a new job."
        )
    if reason == Reason.STOPPED_BY_USER:
        return (
            "spec.stopping.stopNow: must come after the first label; got true before any item had "
            "one, which is final. Leave it out in a new job."
        )
    cost = stopping.max_cost
    limits: dict[str, tuple[str, object]] = {
        Reason.MAX_COST: ("maxCost", cost and f"{cost.amount} {cost.currency}"),
        Reason.MAX_HUMAN_LABELED_ITEMS: ("maxHumanLabeledItems", stopping.max_human_labeled_items),
        Reason.MAX_LABELED_PERCENT: ("maxLabeledPercent", stopping.max_labeled_percent),
    }
    if reason not in limits:
        # Recorded by a version that did not say which.
        return (
            "spec.stopping: a limit or stopNow came before any item had a label. Raise the limit, "
            "or leave stopNow out, in a new job."
        )
    field, value = limits[reason]
    return (
        f"spec.stopping.{field}: must allow a first label; got {value}, which was reached before "
        "any item had one. Raise it in a new job."
    )


def _by_items(spec: LabelingJobSpec, counters: LabelCounters) -> Reason | None:
    stopping = spec.stopping
    most = stopping.max_human_labeled_items
    if most is not None and counters.human_labeled >= most:
        return Reason.MAX_HUMAN_LABELED_ITEMS
    percent = stopping.max_labeled_percent
    # 100 percent is no limit: a job ends by itself when nothing is left to ask.
    if percent is None or percent == 100 or counters.total == 0:
        return None
    # At most so many percent, so the item that would go beyond is not asked about.
    if counters.total_labeled >= counters.total * percent // 100:
        return Reason.MAX_LABELED_PERCENT
    return None
