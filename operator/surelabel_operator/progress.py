"""The fold: a job's numbers from the reports of its steps, one after the other.

``advance`` is what each step does to the status; a lost status is ``fold`` over all reports. It
knows nothing of steps to come, of conditions, or of the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal

from surelabel_contract.stages import (
    PREDICTED_SAVING,
    PREDICTED_SAVING_HIGH,
    PREDICTED_SAVING_LOW,
    QUALITY_METRICS,
    REMAINDER_ROUND,
    TOTAL_SECONDS,
    Progressed,
    StageReport,
)
from surelabel_contract.steps import Stage
from surelabel_operator.resources import (
    MAX_RECENT_ROUNDS,
    MAX_UNLABELED_REASONS,
    AnnotationStatus,
    CertificateStatus,
    CostStatus,
    JobStatus,
    LabelCounters,
    LabelingJobSpec,
    OutputStatus,
    QualityStatus,
    RoundStatus,
    SavingStatus,
    UnlabeledReason,
)

_FOUR_PLACES = Decimal("0.0001")
_OTHER = "Other"


def advance(
    status: JobStatus, report: StageReport, spec: LabelingJobSpec, folder_uri: str
) -> JobStatus:
    """``status`` with the numbers of ``report`` in it; step, times and conditions as they were."""
    progressed = report.progressed
    changes = {
        "label_counters": LabelCounters(**progressed.counters.model_dump()),
        "labeled_fraction": labeled_fraction(progressed),
        "unlabeled_reasons": _unlabeled_reasons(progressed.unlabeled_reasons),
        "annotation": AnnotationStatus(open_items=0, answers_received=progressed.answers),
        "certificate": _certificate(progressed),
        "quality": _quality(status, report),
        "cost": cost_of(spec, progressed),
        "saving": _saving(status, report, spec),
        "recent_rounds": _recent_rounds(status, report),
    }
    if report.step.stage is Stage.EXPORT:
        changes["output"] = _output(report, folder_uri)
    return status.with_(**changes)


def fold(reports: Iterable[StageReport], spec: LabelingJobSpec, folder_uri: str) -> JobStatus:
    """The numbers of a job whose steps left these reports, in their order."""
    status = JobStatus()
    for report in reports:
        status = advance(status, report, spec, folder_uri)
    return status


def seconds_of(report: StageReport) -> int:
    """How long the step's stage took from its start to its commit, in whole seconds."""
    return round(report.seconds.get(TOTAL_SECONDS, 0.0))


def labeled_fraction(progressed: Progressed) -> str:
    """totalLabeled / total with 4 decimals, rounded down: 1.0000 means all."""
    counters = progressed.counters
    if counters.total == 0:
        return "0.0000"
    share = Decimal(counters.total_labeled) / Decimal(counters.total)
    return str(share.quantize(_FOUR_PLACES, rounding=ROUND_DOWN))


def cost_of(spec: LabelingJobSpec, progressed: Progressed) -> CostStatus | None:
    """What the answers cost, and what people alone would cost; None without a price."""
    price = spec.workforce.price_per_annotation
    if price is None:
        return None
    each = Decimal(price.amount)
    all_answers = progressed.counters.total * spec.workforce.annotators_per_item
    return CostStatus(
        amount=_money(each * progressed.answers),
        currency=price.currency,
        all_human_amount=_money(each * all_answers),
        to_finish_amount=_money(
            each * progressed.counters.unlabeled * spec.workforce.annotators_per_item
        ),
    )


def _saving(status: JobStatus, report: StageReport, spec: LabelingJobSpec) -> SavingStatus | None:
    """As infer saw it last; None once models have stopped, since nothing is saved from then on."""
    stage, found = report.step.stage, report.metrics
    if stage is Stage.EXPORT or REMAINDER_ROUND in report.carry or report.next.does_not_pay:
        return None
    if stage is not Stage.INFER:
        return status.saving
    if PREDICTED_SAVING not in found:
        return None
    items = round(found[PREDICTED_SAVING])
    price = spec.workforce.price_per_annotation
    each = None if price is None else Decimal(price.amount) * spec.workforce.annotators_per_item
    return SavingStatus(
        items=items,
        items_low=round(found.get(PREDICTED_SAVING_LOW, items)),
        items_high=round(found.get(PREDICTED_SAVING_HIGH, items)),
        amount=None if each is None else _money(each * items),
    )


def _money(amount: Decimal) -> str:
    """At least two decimals, no zeros after them, never an exponent."""
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _unlabeled_reasons(reasons: dict[str, int]) -> list[UnlabeledReason]:
    """Most frequent first; what the status has no room for is summed up as Other."""
    found = sorted(
        ((reason, items) for reason, items in reasons.items() if items > 0),
        key=lambda pair: (-pair[1], pair[0]),
    )
    if len(found) > MAX_UNLABELED_REASONS:
        named = [pair for pair in found if pair[0] != _OTHER][: MAX_UNLABELED_REASONS - 1]
        rest = sum(items for _, items in found) - sum(items for _, items in named)
        found = [*named, (_OTHER, rest)]
    return [UnlabeledReason(reason=reason, items=items) for reason, items in found]


def _certificate(progressed: Progressed) -> CertificateStatus | None:
    certificate = progressed.certificate
    if certificate is None:
        return None
    return CertificateStatus(
        error_bound_permille=certificate.error_bound_permille,
        risk_permille=certificate.risk_permille,
        validated_items=certificate.validated_items,
        errors=certificate.errors,
    )


def _quality(status: JobStatus, report: StageReport) -> list[QualityStatus]:
    """Each metric as a report had it last; a stage measures its own alone."""
    values = {entry.metric: entry.value for entry in status.quality}
    for metric in QUALITY_METRICS:
        if metric in report.metrics:
            values[metric] = f"{report.metrics[metric]:.6f}"
    return [QualityStatus(metric=metric, value=value) for metric, value in values.items()]


def _recent_rounds(status: JobStatus, report: StageReport) -> list[RoundStatus]:
    """The last rounds with this step in them; prepare and export belong to no round."""
    rounds = list(status.recent_rounds)
    if report.step.stage in (Stage.PREPARE, Stage.EXPORT):
        return rounds
    if not rounds or rounds[-1].round != report.step.round:
        rounds.append(RoundStatus(round=report.step.round))
    now, before = report.progressed.counters, status.label_counters
    entry = rounds[-1]
    rounds[-1] = RoundStatus(
        round=entry.round,
        # A later answer can change a label's source, so the difference may be negative.
        human_labeled=entry.human_labeled + max(0, now.human_labeled - before.human_labeled),
        machine_labeled=entry.machine_labeled + report.next.newly_certified,
        validation_errors=entry.validation_errors
        + (report.validation.errors if report.validation is not None else 0),
        seconds=entry.seconds + seconds_of(report),
    )
    return rounds[-MAX_RECENT_ROUNDS:]


def _output(report: StageReport, folder_uri: str) -> OutputStatus | None:
    def uri(role: str) -> str | None:
        ref = report.outputs.get(role)
        return None if ref is None else f"{folder_uri}/{ref.key}"

    manifest = uri("manifest")
    if manifest is None:
        return None
    return OutputStatus(manifest=manifest, model=uri("model"), report=uri("report"))
