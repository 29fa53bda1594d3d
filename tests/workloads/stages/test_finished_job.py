"""What `verify` finds in a folder: a chain of commits that is whole, broken, or not at its end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from surelabel.stages.finished_job import NothingToVerifyError
from surelabel.stages.verification import Verification, verify_job
from surelabel_contract.stages import StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

CHAIN = ["0000/pre-p1", *(f"000{n}/{stage}-p1" for n in (1, 2, 3) for stage in ("ann", "con"))]


def driver_of(root: Path) -> MiniDriver:
    driver = MiniDriver(root, accuracies=(1000,) * 4, spec={"max_open_items": 5})
    driver.write_input(
        [{"source": f"text {n}"} for n in range(12)], [str(n % 2) for n in range(12)]
    )
    return driver


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """A job of three rounds."""
    driver = driver_of(tmp_path_factory.mktemp("ended"))
    driver.run_job()
    return driver


@pytest.fixture
def copied(ended: MiniDriver, tmp_path: Path) -> Path:
    shutil.copytree(ended.path, tmp_path / "job")
    return tmp_path / "job"


def verified(folder: Path) -> Verification:
    return verify_job(Storage(StorageAccess(prefixes=None, local_files=True)), folder.as_uri())


def own(folder: Path, driver: MiniDriver, *, finished: bool) -> None:
    """OWNER.json, as far as it is read here."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = {"stateRoot": driver.keys.root, "finished": finished}
    (folder / "OWNER.json").write_text(json.dumps(owner))


def commit_of(driver: MiniDriver, folder: Path, step: str) -> Path:
    return folder / driver.keys.rounds / step / "COMMITTED.json"


def test_a_whole_chain_holds(ended: MiniDriver) -> None:
    assert [report.step.key for report in ended.reports[:-1]] == CHAIN
    assert verified(ended.path).problems == []


@pytest.mark.parametrize("step", CHAIN)
def test_a_missing_commit_of_an_earlier_step_is_named(
    ended: MiniDriver, copied: Path, step: str
) -> None:
    commit_of(ended, copied, step).unlink()
    (problem,) = verified(copied).problems
    assert problem.startswith(f"{ended.keys.rounds}{step}/COMMITTED.json is missing")
    assert "Restore it" in problem


def test_a_round_of_which_nothing_is_left_is_missed(ended: MiniDriver, copied: Path) -> None:
    for step in ("0002/ann-p1", "0002/con-p1"):
        commit_of(ended, copied, step).unlink()
    # Nothing names their outputs any more.
    for step in ("0003/ann-p1", "0003/con-p1", "0004/exp-p1"):
        path = commit_of(ended, copied, step)
        report = json.loads(path.read_text())
        for refs in (report["inputs"], report["carry"]):
            kept = {role: ref for role, ref in refs.items() if "/0002/" not in ref["key"]}
            refs.clear()
            refs.update(kept)
        path.write_text(json.dumps(report))
    said = f"the commits between 0001/con-p1 and 0003/ann-p1 are missing below {ended.keys.rounds}."
    assert said in verified(copied).problems


def test_a_commit_in_the_place_of_another_is_caught(ended: MiniDriver, copied: Path) -> None:
    first, second = (commit_of(ended, copied, f"000{n}/con-p1") for n in (1, 2))
    shutil.copyfile(first, second)
    said = f"{ended.keys.rounds}0002/con-p1/COMMITTED.json is the commit of another step"
    assert any(problem.startswith(said) for problem in verified(copied).problems)


def test_a_step_that_was_left_for_another_is_not_missed(ended: MiniDriver, copied: Path) -> None:
    config = copied / ended.keys.config(Step(round=1, stage=Stage.TRAIN), 1)
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    assert verified(copied).problems == []


@pytest.mark.parametrize("has_owner", [True, False])
def test_a_job_that_has_ended_without_the_commit_of_its_export_is_refuted(
    ended: MiniDriver, copied: Path, has_owner: bool
) -> None:
    if has_owner:
        own(copied, ended, finished=True)
    commit_of(ended, copied, "0004/exp-p1").unlink()
    (problem,) = verified(copied).problems
    assert "the commit of its export is missing" in problem
    assert "0003/con-p1" in problem


def test_results_without_any_of_their_commits_are_refuted(ended: MiniDriver, copied: Path) -> None:
    shutil.rmtree(copied / ended.keys.rounds)
    (problem,) = verified(copied).problems
    assert "the commit of its export is missing" in problem
    assert "of no step" in problem


def test_a_job_that_has_not_ended_is_told_with_its_last_step(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    own(driver.path, driver, finished=False)
    with pytest.raises(NothingToVerifyError, match="has not ended: no step is committed yet"):
        verified(driver.path)
    report = driver.run(0, Stage.PREPARE)
    driver.run(1, Stage.ANNOTATE, before=report)
    with pytest.raises(NothingToVerifyError, match=r"round 1, annotate \(0001/ann-p1\)"):
        verified(driver.path)


def test_a_job_that_ended_before_its_first_commit_has_nothing_to_verify(tmp_path: Path) -> None:
    driver = driver_of(tmp_path)
    own(driver.path, driver, finished=True)
    with pytest.raises(NothingToVerifyError, match="ended before its first step"):
        verified(driver.path)


def test_a_folder_without_a_job_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NothingToVerifyError, match=r"nothing of a job lies there.* Give <output"):
        verified(tmp_path / "mistyped")
