"""A job that starts with an earlier job's model: certified at once, or refused without harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from surelabel.items import ItemIndex, ItemReader
from surelabel.model_graphs.convert import is_available
from surelabel.models import load
from surelabel.models.about import About, read_about, with_about
from surelabel.models.estimator_model import EstimatorModel
from surelabel.models.files import ModelFileError
from surelabel.stages.verification import verify_job
from surelabel_contract.stages import AutoLabeling, StageReport, StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(
    target_error_permille=100, risk_permille=200, seed_items=40, items_per_round=40
)
DIGITS = tuple("0123456789")
N_EARLIER, N_ITEMS = 400, 650


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """A job on the first digits that ended after its first model."""
    promise = PROMISE.model_copy(update={"seed_items": 300})
    root = tmp_path_factory.mktemp("earlier") / "job"
    driver = digits_driver(root, N_EARLIER, auto_labeling=promise)
    driver.run_job(stop=lambda report: report.step.stage is Stage.INFER)
    return driver


@pytest.fixture(scope="module")
def model(earlier: MiniDriver) -> bytes:
    return (earlier.path / "model/model.skops").read_bytes()


def driver_with(root: Path, data: bytes | None, n: int = N_ITEMS, **more: Any) -> MiniDriver:
    place = root / "given.skops"
    promise = PROMISE.model_copy(update={"initial_model_uri": place.as_uri()})
    driver = digits_driver(root, n, auto_labeling=promise, **more)
    if data is not None:
        place.write_bytes(data)
    return driver


def first(driver: MiniDriver, stage: Stage) -> StageReport:
    return next(report for report in driver.reports if report.step.stage is stage)


def problems(driver: MiniDriver) -> list[str]:
    storage = Storage(StorageAccess(prefixes=None, local_files=True))
    return verify_job(storage, driver.path.as_uri()).problems


def test_a_good_model_certifies_in_the_first_round(tmp_path: Path, model: bytes) -> None:
    driver = driver_with(tmp_path / "job", model)
    report = driver.run_job()
    prepared, decided = driver.reports[0], first(driver, Stage.CONSOLIDATE)
    assert prepared.next.proposal_pending
    assert {"proposal", "model", "scores", "tasks", "selection"} <= set(prepared.carry)
    # Its own outputs, so that they stand as long as the step does.
    assert {"proposal", "region", "scores"} <= set(prepared.outputs)
    assert decided.step.round == 1
    assert decided.validation is not None
    assert decided.validation.accepted
    assert decided.next.newly_certified > 200
    assert report.progressed.counters.total_labeled == N_ITEMS
    assert report.progressed.counters.machine_labeled > 200
    assert problems(driver) == []


def test_a_model_whose_classes_are_turned_around_costs_its_sample_and_no_more(
    tmp_path: Path, model: bytes
) -> None:
    good = load(model)
    turned = replace(good, classes=np.roll(good.classes, 1))
    driver = driver_with(tmp_path / "job", with_about(turned.save(), read_about(model)))
    report = driver.run_job()
    decided = first(driver, Stage.CONSOLIDATE)
    assert driver.reports[0].next.proposal_pending
    assert decided.validation is not None
    assert not decided.validation.accepted
    assert decided.progressed.counters.machine_labeled == 0
    # The sample's labels are people's, and train the job's own model.
    assert decided.progressed.counters.human_labeled >= decided.validation.items
    own = first(driver, Stage.INFER)
    assert own.inputs["model"] != driver.reports[0].carry["model"]
    assert report.progressed.counters.total_labeled == N_ITEMS
    assert report.progressed.counters.machine_labeled > 0
    assert problems(driver) == []


def test_a_classifier_of_scikit_learn_starts_a_job_from_its_file(
    tmp_path: Path, earlier: MiniDriver, model: bytes
) -> None:
    index = ItemIndex.from_json((earlier.path / earlier.reports[0].carry["index"].key).read_bytes())
    folder = Storage(earlier.access).folder(earlier.folder_uri)
    _, features = ItemReader(folder, index).features(0)
    truth = (earlier.root / "truth.jsonl").read_text().splitlines()
    label = np.array([int(line.split('"')[3]) for line in truth])
    forest = RandomForestClassifier(200, random_state=0).fit(features, label)
    file = EstimatorModel(
        name="RandomForestClassifier",
        n_classes=10,
        n_features=features.shape[1],
        classes=np.arange(10),
        pipeline=forest,
        sharpness=2.0,
    ).save()
    with pytest.raises(ModelFileError, match="may not contain"):
        # Not in the stage's own process.
        load(file)
    driver = driver_with(tmp_path / "job", with_about(file, read_about(model)))
    report = driver.run(0, Stage.PREPARE)
    assert report.next.proposal_pending
    assert report.metrics["proposedItems"] > 100
    assert "predictions" in report.carry
    # The next model is the job's own, and what this one predicted counts no more.
    report = driver.run(1, Stage.ANNOTATE, before=report)
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    report = driver.run(1, Stage.TRAIN, before=report)
    assert "predictions" not in report.carry


def test_the_first_round_asks_as_many_as_a_seed_where_nothing_is_proposed(
    tmp_path: Path, model: bytes
) -> None:
    good = load(model)
    assert good.calibration is not None
    unsure = replace(good, calibration=replace(good.calibration, sharpness=0.01))
    driver = driver_with(tmp_path / "job", with_about(unsure.save(), read_about(model)), 120)
    report = driver.run(0, Stage.PREPARE)
    assert not report.next.proposal_pending
    assert report.next.task_items == 40


ABOUT = About(task_type="ImageClassification", labels=DIGITS, features="built-in", n_features=3)


def _renamed(model: bytes, **changes: Any) -> bytes:
    return with_about(load(model).save(), read_about(model).model_copy(update=changes))


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (lambda _: None, "InitialModelNotFound", "does not exist"),
        (lambda _: b"a text", "InitialModelNotUsable", "not a model file"),
        (
            lambda model: load(model).save(),
            "InitialModelNotUsable",
            "not a model that a job has exported",
        ),
        (
            lambda model: _renamed(model, labels=DIGITS[::-1]),
            "InitialModelNotUsable",
            "its labels are '9', '8'",
        ),
        (
            lambda model: _renamed(model, task_type="TextClassification"),
            "InitialModelNotUsable",
            "it is a model of TextClassification; must be of ImageClassification",
        ),
        (
            lambda model: _renamed(model, n_features=3),
            "InitialModelNotUsable",
            "it was trained on 3 features (built-in)",
        ),
        (
            lambda model: _renamed(model, features="another encoder"),
            "InitialModelNotUsable",
            "features (another encoder)",
        ),
        (
            lambda model: with_about(replace(load(model), n_features=3).save(), read_about(model)),
            "InitialModelNotUsable",
            "not those that it says it has",
        ),
        (
            lambda model: with_about(_forged(), read_about(model)),
            "InitialModelNotUsable",
            "may not contain",
        ),
    ],
    ids=[
        "missing",
        "text",
        "says nothing",
        "other labels",
        "other task type",
        "other features",
        "other encoder",
        "lies",
        "harmful",
    ],
)
def test_a_model_that_cannot_start_the_job_is_told_with_its_reason(
    tmp_path: Path,
    model: bytes,
    change: Callable[[bytes], bytes | None],
    reason: str,
    words: str,
) -> None:
    driver = driver_with(tmp_path / "job", change(model), 10)
    step = Step(round=0, stage=Stage.PREPARE)
    assert driver.start(driver.config(step, None)) == 2
    failure = driver.failure(step)
    assert failure.reason == reason
    assert failure.message.startswith("spec.autoLabeling.initialModelURI: ")
    assert words in failure.message


def test_a_model_outside_the_prefixes_is_not_read(tmp_path: Path, model: bytes) -> None:
    outside = tmp_path / "outside.skops"
    outside.write_bytes(model)
    promise = PROMISE.model_copy(update={"initial_model_uri": outside.as_uri()})
    driver = digits_driver(tmp_path / "job", 10, auto_labeling=promise)
    step = Step(round=0, stage=Stage.PREPARE)
    assert driver.start(driver.config(step, None)) == 2
    failure = driver.failure(step)
    assert failure.reason == "StorageNotAllowed"
    assert failure.message.startswith("spec.autoLabeling.initialModelURI: ")


def test_a_file_says_what_it_is_once(model: bytes) -> None:
    about = read_about(model)
    assert about.labels == DIGITS
    assert about.n_features == load(model).n_features
    assert with_about(model, ABOUT) == model
    plain = load(model).save()
    assert with_about(plain, about) == with_about(plain, about)
    assert read_about(with_about(plain, about)) == about


class _Harmful:
    def __init__(self) -> None:
        self.command = "true"


def _forged() -> bytes:
    import skops.io

    return skops.io.dumps({"format": 1, "pipeline": _Harmful()})


def test_a_job_leaves_its_model_as_a_graph_too_where_that_can_be_written(
    earlier: MiniDriver, model: bytes
) -> None:
    graph = earlier.path / "model/model.onnx"
    if not is_available():
        assert not graph.exists()
        return
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed here")
    session = onnxruntime.InferenceSession(graph.read_bytes())
    features = np.random.default_rng(0).random((5, load(model).n_features), np.float32)
    (found,) = session.run(["probabilities"], {"features": features})
    exact = load(model).predict_proba(features.astype(np.float64))
    np.testing.assert_allclose(found, exact, atol=2e-6)
