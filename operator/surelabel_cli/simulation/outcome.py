"""What a simulated job came to: labels, answers, money, and whether the promise was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from surelabel.ledger import Ledger
from surelabel.stages.context import StageContext
from surelabel_cli.simulation.replay import Replay
from surelabel_cli.simulation.wrong import Wrong, wrong_labels
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage


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
    people = replay.people.simulated
    found = Wrong() if people is None else wrong_labels(context, people, ledger)
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


def _rounds(reports: Sequence[StageReport]) -> int:
    return sum(
        report.step.stage is Stage.CONSOLIDATE and not report.next.another_pass
        for report in reports
    )


def _share(count: int | None, of: int) -> float | None:
    return None if count is None or of == 0 else count / of
