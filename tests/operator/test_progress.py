"""The fold: a status is the same whether it grew step by step or is rebuilt from the reports."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from job_factories import FOLDER, carry, counters, ref, report_of, spec_of, step
from surelabel_contract.stages import (
    Certificate,
    NextFacts,
    Progressed,
    StageReport,
    Validation,
)
from surelabel_operator.progress import advance, fold, labeled_fraction
from surelabel_operator.resources import JobStatus, SavingStatus


def test_counters_fraction_and_reasons_come_from_the_report() -> None:
    progressed = Progressed(
        counters=counters(total=12_000, human=900, machine=4_224, failed=3),
        unlabeled_reasons={"Declined": 1, "BrokenMedia": 2, "Expired": 0},
        answers=2_710,
    )
    status = advance(JobStatus(), report_of(step("con"), None, progressed), spec_of(), FOLDER)
    assert status.label_counters.total_labeled == 5_124
    assert status.labeled_fraction == "0.4270"
    assert [(r.reason, r.items) for r in status.unlabeled_reasons] == [
        ("BrokenMedia", 2),
        ("Declined", 1),
    ]
    assert status.cost is not None
    assert (status.cost.amount, status.cost.all_human_amount) == ("32.52", "432.00")
    # 6,873 items have no label, and three people are asked about each.
    assert status.cost.to_finish_amount == "247.428"
    assert status.annotation is not None
    assert status.annotation.answers_received == 2_710


def test_fraction_is_rounded_down_so_that_one_means_all() -> None:
    assert labeled_fraction(Progressed(counters=counters(100_000, human=99_999))) == "0.9999"
    assert labeled_fraction(Progressed(counters=counters(3, human=3))) == "1.0000"
    assert labeled_fraction(Progressed(counters=counters(0))) == "0.0000"


SAVING = {
    "predictedSavingItems": 1_000.0,
    "predictedSavingItemsLow": 200.0,
    "predictedSavingItemsHigh": 1_400.0,
}


def saving_after(*reports: StageReport, **spec: Any) -> SavingStatus | None:
    return fold(reports, spec_of(**spec), FOLDER).saving


def inferred(**facts: bool) -> StageReport:
    report = report_of(step("inf", 2), NextFacts.model_validate(facts))
    return report.model_copy(update={"metrics": SAVING})


def test_the_predicted_saving_is_what_infer_saw_last() -> None:
    found = saving_after(inferred(), report_of(step("con", 3), None))
    assert found is not None
    assert (found.items, found.items_low, found.items_high) == (1_000, 200, 1_400)
    assert found.amount == "36.00"


def test_without_a_price_a_saving_has_items_alone() -> None:
    found = saving_after(inferred(), workforce={"workTeam": "w"})
    assert found is not None
    assert (found.items, found.amount) == (1_000, None)


def test_an_infer_that_predicts_nothing_takes_the_saving_away() -> None:
    assert saving_after(inferred(), report_of(step("inf", 3), None)) is None


def test_models_that_have_stopped_save_nothing_more() -> None:
    assert saving_after(inferred(doesNotPay=True)) is None
    remainder = report_of(step("con", 3), None, carry=carry(remainderRound="tasks"))
    assert saving_after(inferred(), remainder) is None
    assert saving_after(inferred(), report_of(step("exp", 3), None)) is None


def test_cost_is_exact_and_absent_without_a_price() -> None:
    third = {"workTeam": "w", "pricePerAnnotation": {"amount": "0.000001", "currency": "EUR"}}
    progressed = Progressed(counters=counters(total=10), answers=2**40)
    status = advance(
        JobStatus(), report_of(step("con"), None, progressed), spec_of(workforce=third), FOLDER
    )
    assert status.cost is not None
    assert status.cost.amount == "1099511.627776"
    free = advance(
        JobStatus(), report_of(step("con")), spec_of(workforce={"workTeam": "w"}), FOLDER
    )
    assert free.cost is None


def test_more_reasons_than_the_status_has_room_for_are_summed_up() -> None:
    reasons = {f"Reason{n:02}": 100 - n for n in range(30)}
    progressed = Progressed(counters=counters(), unlabeled_reasons=reasons)
    status = advance(JobStatus(), report_of(step("con"), None, progressed), spec_of(), FOLDER)
    assert len(status.unlabeled_reasons) == 20
    assert status.unlabeled_reasons[-1].reason == "Other"
    assert sum(r.items for r in status.unlabeled_reasons) == sum(reasons.values())


def test_each_metric_of_quality_is_kept_as_it_was_measured_last() -> None:
    reports = [
        report_of(step("con"), metrics={"consensusError": 0.25}),
        report_of(step("tra"), metrics={"outOfFoldAccuracy": 1 / 3, "trainingItems": 60.0}),
        report_of(step("con", 2), metrics={"consensusError": 0.0}),
    ]
    status = fold(reports, spec_of(), FOLDER)
    assert [(entry.metric, entry.value) for entry in status.quality] == [
        ("consensusError", "0.000000"),
        ("outOfFoldAccuracy", "0.333333"),
    ]


def test_the_certificate_is_shown() -> None:
    certificate = Certificate(
        error_bound_permille=41,
        risk_permille=50,
        validated_items=208,
        errors=3,
        charged_errors=9,
        machine_labels=400,
        attempts=2,
    )
    progressed = Progressed(counters=counters(), certificate=certificate)
    status = advance(JobStatus(), report_of(step("con"), None, progressed), spec_of(), FOLDER)
    assert status.certificate is not None
    assert status.certificate.error_bound_permille == 41


def test_a_round_sums_up_its_steps() -> None:
    before = Progressed(counters=counters(human=10))
    after = Progressed(counters=counters(human=30, machine=50))
    status = fold(
        [
            report_of(step("pre", 0), None, before, seconds=99),
            report_of(step("ann"), None, before, seconds=3.4),
            report_of(
                step("con"),
                NextFacts(newly_certified=50),
                after,
                seconds=1.4,
                validation=Validation(items=20, errors=2, accepted=True),
            ),
            report_of(step("exp"), None, after, seconds=99),
        ],
        spec_of(),
        FOLDER,
    )
    (entry,) = status.recent_rounds
    assert (entry.human_labeled, entry.machine_labeled) == (20, 50)
    assert (entry.validation_errors, entry.seconds) == (2, 4)


def test_export_says_where_the_results_lie() -> None:
    outputs = {"manifest": ref("manifests/output/output.manifest"), "report": ref("report/r.json")}
    status = advance(JobStatus(), report_of(step("exp"), outputs=outputs), spec_of(), FOLDER)
    assert status.output is not None
    assert status.output.manifest == f"{FOLDER}/manifests/output/output.manifest"
    assert status.output.report == f"{FOLDER}/report/r.json"
    assert status.output.model is None


@st.composite
def histories(draw: st.DrawFn) -> list[StageReport]:
    """Reports of a job's steps in order, with numbers that move as they like."""
    found = [report_of(step("pre", 0))]
    for round_ in range(1, draw(st.integers(1, 14))):
        for code in ("ann", "con", "tra", "inf"):
            human, machine = draw(st.integers(0, 60)), draw(st.integers(0, 40))
            progressed = Progressed(
                counters=counters(human=human, machine=machine), answers=3 * human
            )
            facts = NextFacts(newly_certified=draw(st.integers(0, 5)))
            seconds = draw(st.floats(0, 100))
            found.append(report_of(step(code, round_), facts, progressed, seconds=seconds))
    return found


@given(histories())
def test_a_rebuilt_status_equals_the_one_that_grew(reports: list[StageReport]) -> None:
    spec, grown = spec_of(), JobStatus()
    for report in reports:
        grown = advance(grown, report, spec, FOLDER)
        assert len(grown.recent_rounds) <= 10
    assert fold(reports, spec, FOLDER) == grown
    read_back = JobStatus.model_validate(grown.to_dict())
    assert read_back == grown
