"""Images by URI: formats, orientation, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from surelabel.items import ItemIndex, ItemReader
from surelabel_contract.stages import AutoLabeling
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(target_error_permille=50, risk_permille=50, seed_items=2)


def picture() -> Image.Image:
    """Different in every corner, so that no two orientations are equal."""
    pixels = np.zeros((48, 32, 3), np.uint8)
    pixels[:12, :, 0] = 255
    pixels[:, :8, 1] = 200
    pixels[24:40, 20:28] = 120
    return Image.fromarray(pixels)


def features_of(root: Path, names: list[str]) -> np.ndarray:
    driver = MiniDriver(root, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{root}/{name}"} for name in names], ["0"])
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {}
    folder = Storage(driver.access).folder(driver.folder_uri)
    index = ItemIndex.from_json(folder.read(report.carry["index"].key))
    return np.asarray(ItemReader(folder, index).features(0)[1])


def test_png_jpeg_and_webp_of_one_picture_look_alike(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    picture().save(tmp_path / "a.jpg", quality=95)
    picture().save(tmp_path / "a.webp", lossless=True)
    picture().rotate(180).save(tmp_path / "other.png")
    found = features_of(tmp_path, ["a.png", "a.jpg", "a.webp", "other.png"])
    distance = np.linalg.norm(found - found[0], axis=1)
    assert distance[1] < 0.3 * distance[3]
    assert distance[2] < 1e-3


def test_exif_orientation_is_respected(tmp_path: Path) -> None:
    upright = picture()
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    # 6: to be turned by 90 degrees clockwise for showing.
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "turned.jpg", exif=exif, quality=95
    )
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "ignored.jpg", quality=95)
    found = features_of(tmp_path, ["upright.png", "turned.jpg", "ignored.jpg"])
    distance = np.linalg.norm(found - found[0], axis=1)
    assert distance[1] < 0.3 * distance[2]


def test_broken_and_missing_images_fail_alone(tmp_path: Path) -> None:
    picture().save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    names = ["good.png", "broken.png", "missing.png", "cut.png"]
    driver = MiniDriver(tmp_path, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{tmp_path}/{n}"} for n in names], ["0"] * 4)
    report = driver.run_job()
    assert report.progressed.unlabeled_reasons == {"BrokenMedia": 2, "MissingMedia": 1}
    assert report.progressed.counters.human_labeled == 1
    text = (driver.path / "report/unlabeled.jsonl").read_text().splitlines()
    assert "missing.png does not exist" in text[1]


def test_when_all_images_are_missing_the_manifest_is_at_fault(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{tmp_path}/{n}.png"} for n in range(3)], ["0"])
    step = Step(round=0, stage=Stage.PREPARE)
    assert driver.start(driver.config(step, None)) == 2
    failure = driver.failure(step)
    assert failure.reason == "AllMediaMissing"
    assert "line 1" in failure.message
