"""Masks in a job: images by reference, answers of another size, what a killed stage leaves."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from surelabel.stages.runner import CONFIGURATION
from surelabel.stages.verification import verify_job
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import read_instances
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat, read_mask
from surelabel.tasks.values import Instances, SemanticMask
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver
from workloads.stages.test_faults import KillAt, KilledError
from workloads.value_cases import CASES, LABELS

MASKS = pytest.mark.parametrize("name", ["SemanticSegmentation", "InstanceSegmentation"])


def driver_of(root: Path, name: str = "SemanticSegmentation", n: int = 4) -> MiniDriver:
    root.mkdir(exist_ok=True)
    driver = MiniDriver(root, labels=LABELS, task_type=name, accuracies=(1000, 950, 900))
    lines = [{"source-ref": uri} for uri in driver.pictures(n)]
    driver.write_input(lines, [CASES[name][0]] * n, key="answer")
    return driver


def asked(driver: MiniDriver) -> StageReport:
    return driver.run(1, Stage.ANNOTATE, before=driver.run(0, Stage.PREPARE))


def segment_of(driver: MiniDriver) -> Path:
    (segment,) = (driver.path / driver.keys.rounds).rglob("answers/*.jsonl")
    return segment


def edited(driver: MiniDriver, number: int, content: dict[str, Any]) -> None:
    """Another content for one answer."""
    segment = segment_of(driver)
    lines = [json.loads(line) for line in segment.read_bytes().splitlines()]
    lines[number]["answerContent"] = content
    segment.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def mask_of(width: int, height: int) -> dict[str, Any]:
    pixels = np.zeros((height, width), np.int32)
    return SemanticSegmentationFormat().answer_content(SemanticMask(pixels), Classes.of(LABELS))


def aside_of(driver: MiniDriver, report: StageReport) -> list[dict[str, Any]]:
    path = driver.path / report.outputs["answersAside"].key
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@MASKS
def test_images_of_answers_are_blobs_named_by_their_content(tmp_path: Path, name: str) -> None:
    driver = driver_of(tmp_path, name)
    asked(driver)
    segment = segment_of(driver)
    blobs = sorted((segment.parents[1] / "blobs").iterdir())
    assert [each.name for each in blobs] == sorted(
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}.png" for each in blobs
    )
    refs = re.findall(r'"ref":"([^"]+)"', segment.read_text())
    assert len(refs) == 12
    assert set(refs) == {f"blobs/{each.name}" for each in blobs}
    assert "pngImageData" not in segment.read_text()


@MASKS
def test_a_round_of_masks_keeps_no_image_in_its_answers(tmp_path: Path, name: str) -> None:
    driver = driver_of(tmp_path, name)
    driver.run_job()
    (coded,) = (driver.path / driver.keys.rounds).rglob("answers.npz")
    assert b"iVBOR" not in coded.read_bytes()
    labels = [json.loads(line)["job"] for line in driver.output_lines()]
    uris = [each["labeledImage"]["ref"] if isinstance(each, dict) else each for each in labels]
    assert all(Path(uri.removeprefix("file://")).is_file() for uri in uris)
    task = TASK_TYPES[name]
    truth = task.value_of(task.parse_answer(CASES[name][0], LABELS), LABELS)
    for line, uri in zip(driver.output_lines(), uris, strict=True):
        record = json.loads(line)
        value = task.read(record["job"], record["job-metadata"], LABELS).value
        png = Path(uri.removeprefix("file://")).read_bytes()
        is_instances = isinstance(value, Instances)
        read = read_instances(value, png) if is_instances else read_mask(value, png, _classes())
        assert task.disagreement(read, truth) < 0.2


def _classes() -> Classes:
    return Classes.of(LABELS)


def test_a_stage_killed_at_any_write_leaves_every_answer_with_its_image(tmp_path: Path) -> None:
    whole = driver_of(tmp_path / "whole", n=2)
    asked(whole)
    counted = driver_of(tmp_path / "counted", n=2)
    before = counted.run(0, Stage.PREPARE)
    counted.observer = record = KillAt(10_000, after=False)
    counted.run(1, Stage.ANNOTATE, before=before)
    # The config is written by the driver, not by the stage.
    writes = len(record.uris)
    assert writes >= 4
    for number in range(1, writes + 1):
        driver = driver_of(tmp_path / str(number), n=2)
        before = driver.run(0, Stage.PREPARE)
        driver.observer = KillAt(number, after=number % 2 == 0)
        step = Step(round=1, stage=Stage.ANNOTATE, pass_=1)
        with pytest.raises(KilledError):
            driver.start(driver.config(step, before))
        for segment in (driver.path / driver.keys.rounds).rglob("answers/*.jsonl"):
            for ref in re.findall(r'"ref":"([^"]+)"', segment.read_text()):
                assert (segment.parents[1] / ref).is_file()
        driver.observer = lambda *_: None
        assert driver.start(driver.config(step, before)) == 0
        assert segment_of(driver).read_bytes() == segment_of(whole).read_bytes()


def test_a_mask_of_another_size_than_the_image_is_set_aside(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    for number in range(4):
        Image.new("RGB", (80, 60)).save(tmp_path / f"{number}.png")
    report = asked(driver)
    for number in (0, 1):
        edited(driver, number, mask_of(40, 30))
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    # Two of the three masks of the item have another size, and the third one is the label.
    assert report.progressed.counters.human_labeled == 4
    (notice,) = report.notices
    assert notice.reason == "AnswersSetAside"
    assert "2 answers" in notice.message
    found = aside_of(driver, report)
    assert [each["line"] for each in found] == [1, 2]
    assert found[0]["reason"] == (
        "labeledImage must have the size of the image, 80 x 60 pixels; got 40 x 30. "
        "Draw it on the image in full size."
    )
    state = json.loads((driver.path / report.carry["history"].key).read_bytes())
    assert state["rounds"][0]["answersSetAside"] == 2


def test_an_item_with_unusable_answers_alone_says_so(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, n=1)
    Image.new("RGB", (10, 10)).save(tmp_path / "0.png")
    report = driver.run_job()
    assert report.progressed.counters.failed_non_retryable_error == 1
    assert report.progressed.unlabeled_reasons == {"UnusableAnswers": 1}


def test_without_the_image_most_answers_say_what_size_a_mask_has(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    report = asked(driver)
    for number in range(4):
        (tmp_path / f"{number}.png").unlink()
    edited(driver, 1, mask_of(40, 30))
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    (found,) = aside_of(driver, report)
    assert found["line"] == 2
    assert "the size of most answers to this item, 80 x 60" in found["reason"]


def test_an_image_lying_on_its_side_has_the_size_that_people_see(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(4):
        Image.new("RGB", (60, 80)).save(tmp_path / f"{number}.png", "JPEG", exif=exif)
    report = driver.run(1, Stage.CONSOLIDATE, before=asked(driver))
    assert report.notices == ()
    assert report.progressed.counters.human_labeled == 4


@pytest.mark.parametrize(
    "ref", ["s3://other/secret.png", "blobs/../STAGE.json", "blobs/x.png", 7], ids=str
)
def test_an_answer_may_refer_to_blobs_of_its_step_only(tmp_path: Path, ref: object) -> None:
    driver = driver_of(tmp_path)
    report = asked(driver)
    inner = {"labelMappings": {"Heron": {"color": "#4c75d9"}}, "labeledImage": {"ref": ref}}
    edited(driver, 0, {"crowd-semantic-segmentation": inner})
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    (found,) = aside_of(driver, report)
    assert "labeledImage.ref: must be blobs/<sha256>.png" in found["reason"]


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_blob_that_is_not_what_was_stored_stops_the_job(tmp_path: Path, damage: str) -> None:
    driver = driver_of(tmp_path)
    report = asked(driver)
    blob = next((segment_of(driver).parents[1] / "blobs").iterdir())
    if damage == "missing":
        blob.unlink()
    else:
        blob.write_bytes(b"another image")
    step = Step(round=1, stage=Stage.CONSOLIDATE, pass_=1)
    assert driver.start(driver.config(step, report)) == CONFIGURATION
    failure = driver.failure(step)
    assert failure.reason == "StateCorrupted"
    assert blob.name in failure.message


def test_an_image_is_read_once_however_many_answers_have_it(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    report = asked(driver)
    stored = {each.name for each in (segment_of(driver).parents[1] / "blobs").iterdir()}
    read: list[str] = []
    driver.observer = lambda operation, uri, result: (
        read.append(uri.rpartition("/")[2])
        if operation == "get" and "/blobs/" in uri and result is None
        else None
    )
    driver.run(1, Stage.CONSOLIDATE, before=report)
    assert sorted(read) == sorted(stored)


@pytest.mark.parametrize("damage", ["missing", "changed"])
@pytest.mark.parametrize("which", ["rounds/0001/ann-p1/blobs", "consolidated-annotation/output"])
def test_verify_finds_an_image_that_is_not_what_it_was(
    tmp_path: Path, which: str, damage: str
) -> None:
    driver = driver_of(tmp_path)
    driver.run_job()
    assert verify_job(Storage(driver.access), driver.folder_uri).problems == []
    image = next(path for path in sorted(driver.path.rglob("*.png")) if which in str(path))
    if damage == "missing":
        image.unlink()
    else:
        image.write_bytes(b"another image")
    found = verify_job(Storage(driver.access), driver.folder_uri)
    assert any(image.name in problem for problem in found.problems)


def test_a_label_that_is_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    driver.run_job()
    for number, raw in enumerate(driver.output_lines()):
        path = Path(json.loads(raw)["job"].removeprefix("file://"))
        assert path.parent == driver.path / f"annotations/consolidated-annotation/output/{number}"
        assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()


def test_images_inside_the_answers_are_read_as_well(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    report = asked(driver)
    for number in range(3):
        edited(driver, number, CASES["SemanticSegmentation"][0])
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    assert report.progressed.counters.human_labeled == 4
    assert report.notices == ()


def test_ground_truths_layout_has_the_images_inside(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    driver.spec = {"output_layout": "GroundTruth"}
    driver.run_job()
    (response,) = (driver.path / "annotations/worker-response/iteration-1/3").iterdir()
    for answer in json.loads(response.read_bytes())["answers"]:
        image = answer["answerContent"]["crowd-semantic-segmentation"]["labeledImage"]
        assert base64.b64decode(image["pngImageData"]).startswith(b"\x89PNG")
