"""Jobs in which simulated people judge labels of an earlier one, which they look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import LabelError
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_format import Label
from surelabel.tasks.label_verification.task import LabelVerification
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat, mask_png
from surelabel.tasks.values import SemanticMask
from workloads.stages.mini_driver import MiniDriver

VERDICTS = ("accept", "reject")
ANIMALS = Classes.of(("Falcon", "Heron", "Duck"))
SIZE = {"width": 500, "height": 400}
LEFT, RIGHT = (
    {"label": label, "left": left, "top": 30, "width": 80, "height": 41}
    for label, left in (("Falcon", 12), ("Duck", 210))
)


def animal(name: str) -> dict[str, Any]:
    return {"crowd-image-classifier": {"label": name}}


def boxes(*found: dict[str, Any]) -> dict[str, Any]:
    return {"crowd-bounding-box": {"boundingBoxes": list(found), "inputImageProperties": SIZE}}


def labeled(task_type: str, content: dict[str, Any]) -> dict[str, Any]:
    """The keys that a job of this type writes of an item with this label."""
    form = LABEL_FORMATS[task_type]
    value = form.parse_answer(content, ANIMALS)
    label, metadata = form.write_label(Label(value), ANIMALS)
    return {"rough": label, "rough-metadata": metadata}


def driver_of(
    root: Path, earlier: list[dict[str, Any]], wanted: list[dict[str, Any]], accuracy: int = 1000
) -> MiniDriver:
    driver = MiniDriver(
        root,
        labels=VERDICTS,
        task_type="LabelVerification",
        accuracies=(accuracy,) * 3,
        spec={"audit_label_attribute_name": "rough"},
    )
    uris = driver.pictures(len(earlier), (50, 40))
    lines = [{"source-ref": uri, **each} for uri, each in zip(uris, earlier, strict=True)]
    driver.write_input(lines, wanted, key="earlier")
    return driver


def verdicts(driver: MiniDriver) -> list[str | None]:
    lines = map(json.loads, driver.output_lines())
    return [line.get("job-metadata", {}).get("class-name") for line in lines]


@pytest.mark.parametrize(
    ("task_type", "right", "wrong"),
    [
        ("ImageClassification", animal("Heron"), animal("Duck")),
        ("BoundingBox", boxes(LEFT, RIGHT), boxes(LEFT)),
    ],
)
def test_people_accept_the_earlier_label_just_where_it_is_the_truth(
    tmp_path: Path, task_type: str, right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    earlier = [labeled(task_type, each) for each in (right, wrong, right, wrong)]
    driver = driver_of(tmp_path, earlier, [right] * 4)
    driver.run_job()
    assert verdicts(driver) == ["accept", "reject", "accept", "reject"]


def test_boxes_in_another_order_are_the_same_label(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, [labeled("BoundingBox", boxes(RIGHT, LEFT))], [boxes(LEFT, RIGHT)])
    driver.run_job()
    assert verdicts(driver) == ["accept"]


@pytest.mark.parametrize(("n_rows", "verdict"), [(10, "accept"), (11, "reject")])
def test_a_mask_in_a_file_of_its_own_is_looked_at(
    tmp_path: Path, n_rows: int, verdict: str
) -> None:
    form = SemanticSegmentationFormat()
    wanted, rough = np.full((40, 50), -1, np.int32), np.full((40, 50), -1, np.int32)
    wanted[:10, 10:30] = rough[:n_rows, 10:30] = 2
    (tmp_path / "rough.png").write_bytes(mask_png(rough, ANIMALS))
    ref = f"file://{tmp_path}/rough.png"
    label, metadata = form.write_label(Label(SemanticMask(ref=ref)), ANIMALS)
    driver = driver_of(
        tmp_path,
        [{"rough": label, "rough-metadata": metadata}] * 2,
        [form.answer_content(SemanticMask(wanted), ANIMALS)] * 2,
    )
    driver.run_job()
    assert verdicts(driver) == [verdict] * 2


def test_people_err_as_often_as_they_are_said_to(tmp_path: Path) -> None:
    earlier = [labeled("ImageClassification", animal(("Heron", "Duck")[n % 2])) for n in range(200)]
    driver = driver_of(tmp_path, earlier, [animal("Heron")] * 200, accuracy=800)
    driver.run_job()
    right = 0
    for path in (driver.path / driver.keys.rounds).rglob("answers/*.jsonl"):
        for answer in map(json.loads, path.read_text().splitlines()):
            told = answer["answerContent"]["crowd-image-classifier"]["label"]
            line = int(answer["itemId"])
            right += told == VERDICTS[line % 2]
    # Of 600; three standard deviations.
    assert 0.75 < right / 600 < 0.85


def test_nobody_judges_what_is_not_of_the_kind_of_the_truth(tmp_path: Path) -> None:
    heron = labeled("ImageClassification", animal("Heron"))
    strange = [
        labeled("BoundingBox", boxes(LEFT)),
        {"rough": 1},
        heron | {"rough-metadata": {"type": "groundtruth/image-classification", "class-name": 7}},
    ]
    driver = driver_of(tmp_path, [*strange, heron], [animal("Heron")] * 4)
    report = driver.run_job()
    assert verdicts(driver) == [None, None, None, "accept"]
    assert report.progressed.unlabeled_reasons == {"CannotTell": 3}


def test_a_verdict_in_the_truth_file_stands_whatever_the_earlier_label_is() -> None:
    task = TASK_TYPES["LabelVerification"]
    assert isinstance(task, LabelVerification)
    truth = task.read_truth({"answer": {"x": {"label": "reject"}}, "earlier": 3}, VERDICTS)
    assert task.wanted_label(truth) is None
    assert task.value_of(truth, VERDICTS).label == 1


@pytest.mark.parametrize("earlier", [None, "Heron", {}, {"a": {}, "b": {}}])
def test_what_is_no_label_cannot_be_what_the_earlier_one_should_be(earlier: Any) -> None:
    with pytest.raises(LabelError, match="'earlier' must be an answerContent"):
        TASK_TYPES["LabelVerification"].read_truth({"earlier": earlier}, VERDICTS)
