"""What models are predicted to save in whole jobs, and the end of models that save nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from surelabel_contract.stages import AutoLabeling, Money
from surelabel_contract.steps import Stage
from workloads.report_page.parsed import Page
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(
    target_error_permille=50, risk_permille=50, seed_items=80, items_per_round=40
)


@pytest.fixture(scope="module")
def unlearnable(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """Texts that say nothing of their label."""
    rng = np.random.default_rng(5)
    words = ["red", "blue", "green", "round", "flat", "old", "new", "warm"]
    root = tmp_path_factory.mktemp("unlearnable")
    driver = MiniDriver(root, auto_labeling=PROMISE, accuracies=(1000,) * 3)
    driver.write_input(
        [{"source": " ".join(rng.choice(words, 5))} for _ in range(1_000)],
        [str(label) for label in rng.integers(0, 2, 1_000)],
    )
    driver.run_job()
    return driver


def test_what_cannot_be_learned_goes_to_people_after_three_models(unlearnable: MiniDriver) -> None:
    inferred = [each for each in unlearnable.reports if each.step.stage is Stage.INFER]
    assert [each.next.does_not_pay for each in inferred] == [False, False, True]
    assert unlearnable.reports[-1].progressed.counters.human_labeled == 1_000
    (notice,) = inferred[-1].notices
    assert notice.reason == "AnotherRoundDoesNotPay"
    # 160 items were labeled when the third model looked.
    assert notice.message == (
        "models stop here: 840 items without a label are left, and by the learning curve of 3 "
        "models people would save at most 0 of them, however the next rounds went."
    )


def test_the_report_has_a_point_for_each_model(unlearnable: MiniDriver) -> None:
    report = json.loads((unlearnable.path / "report/report.json").read_text())
    assert [point["labels"] for point in report["learningCurve"]] == [80, 120, 160]
    assert [point["items"] for point in report["learningCurve"]] == [40, 50, 60]
    assert all(point["wrong"] > 0.2 * point["items"] for point in report["learningCurve"])
    page = Page.of((unlearnable.path / "report/report.html").read_bytes())
    assert "How the model learned" in {each.text for each in page.all("h2")}


def test_a_model_that_learns_goes_on_and_says_what_it_saves(tmp_path: Path) -> None:
    price = {"price_per_annotation": Money(amount="0.10", currency="EUR")}
    driver = digits_driver(tmp_path / "job", 600, auto_labeling=PROMISE, spec=price)
    report = driver.run(0, Stage.PREPARE)
    report = driver._ask(1, report, "tasks")
    report = driver.run(1, Stage.TRAIN, before=report)
    report = driver.run(1, Stage.INFER, before=report)
    assert not report.next.does_not_pay
    assert not report.notices
    low, likely, high = (
        report.metrics[f"predictedSavingItems{end}"] for end in ("Low", "", "High")
    )
    assert 0 <= low <= likely <= high < 520
    assert high > 100
