"""Sources in jobs that people label alone: nobody is asked about what nobody could look at."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from surelabel.tasks import TASK_TYPES
from surelabel_contract.steps import Stage, Step
from workloads.stages.mini_driver import MiniDriver

PREPARE = Step(round=0, stage=Stage.PREPARE)
KNOWN = sorted(name for name, each in TASK_TYPES.items() if not each.takes_any_source)
ANY = sorted(name for name, each in TASK_TYPES.items() if each.takes_any_source)


def driver_of(root: Path, task_type: str, names: list[str]) -> MiniDriver:
    driver = MiniDriver(root, task_type=task_type)
    lines = [{"source-ref": f"file://{root}/{name}"} for name in names]
    driver.write_input(lines, ["0"] * len(names))
    return driver


def good_source(task_type: str) -> bytes:
    if TASK_TYPES[task_type].source_kind == "text":
        return b"a text"
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("task_type", KNOWN)
def test_what_cannot_be_read_fails_alone(tmp_path: Path, task_type: str) -> None:
    (tmp_path / "good").write_bytes(good_source(task_type))
    (tmp_path / "broken").write_bytes(b"\xff\xfe\xfdnotapng")
    driver = driver_of(tmp_path, task_type, ["missing", "good", "broken", "elsewhere"])
    manifest = tmp_path / "input.manifest"
    elsewhere = f"file://{tmp_path}/elsewhere"
    manifest.write_text(manifest.read_text().replace(elsewhere, "s3://another-team/secret.png"))
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {
        "BrokenMedia": 1,
        "MissingMedia": 1,
        "StorageNotAllowed": 1,
    }
    assert report.next.task_items == 1


@pytest.mark.parametrize("task_type", KNOWN)
def test_a_manifest_whose_sources_are_all_missing_is_the_users_to_mend(
    tmp_path: Path, task_type: str
) -> None:
    driver = driver_of(tmp_path, task_type, ["one", "two"])
    assert driver.start(driver.config(PREPARE, None)) == 2
    failure = driver.failure(PREPARE)
    assert (failure.configuration, failure.reason) == (True, "AllMediaMissing")
    assert "line 1" in failure.message


@pytest.mark.parametrize("task_type", ANY)
def test_what_may_be_anything_is_looked_up_and_not_read(tmp_path: Path, task_type: str) -> None:
    """A video of some gigabytes is nothing that prepare could read."""
    with (tmp_path / "video").open("wb") as file:
        file.truncate(50_000_000_000)
    driver = driver_of(tmp_path, task_type, ["video", "missing"])
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {"MissingMedia": 1}
    assert report.next.task_items == 1


def test_the_report_lists_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(good_source("ImageClassification"))
    driver = driver_of(tmp_path, "ImageClassification", ["good", "missing"])
    report = driver.run_job()
    counters = report.progressed.counters
    assert (counters.human_labeled, counters.failed_non_retryable_error) == (1, 1)
    (left,) = (driver.path / "report/unlabeled.jsonl").read_text().splitlines()
    assert "MissingMedia" in left
    assert f"file://{tmp_path}/missing does not exist." in left
