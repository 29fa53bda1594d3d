"""A stage goes on with a predecessor's state only where the manifest has the bytes of then."""

from __future__ import annotations

from pathlib import Path

import pytest

from surelabel_contract.stages import JobRef, StageReport
from surelabel_contract.steps import Stage, Step
from workloads.stages.mini_driver import MiniDriver

SUCCESSOR = JobRef(namespace="default", name="job", uid="another-uid", installation="test")
CONFIGURATION = 2


@pytest.fixture
def driver(tmp_path: Path) -> MiniDriver:
    driver = MiniDriver(tmp_path, accuracies=(1000,) * 3)
    driver.write_input([{"source": f"text {n}"} for n in range(4)], ["0", "1", "0", "1"])
    return driver


@pytest.fixture
def prepared(driver: MiniDriver) -> StageReport:
    return driver.run(0, Stage.PREPARE)


def manifest_of(driver: MiniDriver) -> Path:
    return driver.root / "input.manifest"


def test_the_same_bytes_written_again_are_the_same_manifest(
    driver: MiniDriver, prepared: StageReport
) -> None:
    path = manifest_of(driver)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    report = driver.run(1, Stage.ANNOTATE, before=prepared, job=SUCCESSOR)
    assert report.annotate is not None
    assert report.annotate.items_answered == 4


def test_another_content_of_the_same_size_is_refused_with_both_digests_until_it_is_put_back(
    driver: MiniDriver, prepared: StageReport
) -> None:
    path, step = manifest_of(driver), Step(round=1, stage=Stage.ANNOTATE)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"text", b"word"))
    config = driver.config(step, prepared, job=SUCCESSOR)
    assert driver.start(config) == CONFIGURATION
    failure = driver.failure(step, config.attempt)
    assert failure.reason == "ManifestChanged"
    assert "spec.output.takeOver: input.manifest must be the one" in failure.message
    assert f"… with {len(content)} bytes. Put that back" in failure.message
    path.write_bytes(content)
    driver.run(1, Stage.ANNOTATE, before=prepared, job=SUCCESSOR)


def test_a_manifest_that_is_gone_is_not_needed_any_more(
    driver: MiniDriver, prepared: StageReport
) -> None:
    manifest_of(driver).unlink()
    driver.run(1, Stage.ANNOTATE, before=prepared, job=SUCCESSOR)


def test_the_owner_of_the_state_reads_the_manifest_once_only(
    driver: MiniDriver, prepared: StageReport
) -> None:
    path = manifest_of(driver)
    path.write_bytes(path.read_bytes().replace(b"text", b"word"))
    driver.run(1, Stage.ANNOTATE, before=prepared)


def test_before_prepare_has_committed_there_is_nothing_to_compare(driver: MiniDriver) -> None:
    report = driver.run(0, Stage.PREPARE, job=SUCCESSOR)
    assert report.progressed.counters.total == 4
