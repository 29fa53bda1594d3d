"""Jobs in which people correct labels of an earlier one: boxes in the manifest, masks beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.stages.verification import verify_job
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_adjustment.task import read_earlier_label
from surelabel.tasks.label_format import Label
from surelabel.tasks.label_images import with_mask
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat, mask_png
from surelabel.tasks.values import Adjustment, Box, Boxes, ImageSize, SemanticMask
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver
from workloads.value_cases import LABELS

SIZE = ImageSize(500, 400)
RIGHT = Boxes((Box(0, 10, 20, 60, 40), Box(2, 200, 150, 90, 120)), SIZE)
# One box is missing, and one is off.
ROUGH = Boxes((Box(0, 30, 40, 60, 40),), SIZE)
TASK = TASK_TYPES["LabelAdjustment"]
CLASSES = Classes.of(LABELS)


def earlier(boxes: Boxes, key: str = "rough") -> dict[str, Any]:
    """A label as the manifest of an earlier job has it."""
    label, metadata = TASK.write_label(
        Label(Adjustment(boxes), human=False, job_name="labeling-job/rough"), LABELS
    )
    return {key: label, f"{key}-metadata": metadata}


def driver_of(root: Path, given: Boxes = ROUGH, n: int = 6, **values: Any) -> MiniDriver:
    root.mkdir(exist_ok=True)
    driver = MiniDriver(
        root,
        labels=LABELS,
        task_type="LabelAdjustment",
        spec={"audit_label_attribute_name": "rough"},
        **values,
    )
    lines = [{"source-ref": uri, **earlier(given)} for uri in driver.pictures(n)]
    answer = TASK.format.answer_content(Adjustment(RIGHT), CLASSES)
    driver.write_input(lines, [answer] * n, key="answer")
    return driver


def labels_of(driver: MiniDriver, key: str = "job") -> list[Adjustment]:
    lines = [json.loads(line) for line in driver.output_lines()]
    return [TASK.read(line[key], line[f"{key}-metadata"], LABELS).value for line in lines]


def test_wrong_labels_are_corrected_and_stay_beside_the_new_ones(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, accuracies=(980, 960, 940))
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 6
    for line, found in zip(driver.output_lines(), labels_of(driver), strict=True):
        record = json.loads(line)
        assert read_earlier_label(record["rough"], record["rough-metadata"], LABELS) == ROUGH
        assert record["job-metadata"]["type"] == "groundtruth/object-detection"
        assert record["job-metadata"]["adjustment-status"] == "adjusted"
        assert found.adjusted
        assert TASK.disagreement(found, Adjustment(RIGHT)) < 0.2
    assert TASK.disagreement(Adjustment(ROUGH), Adjustment(RIGHT)) > 0.5
    assert verify_job(Storage(driver.access), driver.folder_uri).problems == []


def test_labels_that_are_right_are_left_as_they_are(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, RIGHT, accuracies=(1000, 1000, 1000))
    driver.run_job()
    assert [found.adjusted for found in labels_of(driver)] == [False] * 6
    assert all(TASK.disagreement(each, Adjustment(RIGHT)) < 1e-6 for each in labels_of(driver))


def test_people_get_the_earlier_label_with_the_item(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, n=2)
    report = driver.run(0, Stage.PREPARE)
    tasks = (driver.path / report.carry["tasks"].key).read_bytes().splitlines()
    assert [json.loads(task)["prelabel"] for task in tasks] == [earlier(ROUGH)] * 2


def test_who_judges_an_earlier_label_gets_it_as_well(tmp_path: Path) -> None:
    spec = {"audit_label_attribute_name": "rough"}
    driver = MiniDriver(tmp_path, labels=LABELS, task_type="LabelVerification", spec=spec)
    # Of any kind: a judgement does not need to understand it.
    *two, third = driver.pictures(3)
    lines = [{"source-ref": uri, "rough": {"strange": n}} for n, uri in enumerate(two)]
    answer = {"crowd-image-classifier": {"label": "Duck"}}
    driver.write_input([*lines, {"source-ref": third}], [answer] * 3, key="answer")
    report = driver.run(0, Stage.PREPARE)
    tasks = (driver.path / report.carry["tasks"].key).read_bytes().splitlines()
    assert [json.loads(task)["prelabel"] for task in tasks] == [
        {"rough": {"strange": number}} for number in range(2)
    ]
    assert report.progressed.unlabeled_reasons == {"NoEarlierLabel": 1}


def test_careless_people_leave_more_of_it_as_it_is() -> None:
    truth = TASK.parse_answer(TASK.format.answer_content(Adjustment(RIGHT), CLASSES), LABELS)

    def left(accuracy: float) -> float:
        rng = np.random.default_rng(3)
        told = [
            TASK.value_of(TASK.simulate(truth, accuracy, rng, LABELS, shown=ROUGH), LABELS)
            for _ in range(200)
        ]
        assert all(each.value == ROUGH for each in told if not each.adjusted)
        return sum(not each.adjusted for each in told) / 200

    assert left(1.0) == 0
    assert 0.02 < left(0.9) < 0.1
    assert 0.25 < left(0.4) < 0.35


def test_a_line_without_the_earlier_label_is_rejected(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, n=3)
    first, second, third = driver.pictures(3)
    lines: list[dict[str, Any]] = [
        {"source-ref": first},
        {"source-ref": second, "rough": {"annotations": [{}]}, "rough-metadata": {}},
        {"source-ref": third, **earlier(ROUGH)},
    ]
    answer = TASK.format.answer_content(Adjustment(RIGHT), CLASSES)
    driver.write_input(lines, [answer] * 3, key="answer")
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 1
    assert report.progressed.unlabeled_reasons == {"InvalidLabel": 1, "NoEarlierLabel": 1}
    rejected = (driver.path / "report/rejected.jsonl").read_text().splitlines()
    assert "'rough', the label that people are to look at, is not there" in rejected[0]


def test_an_answer_of_another_kind_is_set_aside(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, n=1)
    report = driver.run(1, Stage.ANNOTATE, before=driver.run(0, Stage.PREPARE))
    (segment,) = (driver.path / driver.keys.rounds).rglob("answers/*.jsonl")
    lines = [json.loads(line) for line in segment.read_bytes().splitlines()]
    lines[0]["answerContent"] = {"crowd-keypoint": {"keypoints": []}}
    segment.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert "must have 'boundingBoxes', as the others" in report.notices[0].message
    assert report.progressed.counters.human_labeled == 1


@pytest.fixture
def masks(tmp_path: Path) -> tuple[MiniDriver, StageReport]:
    """A job that corrects masks, run to its end: the earlier ones lack an object."""
    right = np.full((60, 80), -1, np.int32)
    right[10:40, 15:50] = 0
    right[30:55, 55:75] = 2
    rough = np.where(right == 2, -1, right).astype(np.int32)
    (tmp_path / "rough.png").write_bytes(mask_png(rough, CLASSES))
    form = SemanticSegmentationFormat()
    label, metadata = form.write_label(
        Label(SemanticMask(ref=f"file://{tmp_path}/rough.png"), job_name="labeling-job/rough"),
        CLASSES,
    )
    driver = MiniDriver(
        tmp_path,
        labels=LABELS,
        task_type="LabelAdjustment",
        accuracies=(1000, 970, 950),
        spec={"audit_label_attribute_name": "rough-ref", "label_attribute_name": "job-ref"},
    )
    lines = [
        {"source-ref": uri, "rough-ref": label, "rough-ref-metadata": metadata}
        for uri in driver.pictures(3)
    ]
    answer = form.answer_content(SemanticMask(right), CLASSES)
    driver.write_input(lines, [answer] * 3, key="answer")
    return driver, driver.run_job()


def test_masks_are_corrected_as_well(masks: tuple[MiniDriver, StageReport]) -> None:
    driver, report = masks
    assert report.progressed.counters.human_labeled == 3
    truth = json.loads((driver.root / "truth.jsonl").read_text().splitlines()[0])
    right = TASK.value_of(TASK.read_truth(truth, LABELS), LABELS)
    for line, found in zip(driver.output_lines(), labels_of(driver, "job-ref"), strict=True):
        record = json.loads(line)
        assert record["job-ref"] != record["rough-ref"]
        assert record["job-ref"].endswith(".png")
        assert record["job-ref-metadata"]["type"] == "groundtruth/semantic-segmentation"
        assert found.adjusted
        read = with_mask(found, lambda uri: Path(uri.removeprefix("file://")).read_bytes(), CLASSES)
        assert TASK.disagreement(read, right) < 0.15
