"""`surelabel report`: the page of a job, from its folder, to a file or standard output."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel_cli.main import app
from surelabel_contract.steps import Stage
from workloads.stages.mini_driver import MiniDriver


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def driver(tmp_path: Path) -> MiniDriver:
    driver = MiniDriver(tmp_path, accuracies=(1000,) * 4)
    driver.write_input([{"source": f"text {n}"} for n in range(4)], ["0", "1", "0", "1"])
    return driver


def test_the_page_goes_to_standard_output(driver: MiniDriver) -> None:
    driver.run_job()
    code, out, _ = run(driver.path)
    assert (code, out) == (0, (driver.path / "report/report.html").read_text())


def test_the_page_goes_to_the_file_that_is_named(driver: MiniDriver, tmp_path: Path) -> None:
    driver.run_job()
    out = tmp_path / "page.html"
    code, shown, said = run(driver.folder_uri, "-o", out)
    assert (code, shown) == (0, "")
    assert out.read_bytes() == (driver.path / "report/report.html").read_bytes()
    assert said == f"{out}: {out.stat().st_size:,} bytes.\n"


def test_a_job_that_goes_on_has_a_page_too(driver: MiniDriver) -> None:
    driver.run(0, Stage.PREPARE)
    owner = f'{{"stateRoot": "{driver.keys.root}", "finished": false}}'
    (driver.path / "OWNER.json").write_text(owner)
    code, out, _ = run(driver.path)
    assert code == 0
    assert "The job goes on; so far 0 of 4 items have a label." in out


def test_a_folder_without_a_job_is_told(tmp_path: Path) -> None:
    code, out, said = run(tmp_path / "mistyped")
    assert (code, out) == (1, "")
    assert f"{tmp_path}/mistyped: nothing of a job lies there" in said


def test_a_missing_object_is_told(driver: MiniDriver) -> None:
    report = driver.run_job()
    (driver.path / report.carry["labels"].key).unlink()
    code, _, said = run(driver.path)
    assert code == 1
    assert f"{report.carry['labels'].key} is missing. Restore it" in said


def test_what_no_job_wrote_is_told(driver: MiniDriver) -> None:
    driver.run_job()
    (driver.path / driver.keys.rounds / "0002/exp-p1/COMMITTED.json").write_text("{}")
    code, _, said = run(driver.path)
    assert code == 1
    assert "what lies there is not what a job writes" in said
    assert "surelabel verify" in said


def test_an_output_in_no_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    code, _, said = run(tmp_path / "mistyped", "-o", tmp_path / "no" / "page.html")
    assert code == 1
    assert said.startswith("surelabel: --out: there is no folder")
