"""Jobs that people label alone: rounds, passes, limits, what is left, the output."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from surelabel.stages.verification import verify_job
from surelabel_contract.stages import Ending, Limits, Money, SimulatedWorkforce
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver


def driver_of(root: Path, n: int = 12, **values: object) -> MiniDriver:
    driver = MiniDriver(root, **values)  # type: ignore[arg-type]
    truth = [str(number % 2) for number in range(n)]
    driver.write_input([{"source": f"text {number}", "keep": 1.50} for number in range(n)], truth)
    return driver


def test_every_item_gets_a_label_in_rounds_of_max_open_items(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"max_open_items": 5}, accuracies=(1000,) * 4)
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 12
    assert [r.step.key for r in driver.reports if r.step.stage is Stage.ANNOTATE] == [
        "0001/ann-p1",
        "0002/ann-p1",
        "0003/ann-p1",
    ]
    lines = driver.output_lines()
    first = json.loads(lines[0])
    assert lines[0].startswith(b'{"source": "text 0", "keep": 1.5,')
    assert first["job"] == 0
    assert first["job-metadata"] == {
        "class-name": "0",
        "confidence": first["job-metadata"]["confidence"],
        "type": "groundtruth/text-classification",
        "job-name": "labeling-job/job",
        "human-annotated": "yes",
        "creation-date": "2026-01-02T03:04:05.000000",
    }
    assert [json.loads(line)["job"] for line in lines] == [n % 2 for n in range(12)]
    assert report.progressed.answers == 36


def test_lines_that_are_no_items_stay_in_the_output(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, 0)
    driver.write_input([{"source": "a"}, "broken", {"source": "b"}], ["0", "0", "1"])
    report = driver.run_job()
    assert driver.output_lines()[1] == b"broken"
    rejected = (driver.path / "report/rejected.jsonl").read_text().splitlines()
    entry = json.loads(rejected[0])
    assert (entry["line"], entry["reason"], entry["text"]) == (2, "InvalidJson", "broken")
    counters = report.progressed.counters
    assert counters.total == counters.total_labeled + counters.failed_non_retryable_error


def test_an_unsure_item_is_asked_about_again_by_others(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, 40, spec={"max_annotators_per_item": 5}, accuracies=(600,) * 6)
    report = driver.run_job()
    passes = [r for r in driver.reports if r.step.pass_ == 2 and r.step.stage is Stage.ANNOTATE]
    assert len(passes) == 1
    assert 0 < passes[0].annotate.items_answered < 40  # type: ignore[union-attr]
    answers: dict[str, list[str]] = {}
    for path in (driver.path / driver.keys.rounds).rglob("answers/*.jsonl"):
        for raw in path.read_bytes().splitlines():
            answer = msgspec.json.decode(raw)
            answers.setdefault(answer["itemId"], []).append(answer["annotator"])
    # One more at a time, as long as the label is doubtful.
    assert {len(names) for names in answers.values()} == {3, 4, 5}
    assert all(len(set(names)) == len(names) for names in answers.values())
    assert report.progressed.counters.human_labeled == 40


def test_a_team_that_is_too_small_gives_what_it_has_and_no_further_pass(tmp_path: Path) -> None:
    spec = {"annotators_per_item": 3, "max_annotators_per_item": 5}
    driver = driver_of(tmp_path, spec=spec, accuracies=(500, 500))
    report = driver.run_job()
    assert {r.step.pass_ for r in driver.reports} == {1}
    annotate = next(r.annotate for r in driver.reports if r.annotate is not None)
    assert (annotate.items_answered, annotate.items_partial) == (0, 12)
    assert report.progressed.counters.human_labeled == 12


def test_a_limit_ends_the_questions_and_the_rest_says_why(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"limits": Limits(max_answers=15)})
    driver.run_job(stop=lambda report: report.step.stage is Stage.CONSOLIDATE)
    report = driver.reports[-1]
    assert report.progressed.answers == 15
    counters = report.progressed.counters
    assert (counters.human_labeled, counters.unlabeled) == (5, 7)
    assert report.progressed.unlabeled_reasons == {"LimitReached": 7}
    unlabeled = (driver.path / "report/unlabeled.jsonl").read_text().splitlines()
    assert json.loads(unlabeled[0]) == {
        "itemId": "5",
        "line": 6,
        "source": "text 5",
        "reason": "LimitReached",
        "answers": 0,
    }


@pytest.mark.parametrize(
    ("cause", "reason"), [("StoppedByUser", "StoppedByUser"), ("MaxCost", "LimitReached")]
)
def test_an_end_before_any_label_says_of_every_item_what_came_first(
    tmp_path: Path, cause: str, reason: str
) -> None:
    driver = driver_of(tmp_path)
    report = driver.run(0, Stage.PREPARE)
    ending = Ending(succeeded=False, reason="NoResult", cause=cause)
    report = driver.run(0, Stage.EXPORT, before=report, ending=ending)
    assert report.progressed.unlabeled_reasons == {reason: 12}


def test_a_further_pass_never_asks_for_more_answers_than_are_paid(tmp_path: Path) -> None:
    spec = {"max_annotators_per_item": 5, "limits": Limits(max_answers=121)}
    # 40 items with three answers each; one more answer is paid.
    driver = driver_of(tmp_path, 40, spec=spec, accuracies=(600,) * 6)
    driver.run_job()
    assert {r.step.pass_ for r in driver.reports} == {1, 2}
    assert driver.reports[-1].progressed.answers == 121


def test_a_small_team_may_use_the_last_answers_that_are_paid(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"limits": Limits(max_answers=14)}, accuracies=(900, 900))
    driver.run_job(stop=lambda report: report.step.stage is Stage.CONSOLIDATE)
    assert driver.reports[-1].progressed.answers == 14


def test_a_stop_request_ends_the_hand_outs(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    before = driver.run(0, Stage.PREPARE)
    stop = driver.path / driver.keys.rounds / "0001/ann-p1/STOP.json"
    stop.parent.mkdir(parents=True)
    stop.write_text("{}")
    report = driver.run(1, Stage.ANNOTATE, before=before)
    assert report.annotate is not None
    assert (report.annotate.answers, report.annotate.items_expired) == (0, 12)
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert report.progressed.counters.unlabeled == 12


def test_an_item_whose_truth_nobody_knows_is_told_apart(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, 0)
    driver.write_input([{"source": "a"}, {"source": "b"}], ["0", "something else"])
    report = driver.run_job()
    assert report.progressed.unlabeled_reasons == {"CannotTell": 1}
    assert report.progressed.counters.failed_non_retryable_error == 1


def test_a_truth_that_may_not_be_read_is_told_with_its_field(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    before = driver.run(0, Stage.PREPARE)
    people = SimulatedWorkforce(annotators=(), truth_uri="file:///etc/truth.jsonl")
    step = Step(round=1, stage=Stage.ANNOTATE)
    assert driver.start(driver.config(step, before, simulated=people)) == 2
    failure = driver.failure(step)
    assert failure.reason == "StorageNotAllowed"
    assert failure.message.startswith("WorkTeam spec.simulated.truthURI: 'file:///etc/truth.jsonl'")


def test_files_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, accuracies=(1000,) * 4)
    for name in ("input.manifest", "truth.jsonl"):
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 12
    assert driver.output_lines()[0].startswith(b'\xef\xbb\xbf{"source": "text 0"')
    found = verify_job(Storage(driver.access), driver.folder_uri)
    assert (found.problems, found.human_labels) == ([], 12)


def test_an_answer_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    before = driver.run(0, Stage.PREPARE)
    report = driver.run(1, Stage.ANNOTATE, before=before)
    segment = next((driver.path / driver.keys.rounds).rglob("answers/*.jsonl"))
    lines = segment.read_bytes().splitlines()
    lines[0] = lines[0].replace(b'"label":"', b'"label":"unknown')
    lines[1] = b"no answer"
    segment.write_bytes(b"\n".join(lines))
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert report.progressed.counters.human_labeled == 12
    assert report.notices[0].reason == "AnswersSetAside"
    aside = (driver.path / report.outputs["answersAside"].key).read_text().splitlines()
    assert [json.loads(line)["line"] for line in aside] == [1, 2]


def test_the_report_has_costs_rounds_and_annotators(tmp_path: Path) -> None:
    price = Money(amount="0.012", currency="USD")
    driver = driver_of(tmp_path, spec={"price_per_annotation": price})
    driver.run_job()
    report = json.loads((driver.path / "report/report.json").read_bytes())
    assert report["cost"] == {
        "currency": "USD",
        "amount": "0.432",
        "allHumanAnswers": 36,
        "allHumanAmount": "0.432",
        "toFinishAmount": "0.00",
    }
    assert [entry["round"] for entry in report["rounds"]] == [1]
    assert {entry["name"] for entry in report["annotators"]} == {"p0", "p1", "p2", "p3", "p4"}


def test_the_report_says_how_often_the_consensus_is_probably_wrong(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, 200, accuracies=(900, 880, 860, 850, 840))
    driver.run_job()
    report = json.loads((driver.path / "report/report.json").read_bytes())
    found = report["consensusError"]
    labels = [json.loads(line)["job"] for line in driver.output_lines()]
    wrong = sum(label != number % 2 for number, label in enumerate(labels)) / 200
    assert found["low"] <= wrong <= found["high"]
    assert found["low"] < found["share"] < found["high"] < 0.15
    assert report["rounds"][-1]["consensusError"] == found


def test_single_answers_are_not_said_to_be_right(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"annotators_per_item": 1, "max_annotators_per_item": 1})
    driver.run_job()
    report = json.loads((driver.path / "report/report.json").read_bytes())
    assert report["consensusError"] is None


def test_the_intermediate_manifest_has_every_line_after_each_round(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"max_open_items": 5})
    report = driver.run(0, Stage.PREPARE)
    report = driver.run(1, Stage.ANNOTATE, before=report)
    driver.run(1, Stage.CONSOLIDATE, before=report)
    lines = (driver.path / "manifests/intermediate/output.manifest").read_bytes().splitlines()
    assert sum(b'"job"' in line for line in lines) == 5
    assert len(lines) == 12


def test_ground_truths_layout_is_written_on_request(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, spec={"output_layout": "GroundTruth"}, accuracies=(1000,) * 4)
    driver.run_job()
    annotations = driver.path / "annotations"
    (response,) = (annotations / "worker-response/iteration-1/3").iterdir()
    answers = json.loads(response.read_bytes())["answers"]
    assert [answer["answerContent"] for answer in answers] == [
        {"crowd-classifier": {"label": "1"}}
    ] * 3
    assert response.name.startswith("2026-01-02_03:0")
    folder = annotations / "consolidated-annotation/consolidation-response/iteration-1"
    (consolidated,) = folder.iterdir()
    content = json.loads(consolidated.read_bytes())
    assert content[3]["datasetObjectId"] == "3"
    assert content[3]["consolidatedAnnotation"]["content"]["job"] == 1


def test_without_the_request_there_are_no_annotations(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    driver.run_job()
    assert not (driver.path / "annotations").exists()


def test_a_round_cut_short_between_its_passes_loses_no_answer(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, 40, spec={"max_annotators_per_item": 5}, accuracies=(600,) * 6)
    report = driver.run(0, Stage.PREPARE)
    report = driver.run(1, Stage.ANNOTATE, before=report)
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert report.next.another_pass
    assert report.progressed.counters.human_labeled == 0
    ending = Ending(succeeded=False, reason="DeadlineExceeded")
    report = driver.run(2, Stage.EXPORT, before=report, ending=ending)
    assert report.progressed.counters.human_labeled == 40
