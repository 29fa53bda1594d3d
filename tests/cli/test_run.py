"""``surelabel run`` from job file to exit status; its stages are real, in plain processes.

With a real Ray: test_run_on_ray.py.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.run_jobs import JOB, LABELS, read_output, write_data, write_job
from process_backend import ProcessBackend
from surelabel_cli import run as run_module
from surelabel_cli.job_file import read_job_file
from surelabel_cli.main import app
from surelabel_cli.samples import SAMPLES
from surelabel_operator.cluster import EventDraft
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.local import run_in_folder
from surelabel_operator.resources import LabelingJob

runner = CliRunner()


class NoRay:
    """Counts its starts instead of starting Ray."""

    starts = 0
    url = "http://127.0.0.1:1"
    token = "none"

    def __init__(self, folder: Path) -> None:
        del folder

    def __enter__(self) -> NoRay:
        NoRay.starts += 1
        return self

    def __exit__(self, *_: object) -> None:
        return None


class WaitedFor(ProcessBackend):
    """Waits at its end for the processes that it started."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._processes: list[subprocess.Popen[bytes]] = []

    def _start(self, *arguments: Any) -> None:
        super()._start(*arguments)
        if self._process is not None:
            self._processes.append(self._process)

    async def close(self) -> None:
        await super().close()
        for process in self._processes:
            process.wait(30)


async def run_in_processes(
    folder: Path,
    _url: str,
    _token: str,
    resources: Sequence[Mapping[str, Any]],
    on_status: Callable[[LabelingJob], None],
    *,
    on_event: Callable[[EventDraft], None],
    python: str,
    entrypoints: Sequence[str],
) -> LabelingJob:
    def build(changed: Callable[[str, str], None]) -> tuple[WaitedFor, WaitedFor]:
        command = f"{python} -m surelabel.stages"
        backend = WaitedFor(folder / "processes", changed, command=command)
        return backend, backend

    return await run_in_folder(
        folder, resources, build, on_status=on_status, on_event=on_event, entrypoints=entrypoints
    )


@pytest.fixture(autouse=True)
def processes_instead_of_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    NoRay.starts = 0
    monkeypatch.setattr(run_module, "LocalRay", NoRay)
    monkeypatch.setattr(run_module, "run_local", run_in_processes)
    yield


@pytest.fixture(autouse=True)
def event_loop_that_is_closed() -> Iterator[None]:
    """Where none is set, looptime makes one for every test that is no coroutine, and leaves it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


def test_a_job_runs_to_its_manifest_and_exit_status_0(tmp_path: Path) -> None:
    write_data(tmp_path / "run")
    job = write_job(tmp_path / "job.yaml")
    result = runner.invoke(app, ["run", str(job), "--workdir", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    lines = read_output(tmp_path / "run")
    assert [line["page"] for line in lines] == list(range(12))
    assert [LABELS.index("good") if line["mood"] == 0 else 1 for line in lines] == [0, 1] * 6
    manifest = (tmp_path / "run/out/small/manifests/output/output.manifest").as_uri()
    assert manifest in result.stdout.splitlines()
    assert "small: succeeded (AllLabeled)" in result.stdout


def test_json_is_the_status_on_one_line_also_of_a_run_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Where the run is unless told otherwise.
    write_data(tmp_path / "surelabel-run" / "small")
    arguments = ["run", str(write_job(tmp_path / "job.yaml")), "--json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    status = json.loads(line)
    assert status["labelCounters"]["humanLabeled"] == 12
    assert status["output"]["manifest"].startswith("file:///")
    again = runner.invoke(app, arguments)
    assert (again.exit_code, again.stdout) == (0, result.stdout)
    assert "has ended before" in again.stderr
    assert NoRay.starts == 1


def test_a_mistake_that_a_stage_finds_is_told_and_mended_by_another_start(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["run", str(write_job(tmp_path / "job.yaml")), "--workdir", str(folder)]
    failed = runner.invoke(app, arguments)
    assert failed.exit_code == 1
    assert failed.stdout.startswith("small: stalled: ManifestNotFound: prepare round 0 attempt 1: ")
    # Once, and without what helps in a cluster only.
    assert failed.output.count("in.manifest does not exist. Upload it") == 1
    assert "Mend it and start the same command again" in failed.stdout
    assert "any field of spec" not in failed.stdout
    assert "stalled: ManifestNotFound\n" in failed.stderr
    assert "Traceback" not in failed.output
    as_json = runner.invoke(app, [*arguments, "--json"])
    assert json.loads(as_json.stdout)["step"]["stage"] == "prepare"
    assert as_json.stderr.count("in.manifest does not exist. Upload it") == 1
    write_data(folder)
    assert runner.invoke(app, arguments).exit_code == 0
    assert len(read_output(folder)) == 12


def test_a_damaged_file_of_an_earlier_run_is_told(tmp_path: Path) -> None:
    file = tmp_path / "run" / "cluster" / "labelingjobs" / "default" / "small.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    job = write_job(tmp_path / "job.yaml")
    result = runner.invoke(app, ["run", str(job), "--workdir", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "its file of LabelingJob small is no JSON any more" in result.output
    assert "Choose another --workdir" in result.output


def test_what_cannot_change_is_refused_as_the_api_server_does(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    cluster = FolderCluster(folder / "cluster")
    cluster.apply(read_job_file(write_job(tmp_path / "job.yaml")).in_folder(folder).job)
    write_job(tmp_path / "job.yaml", JOB.replace("{name: bad}", "{name: awful}"))
    result = runner.invoke(app, ["run", str(tmp_path / "job.yaml"), "--workdir", str(folder)])
    assert result.exit_code == 1
    assert "spec.labels" in result.stderr
    assert "names and order of labels are immutable" in result.stderr


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_data(folder)
    other = FolderCluster(folder / "cluster")
    other.open()
    try:
        job = write_job(tmp_path / "job.yaml")
        result = runner.invoke(app, ["run", str(job), "--workdir", str(folder)])
    finally:
        other.close()
    assert result.exit_code == 1
    assert "is in use by another process" in result.stderr


def test_a_suspended_job_is_refused_at_once(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job.yaml", JOB.replace("spec:\n", "spec:\n  suspend: true\n", 1))
    result = runner.invoke(app, ["run", str(job), "--workdir", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "spec.suspend: is true, so nothing would run" in result.stderr
    assert NoRay.starts == 0


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_model_of_others_needs_to_be_named_by_who_runs_it(tmp_path: Path, command: str) -> None:
    auto = "spec:\n  autoLabeling:\n    model:\n      entrypoint: no_module:Net\n"
    job = write_job(tmp_path / "job.yaml", JOB.replace("spec:\n", auto, 1))
    place = ["--workdir", str(tmp_path / "run")]
    for allowed in ([], ["--allow-entrypoint", "other:"], ["--allow-entrypoint", "no_mod"]):
        result = runner.invoke(app, [command, str(job), *place, *allowed])
        assert result.exit_code == 1
        assert "spec.autoLabeling.model.entrypoint: is code that would run" in result.stderr
        assert "--allow-entrypoint no_module:Net" in result.stderr
    assert NoRay.starts == 0


def test_a_model_of_others_that_is_named_runs(tmp_path: Path) -> None:
    auto = "spec:\n  autoLabeling:\n    model:\n      entrypoint: no_module:Net\n"
    job = write_job(tmp_path / "job.yaml", JOB.replace("spec:\n", auto, 1))
    write_data(tmp_path / "run")
    arguments = ["run", str(job), "--workdir", str(tmp_path / "run")]
    result = runner.invoke(app, [*arguments, "--allow-entrypoint", "no_module:"])
    # It was allowed to run; that there is no such module is found by the stage.
    assert result.exit_code == 1
    assert "ModelNotUsable" in result.stdout + result.stderr
    assert "no_module cannot be imported" in result.stdout + result.stderr


def test_an_invalid_job_leaves_no_folder_behind(tmp_path: Path) -> None:
    job = write_job(
        tmp_path / "job.yaml", JOB.replace("annotatorsPerItem: 3", "annotatorsPerItem: 0")
    )
    result = runner.invoke(app, ["run", str(job), "--workdir", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "spec.workforce.annotatorsPerItem" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("boxes", "shapes"),
        ("entities", "mentions"),
        ("outlines", "shapes"),
        ("corrections", "corrected"),
    ],
)
def test_samples_of_other_task_types_run_to_their_manifest(
    tmp_path: Path, name: str, attribute: str
) -> None:
    result = runner.invoke(app, ["run", str(SAMPLES / f"{name}.yaml"), "--workdir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    path = tmp_path / "out" / name / "manifests" / "output" / "output.manifest"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 80
    assert all(attribute in line and f"{attribute}-metadata" in line for line in lines)
    if name == "corrections":
        # People saw the earlier labels, and changed those that were wrong.
        said = [line["corrected-metadata"]["adjustment-status"] for line in lines]
        assert 30 < said.count("adjusted") < 85
        assert set(said) == {"adjusted", "unadjusted"}
