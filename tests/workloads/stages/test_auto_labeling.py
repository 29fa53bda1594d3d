"""A whole auto-labeled job on some digits: its certificate, and what catches a forged one."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from surelabel.answers import AnswerIndex, CodedAnswers
from surelabel.certify import correct
from surelabel.labels import Kind, LabelFiles, append_labels, read_labels
from surelabel.ledger import Ledger, Region
from surelabel.stages.chain import chain_problems, read_chain
from surelabel.stages.verification import Verification, verify_job
from surelabel_contract.people import Task, read_tasks, write_lines
from surelabel_contract.stages import (
    QUALITY_METRICS,
    AutoLabeling,
    Ending,
    Limits,
    ObjectRef,
    StageReport,
    StorageAccess,
)
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.stages.conftest import PROMISE
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver


def verified(path: Path) -> Verification:
    access = StorageAccess(prefixes=None, local_files=True)
    return verify_job(Storage(access), f"file://{path}")


def report_of(driver: MiniDriver, stage: Stage, number: int = -1) -> StageReport:
    return [report for report in driver.reports if report.step.stage is stage][number]


def test_every_line_is_in_the_output_with_its_own_fields(finished: MiniDriver) -> None:
    lines = finished.output_lines()
    given = (finished.root / "input.manifest").read_bytes().splitlines()
    assert len(lines) == len(given)
    assert all(out.startswith(raw[:-1]) for out, raw in zip(lines, given, strict=True))


def test_machines_label_most_items_within_the_promise(finished: MiniDriver) -> None:
    counters = finished.reports[-1].progressed.counters
    certificate = finished.reports[-1].progressed.certificate
    assert certificate is not None
    assert counters.machine_labeled > 250
    assert counters.machine_labeled == certificate.machine_labels
    assert certificate.error_bound_permille <= 100
    truth = [
        json.loads(line)["label"]
        for line in (finished.root / "truth.jsonl").read_text().splitlines()
    ]
    machine = [
        str(record["job"]) == truth[line]
        for line, record in enumerate(map(json.loads, finished.output_lines()))
        if record["job-metadata"]["human-annotated"] == "no"
    ]
    assert 1 - sum(machine) / len(machine) <= 0.1


def test_every_metric_of_quality_is_measured_by_a_stage(finished: MiniDriver) -> None:
    measured = [item for report in finished.reports for item in report.metrics.items()]
    assert {name for name, _ in measured} >= set(QUALITY_METRICS)
    assert all(0 <= value <= 1 for name, value in measured if name in QUALITY_METRICS)


def test_a_good_team_is_not_called_too_noisy(finished: MiniDriver) -> None:
    notices = [notice.reason for report in finished.reports for notice in report.notices]
    assert "ConsensusTooNoisy" not in notices
    report = json.loads((finished.path / "report/report.json").read_bytes())
    error = report["consensusError"]
    shown = f"{100 * error['share']:.1f} % ({100 * error['low']:.1f} to {100 * error['high']:.1f})"
    assert f"The consensus itself is estimated to be wrong on {shown}" in report["statement"]


def test_a_poor_team_is_called_too_noisy(tmp_path: Path) -> None:
    promise = AutoLabeling(
        target_error_permille=50, risk_permille=50, seed_items=60, items_per_round=4
    )
    driver = MiniDriver(tmp_path, auto_labeling=promise, accuracies=(600,) * 4)
    driver.write_input(
        [{"source": f"word {n}"} for n in range(60)], [str(n % 2) for n in range(60)]
    )
    report = driver.run(0, Stage.PREPARE)
    report = driver.run(1, Stage.ANNOTATE, before=report)
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert "ConsensusTooNoisy" in {notice.reason for notice in report.notices}


def test_counters_add_up_after_every_step(finished: MiniDriver) -> None:
    for report in finished.reports:
        counters = report.progressed.counters
        assert counters.total_labeled == counters.human_labeled + counters.machine_labeled
        assert counters.total == 500
        left = counters.failed_non_retryable_error + counters.unlabeled
        assert counters.total == counters.total_labeled + left


def test_query_batch_and_sample_cannot_be_told_apart(finished: MiniDriver) -> None:
    proposed = [r for r in finished.reports if r.next.proposal_pending][-1]
    tasks = read_tasks((finished.path / proposed.carry["tasks"].key).read_bytes())
    assert {(task.priority, task.annotators, task.exclude) for task in tasks} == {(0, 3, ())}
    assert all(task.prelabel is None for task in tasks)
    ids = [int(task.item_id) for task in tasks]
    assert ids != sorted(ids)


def test_the_proposal_is_committed_before_anybody_answers(finished: MiniDriver) -> None:
    proposed = [r for r in finished.reports if r.next.proposal_pending][-1]
    ledger = ledger_of(finished)
    assert ledger.evidence[-1].proposal == proposed.carry["proposal"]
    assert ledger.evidence[-1].decided_step.startswith(f"{proposed.step.round + 1:04d}")


def ledger_of(driver: MiniDriver) -> Ledger:
    return Ledger.from_json((driver.path / driver.reports[-1].carry["account"].key).read_bytes())


def test_verify_recomputes_the_certificate(finished: MiniDriver) -> None:
    found = verified(finished.path)
    assert found.problems == []
    assert found.certificate == finished.reports[-1].progressed.certificate
    assert (found.lines, found.human_labels + found.machine_labels) == (500, 500)


def _change_answer(driver: MiniDriver, root: Path) -> None:
    sample = ledger_of(driver).account.attempts[-1].proposal.sample
    for path in sorted((root / driver.keys.rounds).rglob("answers/*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines):
            if json.loads(line)["itemId"] == str(sample[0]):
                answer = json.loads(line)
                answer["answerContent"] = {"x": {"label": "9"}}
                lines[number] = json.dumps(answer).encode() + b"\n"
                path.write_bytes(b"".join(lines))
                return


def _change_machine_label(driver: MiniDriver, root: Path) -> None:
    path = root / "manifests/output/output.manifest"
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        record = json.loads(line)
        if record["job-metadata"]["human-annotated"] == "no":
            label = record["job"]
            lines[number] = line.replace(
                b'"job":%d,' % label, b'"job":%d,' % ((label + 1) % 10)
            ).replace(b'"class-name":"%d"' % label, b'"class-name":"%d"' % ((label + 1) % 10))
            break
    path.write_bytes(b"".join(lines))


def _change_account(driver: MiniDriver, root: Path) -> None:
    path = root / driver.reports[-1].carry["account"].key
    ledger = json.loads(path.read_bytes())
    ledger["account"]["attempts"][-1]["bound"] = 0
    path.write_bytes(json.dumps(ledger).encode())


def _drop_line(driver: MiniDriver, root: Path) -> None:
    path = root / "manifests/output/output.manifest"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _change_region(driver: MiniDriver, root: Path) -> None:
    path = next((root / driver.keys.rounds).rglob("region.npz"))
    with np.load(io.BytesIO(path.read_bytes())) as stored:
        values = dict(stored)
    values["label"][0] = (values["label"][0] + 1) % 10
    with path.open("wb") as file:
        np.savez(file, **values)


@pytest.mark.parametrize(
    "forge", [_change_answer, _change_machine_label, _change_account, _drop_line, _change_region]
)
def test_verify_catches_a_changed_object(
    finished: MiniDriver, tmp_path: Path, forge: Callable[[MiniDriver, Path], None]
) -> None:
    shutil.copytree(finished.path, tmp_path / "job")
    forge(finished, tmp_path / "job")
    assert verified(tmp_path / "job").problems != []


def test_a_missing_commit_of_any_step_is_named(finished: MiniDriver, tmp_path: Path) -> None:
    shutil.copytree(finished.path, tmp_path / "job")
    folder = Storage(StorageAccess(prefixes=None, local_files=True)).folder(
        f"file://{tmp_path}/job"
    )
    assert chain_problems(read_chain(folder, finished.keys), folder) == []
    assert {report.step.stage for report in finished.reports} == set(Stage)
    for report in finished.reports[:-1]:
        key = finished.keys.commit(report.step)
        data = (tmp_path / "job" / key).read_bytes()
        (tmp_path / "job" / key).unlink()
        (problem,) = chain_problems(read_chain(folder, finished.keys), folder)
        assert problem.startswith(f"{key} is missing")
        (tmp_path / "job" / key).write_bytes(data)


def _put(root: Path, key: str, data: bytes) -> ObjectRef:
    (root / key).write_bytes(data)
    return ObjectRef(key=key, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _forge_report(driver: MiniDriver, root: Path, report: StageReport, **refs: ObjectRef) -> None:
    """The commit of a step with other objects, as inputs, outputs and carry."""
    changed = {
        part: {
            **getattr(report, part),
            **{k: v for k, v in refs.items() if k in getattr(report, part)},
        }
        for part in ("inputs", "outputs", "carry")
    }
    path = root / driver.keys.commit(report.step)
    path.write_bytes(report.model_copy(update=changed).to_json())


def _forge_ledger(driver: MiniDriver, root: Path, ledger: Ledger) -> None:
    export = driver.reports[-1]
    account = _put(root, export.carry["account"].key, ledger.to_json())
    _forge_report(driver, root, export, account=account)


def test_an_account_forged_with_its_digests_is_caught_by_recomputing(
    finished: MiniDriver, tmp_path: Path
) -> None:
    root = tmp_path / "job"
    shutil.copytree(finished.path, root)
    _change_account(finished, root)
    ledger = Ledger.from_json((root / finished.reports[-1].carry["account"].key).read_bytes())
    _forge_ledger(finished, root, ledger)
    problems = verified(root).problems
    assert any("bound is 0" in problem for problem in problems)


def test_corrections_that_nobody_made_are_caught(finished: MiniDriver, tmp_path: Path) -> None:
    root = tmp_path / "job"
    shutil.copytree(finished.path, root)
    ledger = ledger_of(finished)
    number = next(a.proposal.attempt for a in ledger.account.attempts if a.machine_labels)
    # Found errors would lower the bound.
    forged = correct(ledger.account, number, items=3, wrong=3)
    _forge_ledger(finished, root, ledger.model_copy(update={"account": forged}))
    assert (
        f"attempt {number}: 3 labels were corrected, 3 of them wrong, by the account; 0 and 0 by "
        "the output manifest." in verified(root).problems
    )


def _proposed(driver: MiniDriver) -> tuple[StageReport, int]:
    """The step that proposed the last region, and a line of the region outside its sample."""
    report = [r for r in driver.reports if r.next.proposal_pending and "proposal" in r.outputs][-1]
    attempt = ledger_of(driver).account.attempts[-1]
    region = Region.from_bytes((driver.path / report.outputs["region"].key).read_bytes())
    return report, int(np.setdiff1d(region.line, attempt.proposal.sample)[0])


def _label_before(driver: MiniDriver, root: Path) -> str:
    report, line = _proposed(driver)
    files = LabelFiles.from_json((root / report.inputs["labels"].key).read_bytes())
    old = read_labels(Storage(driver.access).folder(driver.folder_uri), files)
    new = old.copy()
    new.kind[line], new.label[line] = Kind.HUMAN, 1
    files = append_labels(files, old, new, lambda data: _put(root, "forged.parquet", data))
    _forge_report(driver, root, report, labels=_put(root, "forged.json", files.to_json()))
    return f"item {line} of its region was labeled before"


def _answer_before(driver: MiniDriver, root: Path) -> str:
    report, line = _proposed(driver)
    index = AnswerIndex.from_json((root / report.inputs["answers"].key).read_bytes())
    coded = CodedAnswers.from_bytes((root / index.coded[-1].key).read_bytes())
    coded.line[0] = line
    ref = _put(root, "forged.npz", coded.to_bytes())
    index = index.model_copy(update={"coded": (*index.coded[:-1], ref)})
    _forge_report(driver, root, report, answers=_put(root, "forged.json", index.to_json()))
    return f"item {line} of its region was answered before"


def _ask_with_the_sample(driver: MiniDriver, root: Path) -> str:
    report, line = _proposed(driver)
    tasks = read_tasks((root / report.carry["tasks"].key).read_bytes())
    tasks = [*tasks, Task(item_id=str(line), priority=0, annotators=3)]
    _forge_report(driver, root, report, tasks=_put(root, "forged.jsonl", write_lines(tasks)))
    return f"item {line} of its region was asked with its sample"


@pytest.mark.parametrize("forge", [_label_before, _answer_before, _ask_with_the_sample])
def test_a_region_with_an_item_that_was_not_in_the_pool_is_caught(
    finished: MiniDriver, tmp_path: Path, forge: Callable[[MiniDriver, Path], str]
) -> None:
    root = tmp_path / "job"
    shutil.copytree(finished.path, root)
    said = forge(finished, root)
    assert any(said in problem for problem in verified(root).problems), verified(root).problems


def test_without_a_region_left_there_is_no_certificate(tmp_path: Path) -> None:
    driver = digits_driver(tmp_path / "job", 500, auto_labeling=PROMISE)
    driver.run_job()
    before = driver.reports[-2]
    ledger = Ledger.from_json((driver.path / before.carry["account"].key).read_bytes())
    account = ledger.account
    for attempt in account.attempts:
        # People took away so many right labels that the charge no longer fits the rest.
        if attempt.machine_labels:
            left = attempt.machine_labels - 1
            account = correct(account, attempt.proposal.attempt, items=left, wrong=0)
    assert not account.holds
    forged = _put(
        driver.path, "account.json", ledger.model_copy(update={"account": account}).to_json()
    )
    report = driver.run(
        driver.reports[-1].step.round + 1,
        Stage.EXPORT,
        before=before,
        inputs={**before.carry, "account": forged},
        ending=Ending(succeeded=True, reason="Completed"),
    )
    assert report.progressed.counters.machine_labeled == 0
    assert report.progressed.certificate is None
    written = json.loads((driver.path / "report/report.json").read_bytes())
    assert "certificate" not in written
    assert "RegionWithdrawn" in {notice.reason for notice in report.notices}


def test_a_sample_cut_off_by_a_limit_is_not_tested(tmp_path: Path) -> None:
    driver = digits_driver(tmp_path / "job", 500, auto_labeling=PROMISE)
    driver.run_job(stop=lambda report: report.next.proposal_pending)
    proposed = driver.reports[-2]
    assert proposed.next.proposal_pending
    limits = Limits(max_answers=proposed.progressed.answers + 30)
    number = proposed.step.round + 1
    report = driver.run(number, Stage.ANNOTATE, before=proposed, limits=limits)
    report = driver.run(number, Stage.CONSOLIDATE, before=report, limits=limits)
    assert report.validation is None
    assert "SampleCutOff" in {notice.reason for notice in report.notices}
    assert report.progressed.counters.machine_labeled == 0
    assert report.progressed.counters.human_labeled > proposed.progressed.counters.human_labeled


def test_the_last_model_does_not_wait_for_a_better_one(tmp_path: Path) -> None:
    promise = PROMISE.model_copy(update={"seed_items": 40, "items_per_round": 20})

    def first_infer(**spec: object) -> StageReport:
        driver = digits_driver(tmp_path / str(len(spec)), 500, auto_labeling=promise, spec=spec)
        driver.run_job(stop=lambda report: report.step.stage is Stage.INFER)
        return report_of(driver, Stage.INFER)

    waiting = first_infer()
    assert waiting.next.waits and not waiting.next.proposal_pending
    last = first_infer(limits=Limits(max_rounds=2))
    assert last.next.proposal_pending and not last.next.waits


def test_a_tiny_job_falls_back_to_people_when_machines_cannot_pay(tmp_path: Path) -> None:
    promise = AutoLabeling(
        target_error_permille=50, risk_permille=50, seed_items=4, items_per_round=4
    )
    driver = MiniDriver(tmp_path, auto_labeling=promise)
    words = ["good fine", "bad awful"]
    driver.write_input(
        [{"source": f"{words[n % 2]} {n}"} for n in range(12)], [str(n % 2) for n in range(12)]
    )
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 12
    infer = [r for r in driver.reports if r.step.stage is Stage.INFER]
    assert infer[-1].next.does_not_pay


def test_one_class_only_falls_back_to_people_and_says_so(tmp_path: Path) -> None:
    promise = AutoLabeling(
        target_error_permille=50, risk_permille=50, seed_items=4, items_per_round=4
    )
    driver = MiniDriver(tmp_path, auto_labeling=promise, accuracies=(1000,) * 5)
    driver.write_input([{"source": f"word {n}"} for n in range(12)], ["0"] * 12)
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 12
    assert {r.step.stage for r in driver.reports}.isdisjoint({Stage.TRAIN, Stage.INFER})
    notices = [notice for r in driver.reports for notice in r.notices]
    assert "ModelNotTrainable" in {notice.reason for notice in notices}
