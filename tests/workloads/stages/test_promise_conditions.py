"""What keeps the promise valid in a running job: each condition, and what breaks without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from surelabel.answers import CodedAnswers
from surelabel.certify import Account
from surelabel.consolidation import AnnotatorParameters, HierarchicalDawidSkene
from surelabel.labels import Kind, LabelFiles, LabelState, Role, read_labels
from surelabel.ledger import Evidence, Ledger, Region, StoredProposal
from surelabel.stages.consensus import reference_labels
from surelabel.stages.verification import verify_job
from surelabel_contract.people import Task, write_lines
from surelabel_contract.stages import Ending, ObjectRef, StageReport, StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.consolidation.crowds import team_crowd
from workloads.stages.mini_driver import MiniDriver

Copies = Callable[[], MiniDriver]


def labels_of(driver: MiniDriver, report: StageReport) -> LabelState:
    files = LabelFiles.from_json((driver.path / report.carry["labels"].key).read_bytes())
    return read_labels(Storage(driver.access).folder(driver.folder_uri), files)


def ledger_of(driver: MiniDriver, report: StageReport) -> Ledger:
    return Ledger.from_json((driver.path / report.carry["account"].key).read_bytes())


def proposal_of(driver: MiniDriver, report: StageReport) -> StoredProposal:
    return StoredProposal.from_json((driver.path / report.carry["proposal"].key).read_bytes())


def decided(driver: MiniDriver) -> StageReport:
    """The next round of a job at its proposal, answered and consolidated."""
    proposed = driver.reports[-1]
    report = driver.run(proposed.step.round + 1, Stage.ANNOTATE, before=proposed)
    return driver.run(proposed.step.round + 1, Stage.CONSOLIDATE, before=report)


def exported(driver: MiniDriver, before: StageReport) -> StageReport:
    ending = Ending(succeeded=True, reason="Completed")
    return driver.run(before.step.round, Stage.EXPORT, before=before, ending=ending)


def problems_of(driver: MiniDriver) -> list[str]:
    access = StorageAccess(prefixes=None, local_files=True)
    return verify_job(Storage(access), f"file://{driver.path}").problems


def put(driver: MiniDriver, key: str, data: bytes) -> ObjectRef:
    path = driver.path / key
    path.write_bytes(data)
    return ObjectRef(key=key, size=len(data), sha256=hashlib.sha256(data).hexdigest())


# -- committed before the draw


def forge_evidence(driver: MiniDriver, **changes: object) -> None:
    """The last piece of evidence with something else in it, and its digest in the commit."""
    export = driver.reports[-1]
    ledger = ledger_of(driver, export)
    last: Evidence = ledger.evidence[-1].model_copy(update=changes)
    forged = ledger.model_copy(update={"evidence": (*ledger.evidence[:-1], last)})
    ref = put(driver, export.carry["account"].key, forged.to_json())
    commit = export.model_copy(
        update={
            "carry": {**export.carry, "account": ref},
            "outputs": {**export.outputs, "account": ref},
        }
    )
    (driver.path / driver.keys.commit(export.step)).write_bytes(commit.to_json())


def test_answers_that_came_before_the_proposal_are_found(at_proposal: Copies) -> None:
    driver = at_proposal()
    proposed = driver.reports[-1]
    exported(driver, decided(driver))
    assert problems_of(driver) == []
    early = Step(round=proposed.step.round, stage=Stage.CONSOLIDATE)
    forge_evidence(driver, decided_step=early.key)
    assert any("the answers must come after the proposal" in p for p in problems_of(driver))


def test_a_proposal_that_its_step_did_not_commit_is_found(at_proposal: Copies) -> None:
    driver = at_proposal()
    stored = proposal_of(driver, driver.reports[-1])
    exported(driver, decided(driver))
    forged = stored.model_copy(update={"annotators": None})
    forge_evidence(driver, proposal=put(driver, "forged.json", forged.to_json()))
    assert any("committed another proposal" in p for p in problems_of(driver))


# -- sealed validation

PEOPLE = ("good", "poor", "poorer")


def known_people() -> AnnotatorParameters:
    crowd = team_crowd(3, (0.97, 0.6, 0.6), 400, 2)
    found = HierarchicalDawidSkene().fit_predict(
        crowd.item, crowd.annotator, crowd.label, crowd.n_items, 3, 2
    )
    return found.annotators.named(PEOPLE)


def answers_to(n_items: int, *said: int) -> CodedAnswers:
    """All three people's answers, the same to each item."""
    line = np.repeat(np.arange(n_items), 3)
    annotator = np.tile(np.arange(3), n_items).astype(np.int32)
    return CodedAnswers(line, annotator, np.tile(said, n_items).astype(np.int32), PEOPLE)


def test_a_samples_answers_teach_nothing_about_the_people_who_gave_them() -> None:
    config = MiniDriver(Path("/nowhere")).config(Step(round=2, stage=Stage.CONSOLIDATE), None)
    # Two who are known to be poor agree against the good one, all the time: whoever learned from
    # that would believe them.
    found = reference_labels(config, answers_to(200, 1, 0, 0), np.arange(200), known_people())
    assert found.label.tolist() == [1] * 200
    alone = reference_labels(config, answers_to(1, 1, 0, 0), np.arange(1), known_people())
    assert alone.confidence[0] == pytest.approx(found.confidence[0])


def test_a_sample_is_judged_by_annotators_as_they_were_before_it(at_proposal: Copies) -> None:
    driver = at_proposal()
    proposed = driver.reports[-1]
    stored = proposal_of(driver, proposed)
    assert stored.annotators == proposed.inputs["annotators"]
    after = decided(driver)
    assert after.carry["annotators"] != stored.annotators


def test_a_reference_label_stays_as_it_was_decided(finished: MiniDriver) -> None:
    states = [
        (report, labels_of(finished, report))
        for report in finished.reports
        if report.step.stage is Stage.CONSOLIDATE
    ]
    first = next(n for n, (report, _) in enumerate(states) if report.validation is not None)
    frozen = (states[first][1].role == Role.SAMPLE) & (states[first][1].kind == Kind.HUMAN)
    assert frozen.any()
    for _, state in states[first:]:
        assert np.array_equal(state.label[frozen], states[first][1].label[frozen])
        assert np.array_equal(state.confidence[frozen], states[first][1].confidence[frozen])


def test_no_step_but_consolidate_reads_the_answers_to_an_undecided_sample(
    finished: MiniDriver,
) -> None:
    for before, report in zip(finished.reports, finished.reports[1:], strict=False):
        if before.next.proposal_pending:
            assert report.step.stage in (Stage.ANNOTATE, Stage.CONSOLIDATE)
        if report.step.stage in (Stage.TRAIN, Stage.INFER):
            assert "proposal" not in report.inputs


# -- missing answers


def test_a_drawn_item_without_a_usable_answer_counts_as_an_error(at_proposal: Copies) -> None:
    def errors(driver: MiniDriver, *without: int) -> set[int]:
        proposed = driver.reports[-1]
        number = proposed.step.round + 1
        report = driver.run(number, Stage.ANNOTATE, before=proposed)
        for path in (driver.path / driver.keys.step(report.step)).rglob("answers/*.jsonl"):
            lines = [json.loads(line) for line in path.read_bytes().splitlines()]
            for answer in lines:
                if int(answer["itemId"]) in without:
                    answer["status"] = "cannotTell"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        report = driver.run(number, Stage.CONSOLIDATE, before=report)
        state = labels_of(driver, report)
        assert set(state.kind[list(without)]) <= {Kind.FAILED}
        return set(ledger_of(driver, report).account.attempts[-1].wrong)

    first = at_proposal()
    sample = proposal_of(first, first.reports[-1]).proposals[0].sample
    as_answered = errors(first)
    right = [line for line in sample if line not in as_answered][:2]
    assert errors(at_proposal(), *right) == as_answered | set(right)


def test_an_item_without_answers_has_no_reference_label_however_common_a_class_is() -> None:
    config = MiniDriver(Path("/nowhere")).config(Step(round=2, stage=Stage.CONSOLIDATE), None)
    for annotators in (None, known_people()):
        found = reference_labels(config, answers_to(3, 0, 0, 0), np.arange(5), annotators)
        assert found.label.tolist() == [0, 0, 0, -1, -1]


# -- frozen machine labels


def test_a_machine_label_never_changes_once_it_is_given(finished: MiniDriver) -> None:
    given: dict[int, tuple[int, float, int]] = {}
    for report in finished.reports:
        if report.step.stage is not Stage.CONSOLIDATE:
            continue
        state = labels_of(finished, report)
        now = {
            int(line): (
                int(state.label[line]),
                float(state.confidence[line]),
                int(state.attempt[line]),
            )
            for line in state.lines(Kind.MACHINE)
        }
        assert given.items() <= now.items()
        given = now
    attempts = ledger_of(finished, finished.reports[-1]).account.attempts
    assert len(given) == sum(attempt.machine_labels for attempt in attempts) > 0


def test_machine_labels_are_those_of_the_committed_region(finished: MiniDriver) -> None:
    report = finished.reports[-1]
    ledger, state = ledger_of(finished, report), labels_of(finished, report)
    for attempt, evidence in zip(ledger.account.attempts, ledger.evidence, strict=True):
        if attempt.outcome != "Accepted":
            continue
        stored = StoredProposal.from_json((finished.path / evidence.proposal.key).read_bytes())
        region = Region.from_bytes((finished.path / stored.region.key).read_bytes())
        rest = ~np.isin(region.line, attempt.proposal.sample)
        assert np.array_equal(state.label[region.line[rest]], region.label[rest])


def test_people_who_correct_machine_labels_change_the_account(at_proposal: Copies) -> None:
    driver = at_proposal()
    report = decided(driver)
    account = ledger_of(driver, report).account
    assert account.machine_labels > 100
    state = labels_of(driver, report)
    asked = state.lines(Kind.MACHINE)[:40]
    tasks = [Task(item_id=str(line), priority=0, annotators=3) for line in asked]
    ref = put(driver, "asked.jsonl", write_lines(tasks))
    number = report.step.round + 1
    inputs = {**report.carry, "tasks": ref}
    report = driver.run(number, Stage.ANNOTATE, before=report, inputs=inputs)
    report = driver.run(number, Stage.CONSOLIDATE, before=report)
    corrected: Account = ledger_of(driver, report).account
    after = labels_of(driver, report)
    assert set(after.kind[asked]) == {Kind.HUMAN}
    wrong = int(np.count_nonzero(after.label[asked] != state.label[asked]))
    assert corrected.machine_labels == account.machine_labels - 40
    assert corrected.attempts[-1].corrected_wrong == wrong
    assert report.progressed.certificate == corrected.certificate()
    exported(driver, report)
    assert problems_of(driver) == []


# -- what the manifest says of a machine label


def test_a_machine_label_names_its_model_round_and_certificate(finished: MiniDriver) -> None:
    account = ledger_of(finished, finished.reports[-1]).account
    models = {
        report.step.round: report.outputs["model"].sha256
        for report in finished.reports
        if report.step.stage is Stage.TRAIN
    }
    marks = {}
    for attempt in account.attempts:
        # Of what was committed before the draw, and of nothing that another run would not have.
        digest = hashlib.sha256(attempt.proposal.to_json()).hexdigest()[:16]
        marks[f"{digest}-a{attempt.proposal.attempt}"] = attempt.proposal
    seen = 0
    for line in map(json.loads, finished.output_lines()):
        metadata = line["job-metadata"]
        if metadata["human-annotated"] == "yes":
            assert not {"model", "round", "certificate-id"} & set(metadata)
            continue
        proposal = marks[metadata["certificate-id"]]
        assert metadata["round"] == proposal.round
        assert models[proposal.round].startswith(metadata["model"])
        assert len(metadata["model"]) == 16
        assert 0 < metadata["confidence"] <= 1
        seen += 1
    assert seen == account.machine_labels


def test_another_certificate_in_the_manifest_is_found(at_proposal: Copies) -> None:
    driver = at_proposal()
    exported(driver, decided(driver))
    path = driver.path / "manifests/output/output.manifest"
    path.write_bytes(path.read_bytes().replace(b'-a1"', b'-a2"', 1))
    assert any("its metadata must say" in problem for problem in problems_of(driver))
