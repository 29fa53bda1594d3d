"""What a job asks people next, by every way of choosing; regions by class and by level."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from surelabel.labels import Kind, LabelFiles, read_labels
from surelabel.ledger import Ledger, StoredProposal
from surelabel.querying import SAME
from surelabel.stages.context import StageContext
from surelabel.stages.selected import Selection
from surelabel.stages.stored import read_items
from surelabel.stages.verification import Verification, verify_job
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import AutoLabeling, StageReport, StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(
    target_error_permille=50, risk_permille=50, seed_items=40, items_per_round=40
)


def sentences(n: int) -> list[str]:
    """Texts of two classes in turn, easy to tell apart, each with words of its own besides."""
    rng = np.random.default_rng(5)
    words = [f"{a}{b}{c}" for a in "bdfgkl" for b in "aeiou" for c in "mnrst"]
    kinds = ["good fine warm", "bad awful cold"]
    return [f"{kinds[k % 2]} {' '.join(rng.choice(words, 8, replace=False))}" for k in range(n)]


def to_infer(driver: MiniDriver) -> StageReport:
    driver.run_job(stop=lambda report: report.step.stage is Stage.INFER)
    return next(r for r in driver.reports if r.step.stage is Stage.INFER)


def batch_of(driver: MiniDriver, report: StageReport) -> tuple[set[int], set[int]]:
    """Lines that are asked about, without a proposal's sample; and the uniform ones."""
    tasks = read_tasks((driver.path / report.carry["tasks"].key).read_bytes())
    lines = {int(task.item_id) for task in tasks}
    if "proposal" in report.outputs:
        stored = StoredProposal.from_json(
            (driver.path / report.outputs["proposal"].key).read_bytes()
        )
        for proposal in stored.proposals:
            lines -= set(proposal.sample)
    selection = Selection.from_json((driver.path / report.carry["selection"].key).read_bytes())
    return lines, set(selection.uniform)


def verified(driver: MiniDriver) -> Verification:
    access = StorageAccess(prefixes=None, local_files=True)
    return verify_job(Storage(access), f"file://{driver.path}")


@pytest.mark.parametrize("query", ["Margin", "Coreset", "BADGE", "Random"])
def test_every_query_asks_as_many_as_wanted_with_a_uniform_share(
    tmp_path: Path, query: str
) -> None:
    driver = digits_driver(
        tmp_path / "job", 300, auto_labeling=PROMISE.model_copy(update={"query": query})
    )
    report = to_infer(driver)
    lines, uniform = batch_of(driver, report)
    assert len(lines) == 40
    assert len(uniform) == (40 if query == "Random" else 10)
    assert uniform <= lines


def test_the_uniform_share_is_the_same_however_the_rest_is_chosen(at_proposal, finished) -> None:
    infer = next(r for r in finished.reports if r.step.stage is Stage.INFER)
    before = finished.reports[finished.reports.index(infer) - 1]

    def uniform(query: str) -> set[int]:
        driver = at_proposal()
        promise = driver.auto_labeling.model_copy(update={"query": query})
        driver.auto_labeling = promise
        for path in (driver.path / driver.keys.step(infer.step)).glob("COMMITTED.json"):
            path.unlink()
        report = driver.run(infer.step.round, Stage.INFER, before=before)
        return batch_of(driver, report)[1]

    assert uniform("Margin") == uniform("Coreset") == uniform("BADGE")


def test_a_query_holds_no_near_duplicate_of_what_is_labeled_or_asked(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path, auto_labeling=PROMISE, accuracies=(1000,) * 3)
    # Each text four times over, but for a letter at its end.
    texts = [f"{text} {text} {text}{mark}" for text in sentences(100) for mark in ("", *"sxy")]
    driver.write_input([{"source": text} for text in texts], [str(k // 4 % 2) for k in range(400)])
    report = to_infer(driver)
    chosen, uniform = batch_of(driver, report)
    context = StageContext.open(
        driver.config(Step(round=9, stage=Stage.INFER), report), Storage(driver.access)
    )
    files = LabelFiles.from_json(context.read("labels"))
    human = read_labels(context.folder, files).lines(Kind.HUMAN)
    reader = read_items(context)
    queried = np.array(sorted(chosen - uniform))
    others = np.array(sorted({*human.tolist(), *uniform}))
    unit = reader.features_of(np.arange(400)).toarray()
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    # The copies are near-duplicates indeed.
    assert (unit[0] @ unit[1:4].T > SAME).all()
    assert len(queried) > 0
    assert (unit[queried] @ unit[others].T).max() < SAME
    alike = unit[queried] @ unit[queried].T
    np.fill_diagonal(alike, 0)
    assert alike.max() < SAME


def test_an_unknown_way_to_ask_is_no_config() -> None:
    with pytest.raises(ValueError, match="query"):
        AutoLabeling.model_validate({**PROMISE.model_dump(), "query": "Entropy"})


def test_each_class_has_a_promise_of_its_own(tmp_path: Path) -> None:
    changes = {"guarantee": "PerClass", "target_error_permille": 200}
    promise = PROMISE.model_copy(update=changes)
    driver = MiniDriver(tmp_path, auto_labeling=promise, accuracies=(1000,) * 3)
    lines = [{"source": text} for text in sentences(1_200)]
    driver.write_input(lines, [str(k % 2) for k in range(1_200)])
    report = driver.run_job()
    certificate = report.progressed.certificate
    assert certificate is not None and certificate.classes is not None
    assert {each.label for each in certificate.classes} == {0, 1}
    assert all(each.error_bound_permille <= 200 for each in certificate.classes)
    account = Ledger.from_json((driver.path / report.carry["account"].key).read_bytes()).account
    assert account.n_classes == 2
    assert {attempt.proposal.label for attempt in account.attempts} == {0, 1}
    found = verified(driver)
    assert found.problems == []
    assert found.certificate == certificate
    told = json.loads((driver.path / "report/report.json").read_bytes())
    assert [each["label"] for each in told["classBounds"]] == ["0", "1"]
    assert "each class's machine labels" in told["statement"]
    assert {each["class"] for each in told["attempts"]} == {"0", "1"}


def test_a_sample_may_test_several_nested_regions(tmp_path: Path) -> None:
    promise = AutoLabeling(
        target_error_permille=50,
        risk_permille=300,
        seed_items=40,
        items_per_round=20,
        thresholds="Nested",
    )
    driver = digits_driver(tmp_path / "job", 500, auto_labeling=promise)
    report = driver.run_job()
    account = Ledger.from_json((driver.path / report.carry["account"].key).read_bytes()).account
    assert any(attempt.passed for attempt in account.attempts)
    assert report.progressed.counters.machine_labeled == account.machine_labels > 100
    found = verified(driver)
    assert found.problems == []
    told = json.loads((driver.path / "report/report.json").read_bytes())
    assert max(each["thresholds"] for each in told["attempts"]) == 4
