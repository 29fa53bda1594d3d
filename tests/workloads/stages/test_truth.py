"""The truth of simulated people: by line, and about that line's own item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from surelabel_contract.steps import Stage, Step
from workloads.stages.mini_driver import MiniDriver

ANNOTATE = Step(round=1, stage=Stage.ANNOTATE)


def driver_of(root: Path, lines: list[Any], truth: list[Any]) -> MiniDriver:
    driver = MiniDriver(root, accuracies=(1000,) * 3)
    driver.write_input(lines, [])
    (root / "truth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in truth))
    return driver


def failure_of(driver: MiniDriver) -> Any:
    prepare = driver.run(0, Stage.PREPARE)
    assert driver.start(driver.config(ANNOTATE, prepare)) == 2
    failure = driver.failure(ANNOTATE)
    assert failure.configuration
    return failure


def texts(root: Path, names: str) -> list[str]:
    for name in names:
        (root / name).write_text(f"text {name}")
    return [f"file://{root}/{name}" for name in names]


def test_a_truth_that_has_slipped_by_a_line_is_refused(tmp_path: Path) -> None:
    a, b, c = texts(tmp_path, "abc")
    lines = [{"source-ref": a}, "broken", {"source-ref": b}, {"source-ref": c}]
    truth = [{"source-ref": uri, "label": "0"} for uri in (a, b, c, c)]
    failure = failure_of(driver_of(tmp_path, lines, truth))
    assert failure.reason == "TruthOfAnotherItem"
    assert f"line 3 of file://{tmp_path}/truth.jsonl is about '{c}'" in failure.message
    assert f"line 3 of the manifest is '{b}'" in failure.message


def test_a_truth_that_names_its_items_fits(tmp_path: Path) -> None:
    a, b = texts(tmp_path, "ab")
    lines = [{"source-ref": a}, "broken", {"source-ref": b}, {"source": "c"}]
    # What a text is called in the truth is its author's business.
    named = [{"source-ref": a, "label": "0"}, {}, {"source-ref": b, "label": "1"}]
    driver = driver_of(tmp_path, lines, [*named, {"source": "expert", "label": "1"}])
    driver.run_job()
    labels = [json.loads(line) for line in driver.output_lines() if line != b"broken"]
    assert [line["job"] for line in labels] == [0, 1, 1]


def test_a_truth_that_ends_before_the_manifest_is_refused(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, [{"source": "a"}, {"source": "b"}], [{"label": "0"}])
    failure = failure_of(driver)
    assert failure.reason == "TruthNotFound"
    assert "it has 1, and people are asked about line 2" in failure.message


def test_a_line_that_is_no_label_is_named(tmp_path: Path) -> None:
    driver = driver_of(
        tmp_path, [{"source": "a"}, {"source": "b"}], [{"label": "0"}, {"label": "zero"}]
    )
    report = driver.run_job()
    assert report.progressed.unlabeled_reasons == {"CannotTell": 1}
    notices = [notice for each in driver.reports for notice in each.notices]
    (told,) = [notice for notice in notices if notice.reason == "TruthNotKnown"]
    assert "1 of 2 items" in told.message
    assert "line 2: 'label' must be one of the job's 2 labels; got 'zero'." in told.message
