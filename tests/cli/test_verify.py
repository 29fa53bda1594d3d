"""`surelabel verify`: its exit status tells proven, refuted and unknown apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel_cli.main import app
from surelabel_contract.stages import AutoLabeling
from surelabel_contract.steps import Stage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROVEN, REFUTED, CANNOT_BE_CHECKED = 0, 1, 2


def run(uri: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", str(uri)])
    return result.exit_code, result.output


@pytest.fixture
def driver(tmp_path: Path) -> MiniDriver:
    driver = MiniDriver(tmp_path, accuracies=(1000,) * 4)
    driver.write_input([{"source": f"text {n}"} for n in range(4)], ["0", "1", "0", "1"])
    return driver


def test_a_job_whose_store_agrees_is_proven(driver: MiniDriver) -> None:
    driver.run_job()
    assert run(driver.path) == (
        PROVEN,
        f"{driver.folder_uri}: 4 lines, 4 human labels, 0 machine labels.\n"
        "Verified: no machine labels stand, so nothing had to be certified.\n",
    )


def test_labels_that_the_input_brought_are_told_apart(driver: MiniDriver) -> None:
    items = [{"source": f"text {n}"} for n in range(4)]
    driver.write_input([{**items[0], "job": 1}, *items[1:]], ["0", "1", "0", "1"])
    driver.run_job()
    code, said = run(driver.path)
    assert code == PROVEN, said
    assert "4 lines, 3 human labels, 0 machine labels, 1 that the input brought." in said


def test_a_missing_commit_refutes(driver: MiniDriver) -> None:
    driver.run_job()
    commit = driver.keys.rounds + "0001/con-p1/COMMITTED.json"
    (driver.path / commit).unlink()
    code, said = run(driver.path)
    assert code == REFUTED
    assert f"no: {commit} is missing" in said
    assert "NOT verified." in said


@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_an_answer_that_was_changed_or_deleted_refutes(driver: MiniDriver, how: str) -> None:
    driver.run_job()
    segment = next(driver.path.glob(driver.keys.rounds + "0001/ann-p1/**/answers/*.jsonl"))
    if how == "deleted":
        segment.unlink()
    else:
        segment.write_bytes(segment.read_bytes().replace(b'"0"', b'"1"', 1))
    code, said = run(driver.path)
    assert code == REFUTED
    name = segment.relative_to(driver.path)
    wrong = "is missing" if how == "deleted" else "is not what annotate wrote"
    assert f"no: {name} (answers) {wrong}" in said


def test_a_manifest_that_is_no_json_any_more_refutes(driver: MiniDriver) -> None:
    driver.run_job()
    path = driver.path / "manifests/output/output.manifest"
    path.write_bytes(path.read_bytes().replace(b'"job-metadata":{', b'"job-metadata":'))
    code, said = run(driver.path)
    assert code == REFUTED
    assert "manifests/output/output.manifest (manifest) is not what export wrote" in said


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """A finished job with machine labels and their certificate."""
    promise = AutoLabeling(
        target_error_permille=100, risk_permille=200, seed_items=60, items_per_round=40
    )
    driver = digits_driver(tmp_path_factory.mktemp("digits") / "job", 500, auto_labeling=promise)
    driver.run_job()
    return driver


def test_a_proof_has_the_counts_and_the_bound(certified: MiniDriver) -> None:
    code, said = run(certified.path)
    assert code == PROVEN, said
    assert "job: 500 lines, " in said
    assert "With 80 % confidence at most " in said
    assert said.endswith("Verified: the certificate holds.\n")


def test_a_refutation_has_neither_counts_nor_a_bound(certified: MiniDriver, tmp_path: Path) -> None:
    shutil.copytree(certified.path, tmp_path / "job")
    path = tmp_path / "job/manifests/output/output.manifest"
    lines = path.read_bytes().splitlines(keepends=True)
    # Recomputing stops here, after a few of the 500 lines and with a certificate in its hands.
    lines[3] = b"{}\n"
    path.write_bytes(b"".join(lines))
    code, said = run(tmp_path / "job")
    assert code == REFUTED
    assert "output.manifest (manifest) is not what export wrote" in said
    assert said.endswith(
        "NOT verified. The certificate promises nothing about what lies in "
        f"{(tmp_path / 'job').as_uri()}.\n"
    )
    assert " labels" not in said.replace("machine labels; the account covers", "")
    assert "confidence" not in said


def test_a_mistyped_path_cannot_be_checked(tmp_path: Path) -> None:
    code, said = run(tmp_path / "mistyped")
    assert code == CANNOT_BE_CHECKED
    assert f"Cannot verify {tmp_path}/mistyped: nothing of a job lies there" in said


def test_a_job_that_goes_on_cannot_be_checked_yet(driver: MiniDriver) -> None:
    driver.run(0, Stage.PREPARE)
    owner = {"stateRoot": driver.keys.root, "finished": False}
    (driver.path / "OWNER.json").write_text(json.dumps(owner))
    code, said = run(driver.path)
    assert code == CANNOT_BE_CHECKED
    assert "has not ended: its last committed step is round 0, prepare" in said


def test_a_store_that_cannot_be_read_leaves_it_open() -> None:
    code, said = run("ftp://host/job")
    assert code == CANNOT_BE_CHECKED
    assert "scheme must be one of s3, gs, az, file" in said
