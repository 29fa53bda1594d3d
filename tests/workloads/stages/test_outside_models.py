"""Jobs whose model is not ours: a good one certifies, a bad one leaves everything to people."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from surelabel.stages.verification import verify_job
from surelabel_contract.stages import AutoLabeling, ModelParameter, StageReport, StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

HERE = "workloads.models.outside_models"
PROMISE = AutoLabeling(
    target_error_permille=100, risk_permille=200, seed_items=60, items_per_round=40
)
_EVERYTHING = StorageAccess(prefixes=None, local_files=True)


def brought(entrypoint: str, **parameters: str) -> AutoLabeling:
    return PROMISE.model_copy(
        update={
            "model_entrypoint": f"{HERE}:{entrypoint}",
            "model_parameters": tuple(
                ModelParameter(name=name, value=value) for name, value in parameters.items()
            ),
        }
    )


def named(name: str, **parameters: str) -> AutoLabeling:
    given = tuple(ModelParameter(name=key, value=value) for key, value in parameters.items())
    return PROMISE.model_copy(update={"model": name, "model_parameters": given or None})


def notices(driver: MiniDriver) -> dict[str, str]:
    return {each.reason: each.message for report in driver.reports for each in report.notices}


def of_stage(driver: MiniDriver, stage: Stage) -> list[StageReport]:
    return [report for report in driver.reports if report.step.stage is stage]


@pytest.mark.parametrize(
    "promise",
    [brought("Nearest", scale="1.5"), named("SVC", C="10")],
    ids=["entrypoint", "scikit-learn"],
)
def test_a_model_of_others_labels_what_it_provably_can(
    tmp_path: Path, promise: AutoLabeling
) -> None:
    driver = digits_driver(tmp_path / "job", 400, auto_labeling=promise)
    report = driver.run_job()
    counters = report.progressed.counters
    assert counters.total_labeled == 400
    assert counters.machine_labeled > 100
    assert "ModelFailed" not in notices(driver)
    result = verify_job(Storage(_EVERYTHING), driver.path.as_uri())
    assert result.problems == []
    lines = [json.loads(line) for line in driver.output_lines()]
    machine = [
        (line["job-metadata"]["confidence"], line["job"] == truth)
        for line, truth in zip(lines, load_digits().target, strict=False)
        if line["job-metadata"]["human-annotated"] == "no"
    ]
    confidence, right = np.array(machine).T
    # Calibrated out of sample: about as often right as it says.
    assert abs(confidence.mean() - right.mean()) < 0.08
    file = driver.path / "model/model.skops"
    assert file.exists() == (promise.model_entrypoint is None)


def test_two_runs_of_a_model_of_others_leave_the_same_bytes(tmp_path: Path) -> None:
    def tree(name: str) -> dict[str, bytes]:
        promise = named("ExtraTreesClassifier", n_estimators="20")
        driver = digits_driver(tmp_path / "job", 150, auto_labeling=promise, max_rounds=2)
        driver.run_job()
        found = driver.tree()
        driver.root.rename(tmp_path / name)
        return found

    assert tree("first") == tree("second")


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (brought("IsKilled"), "was killed by signal 9"),
        (brought("Answers", kind="nan"), "no finite numbers"),
    ],
    ids=["is killed", "nan"],
)
def test_a_model_that_fails_leaves_the_round_to_people_and_nothing_is_lost(
    tmp_path: Path, promise: AutoLabeling, words: str
) -> None:
    driver = digits_driver(tmp_path / "job", 120, auto_labeling=promise, max_rounds=2)
    report = driver.run_job()
    assert words in notices(driver)["ModelFailed"]
    assert report.progressed.counters.human_labeled == 120
    assert report.progressed.certificate is None
    (infer,) = of_stage(driver, Stage.INFER)
    # As many as a round asks about, not the whole rest.
    assert infer.next.task_items == 40
    assert not infer.next.proposal_pending
    assert not infer.next.does_not_pay
    assert {"model", "predictions", "outOfFold", "scores"}.isdisjoint(infer.carry)
    assert not (driver.path / "model").exists()
    assert verify_job(Storage(_EVERYTHING), driver.path.as_uri()).problems == []


def test_a_model_that_hangs_costs_its_time_and_no_more(tmp_path: Path) -> None:
    driver = digits_driver(
        tmp_path / "job",
        120,
        auto_labeling=brought("Hangs"),
        max_rounds=2,
        spec={"timeout_seconds": 25},
    )
    report = driver.run_job()
    assert "did not end within 20 s" in notices(driver)["ModelFailed"]
    assert report.progressed.counters.human_labeled == 120


def test_a_model_may_use_the_memory_of_its_stage_alone(tmp_path: Path) -> None:
    driver = digits_driver(
        tmp_path / "job",
        120,
        auto_labeling=brought("FillsMemory"),
        max_rounds=2,
        spec={"resources": {"memory_mib": 600}},
    )
    report = driver.run_job()
    assert "ran out of memory: it had 600 MiB" in notices(driver)["ModelFailed"]
    assert report.progressed.counters.human_labeled == 120


def test_after_a_failure_the_next_model_counts_again(tmp_path: Path) -> None:
    flag = tmp_path / "works"
    promise = brought("WorksOnce", flag=json.dumps(str(flag)))
    driver = digits_driver(tmp_path / "job", 400, auto_labeling=promise)

    def mend(report: StageReport) -> bool:
        if report.step.stage is Stage.INFER:
            flag.touch()
        return False

    report = driver.run_job(stop=mend)
    trained = of_stage(driver, Stage.TRAIN)
    assert [each.reason for each in trained[0].notices] == ["ModelFailed"]
    assert not any(each.notices for each in trained[1:])
    assert report.progressed.counters.machine_labeled > 0


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (brought("NoSuchClass"), "spec.autoLabeling.model.entrypoint: .* has no 'NoSuchClass'"),
        (brought("Nearest", width="3"), "has no parameter 'width'"),
        (
            named("SVC", C='"much"'),
            "spec.autoLabeling.model.parameters: The 'C' parameter of SVC must be a float",
        ),
    ],
    ids=["class", "parameter", "value"],
)
def test_a_model_that_cannot_be_made_is_told_before_anybody_is_asked(
    tmp_path: Path, promise: AutoLabeling, words: str
) -> None:
    driver = digits_driver(tmp_path / "job", 30, auto_labeling=promise)
    step = Step(round=0, stage=Stage.PREPARE)
    assert driver.start(driver.config(step, None)) == 2
    failure = driver.failure(step)
    assert failure.reason == "ModelNotUsable"
    assert failure.configuration
    assert re.search(words, failure.message)


def test_texts_reach_a_model_of_others_as_sparse_counts(tmp_path: Path) -> None:
    promise = brought("Nearest").model_copy(update={"seed_items": 20, "items_per_round": 10})
    driver = MiniDriver(tmp_path, auto_labeling=promise, accuracies=(1000,) * 5, max_rounds=2)
    words = ["good fine nice", "bad awful sad"]
    driver.write_input(
        [{"source": f"{words[n % 2]} {n}"} for n in range(60)], [str(n % 2) for n in range(60)]
    )
    driver.run_job()
    assert "ModelFailed" not in notices(driver)
    assert of_stage(driver, Stage.TRAIN)[0].metrics["outOfFoldAccuracy"] > 0.9


def test_identical_items_and_an_empty_pool_do_no_harm(tmp_path: Path) -> None:
    promise = named("RandomForestClassifier", n_estimators="5").model_copy(
        update={"seed_items": 12, "items_per_round": 10}
    )
    driver = MiniDriver(tmp_path, auto_labeling=promise, accuracies=(1000,) * 5)
    driver.write_input([{"source": "the same"} for _ in range(24)], [str(n % 2) for n in range(24)])
    report = driver.run_job()
    assert report.progressed.counters.total_labeled == 24
