"""Which step follows a finished one, and whether the job ends; pure, from spec and report.

Stopping is decided here and nowhere else, before a step is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

from surelabel_contract.stages import REMAINDER_ROUND, Ending, ObjectRef, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_operator.limits import ending, limit_reached
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import MAX_RECENT_ROUNDS, JobStatus, LabelingJobSpec

# Roles of carry that name a task file.
TASKS = "tasks"
REMAINDER = "remainder"
RECHECK = "recheck"
# Marks in carry, set by the operator and carried along by every stage: this round asks for the
# remainder, or looks again at machine labels. They hold the round's own task file.
RECHECK_ROUND = "recheckRound"
# Passes are counted from 1; more people than maxAnnotatorsPerItem can be (9) are never asked.
MAX_PASSES = 9


@dataclass(frozen=True)
class Next:
    """The step to record after a report."""

    step: Step
    # Of an annotate step: the role of its task file, and the mark that its round gets.
    tasks: str | None = None
    mark: str | None = None
    # Of export.
    ending: Ending | None = None


def next_step(spec: LabelingJobSpec, status: JobStatus, report: StageReport) -> Next:
    """What follows ``report``, whose numbers are in ``status`` already; never after export."""
    match report.step.stage:
        case Stage.PREPARE:
            return _after_prepare(spec, report)
        case Stage.ANNOTATE:
            return Next(_step(report, Stage.CONSOLIDATE))
        case Stage.CONSOLIDATE:
            return _after_consolidate(spec, report)
        case Stage.TRAIN:
            return Next(_step(report, Stage.INFER))
        case Stage.INFER:
            return _after_infer(spec, status, report)
        case Stage.EXPORT:
            raise ValueError("export is the last step; nothing follows it.")


def export_after(report: StageReport, reason: Reason) -> Next:
    """Export with this reason, whatever else could follow."""
    step = Step(round=report.step.round, stage=Stage.EXPORT)
    return Next(step, ending=ending(reason, report.progressed.counters))


def rounds_without_gain(status: JobStatus) -> int:
    """How many of the last rounds certified nothing, counted back from the newest.

    The first round cannot certify anything, since nothing was proposed before it.
    """
    count = 0
    for entry in reversed(status.recent_rounds):
        if entry.machine_labeled > 0 or entry.round <= 1:
            break
        count += 1
    return count


def _after_prepare(spec: LabelingJobSpec, report: StageReport) -> Next:
    reason = _ends(spec, report)
    if reason is not None:
        return export_after(report, reason)
    if report.next.task_items > 0:
        # Without models every round is one of the remainder.
        mark = None if spec.auto_labeling is not None else REMAINDER_ROUND
        return _ask(report, TASKS, mark)
    return _remainder(spec, report, Reason.NOTHING_LEFT_TO_ASK)


def _after_consolidate(spec: LabelingJobSpec, report: StageReport) -> Next:
    facts, step = report.next, report.step
    if facts.another_pass and step.pass_ < MAX_PASSES:
        # Even at a limit: only the last pass labels, and its annotate step closes at once.
        return Next(_step(report, Stage.ANNOTATE, step.pass_ + 1), tasks=TASKS)
    reason = _ends(spec, report)
    if reason is not None:
        return _last(spec, report, reason)
    if RECHECK_ROUND in report.carry:
        return export_after(report, _reason_without_questions(report))
    if spec.auto_labeling is None or REMAINDER_ROUND in report.carry:
        return _remainder_goes_on(report)
    return _with_models(spec, report)


def _with_models(spec: LabelingJobSpec, report: StageReport) -> Next:
    if report.step.round >= spec.stopping.max_rounds or report.next.remainder_items == 0:
        return _remainder(spec, report, Reason.MAX_ROUNDS_REACHED)
    if report.next.trainable:
        return Next(_step(report, Stage.TRAIN))
    # One class only, say: people go on, and the next round may have what a model needs.
    return _ask(report, REMAINDER, None)


def _after_infer(spec: LabelingJobSpec, status: JobStatus, report: StageReport) -> Next:
    facts = report.next
    reason = _ends(spec, report)
    if reason is not None:
        return _last(spec, report, reason)
    # A status has room for so many rounds, so more patience than that cannot be counted.
    patience = min(spec.stopping.patience_rounds, MAX_RECENT_ROUNDS)
    # Waiting for a better moment is no failure of models.
    is_over = rounds_without_gain(status) >= patience and not facts.waits
    no_gain = facts.does_not_pay or is_over
    if facts.task_items > 0 and (facts.proposal_pending or not no_gain):
        return _ask(report, TASKS, None)
    why = Reason.ANOTHER_ROUND_DOES_NOT_PAY if facts.does_not_pay else Reason.NO_FURTHER_GAIN
    return _remainder(spec, report, why)


def _ends(spec: LabelingJobSpec, report: StageReport) -> Reason | None:
    """Why no question may follow: everything has a label, or a limit."""
    counters = report.progressed.counters
    if counters.total > 0 and counters.total_labeled == counters.total:
        return Reason.ALL_LABELED
    return limit_reached(spec, report.progressed)


def _remainder(spec: LabelingJobSpec, report: StageReport, reason: Reason) -> Next:
    """No further gain from models: the rest goes to people, or stays as it is."""
    if report.next.remainder_items == 0:
        return _last(spec, report, Reason.NOTHING_LEFT_TO_ASK)
    if spec.auto_labeling is not None and spec.stopping.remainder == "Leave":
        return _last(spec, report, reason)
    return _ask(report, REMAINDER, REMAINDER_ROUND)


def _remainder_goes_on(report: StageReport) -> Next:
    asked, left = report.carry.get(REMAINDER_ROUND), report.carry.get(REMAINDER)
    # The same items again, byte for byte: people had them and gave nothing.
    again = asked is not None and left is not None and asked.sha256 == left.sha256
    if report.next.remainder_items > 0 and not again:
        return _ask(report, REMAINDER, REMAINDER_ROUND)
    if _wants_recheck(report):
        return _ask(report, RECHECK, RECHECK_ROUND)
    return export_after(report, _reason_without_questions(report))


def _last(spec: LabelingJobSpec, report: StageReport, reason: Reason) -> Next:
    """Export, but first once more to people what the account of machine labels demands."""
    if _wants_recheck(report) and limit_reached(spec, report.progressed) is None:
        return _ask(report, RECHECK, RECHECK_ROUND)
    if reason is Reason.NOTHING_LEFT_TO_ASK:
        reason = _reason_without_questions(report)
    return export_after(report, reason)


def _wants_recheck(report: StageReport) -> bool:
    return report.next.recheck_items > 0 and RECHECK_ROUND not in report.carry


def _reason_without_questions(report: StageReport) -> Reason:
    counters = report.progressed.counters
    done = counters.total > 0 and counters.total_labeled == counters.total
    return Reason.ALL_LABELED if done else Reason.NOTHING_LEFT_TO_ASK


def _ask(report: StageReport, tasks: str, mark: str | None) -> Next:
    step = Step(round=report.step.round + 1, stage=Stage.ANNOTATE)
    return Next(step, tasks=tasks, mark=mark)


def _step(report: StageReport, stage: Stage, pass_: int | None = None) -> Step:
    asks_people = stage in (Stage.ANNOTATE, Stage.CONSOLIDATE)
    same = report.step.pass_ if asks_people else 1
    return Step(round=report.step.round, stage=stage, pass_=pass_ if pass_ is not None else same)


class UnfitReportError(ValueError):
    """A report whose facts and carry do not fit together; the message names the role."""


def inputs_of(following: Next, report: StageReport) -> dict[str, ObjectRef]:
    """What the next step reads: everything carried, and under ``tasks`` what people are asked."""
    inputs = dict(report.carry)
    if following.tasks is None:
        return inputs
    if following.tasks not in inputs:
        raise UnfitReportError(
            f"{report.step.key}: the report wants people to be asked, but its carry has no "
            f"{following.tasks!r}."
        )
    inputs[TASKS] = inputs[following.tasks]
    if following.step.pass_ == 1:
        # A round has one mark at most; later passes keep that of the first.
        inputs.pop(REMAINDER_ROUND, None)
        inputs.pop(RECHECK_ROUND, None)
        if following.mark is not None:
            inputs[following.mark] = inputs[TASKS]
    return inputs
