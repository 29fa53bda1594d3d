"""The command line itself: help at once, one message for a mistake, exit statuses."""

from __future__ import annotations

import errno
import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel_cli.main import app

# What takes long to import and no command needs before it runs.
HEAVY = ("ray", "pydantic", "numpy", "sklearn", "aiohttp", "kubernetes", "obstore", "rich", "yaml")
SAMPLES = Path(__file__).parents[2] / "crds" / "samples"
COMMANDS = ("run", "up", "validate", "verify", "demo", "version")

runner = CliRunner()


def test_help_names_every_command() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(f"\n  {command} " in result.output for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from surelabel_cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("asked", ["version", "--version"])
def test_version_prints_a_version(asked: str) -> None:
    result = runner.invoke(app, [asked])
    assert (result.exit_code, result.output) == (0, f"{installed('surelabel')}\n")


def test_a_wrong_option_is_exit_status_2() -> None:
    result = runner.invoke(app, ["run", "x.yaml", "--wrokdir", "y"])
    assert result.exit_code == 2
    assert "--wrokdir" in result.output


def test_a_mistake_is_one_message_without_a_traceback(tmp_path: Path) -> None:
    result = runner.invoke(app, ["run", str(tmp_path / "missing.yaml")])
    assert result.exit_code == 1
    assert result.output.startswith("surelabel: ")
    assert "missing.yaml: cannot be read: No such file or directory" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["run", "up", "demo"])
@pytest.mark.parametrize("below", ["", "folder"], ids=["a file", "below a file"])
def test_a_work_folder_that_cannot_be_one_is_refused(
    tmp_path: Path, command: str, below: str
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    job = [str(SAMPLES / "reviews.yaml")] if command == "run" else []
    result = runner.invoke(app, [command, *job, "--workdir", str(file / below)])
    assert result.exit_code == 1
    assert "surelabel: --workdir: must be a folder that you may write in; got" in result.output
    assert str(file / below) in result.output
    assert "Choose another --workdir." in result.output
    assert file.read_text() == "mine"


def test_a_work_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    # Root, who runs the tests in many places, may write everywhere.
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    arguments = ["run", str(SAMPLES / "reviews.yaml"), "--workdir", str(tmp_path)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 1
    assert f"got {tmp_path} (Permission denied). Choose another --workdir." in result.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/x"), "/x: Is a directory. Mend that"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk: No space left on device."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_machine_refuses_is_told_as_a_message(
    monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr("surelabel_cli.run.run", fails)
    result = runner.invoke(app, ["run", "job.yaml"])
    assert result.exit_code == 1
    assert result.output.startswith(f"surelabel: {said}")


@pytest.mark.parametrize(
    "error",
    [PermissionError(errno.EPERM, "Operation not permitted"), FileNotFoundError(2, "x", "y")],
)
def test_an_error_of_the_machine_that_no_user_can_mend_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr("surelabel_cli.run.run", fails)
    assert runner.invoke(app, ["run", "job.yaml"]).exception is error


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("[]", "Expected `object`, got `array`"),
        ('{"a":' * 100_000, "maximum recursion depth exceeded"),
        ('{"stateRoot": 5, "step": 7}', "Expected `str`, got `int` - at `$.stateRoot`"),
        ("\xff", "JSON is malformed"),
    ],
    ids=["a list", "nested without end", "other fields", "no JSON"],
)
def test_verify_of_something_else_says_so(tmp_path: Path, report: str, said: str) -> None:
    # A folder is no URI: its name is taken as it is.
    folder = tmp_path / "50 %20"
    (folder / "report").mkdir(parents=True)
    (folder / "report" / "report.json").write_text(report, encoding="latin-1")
    result = runner.invoke(app, ["verify", str(folder)])
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert "report/report.json is not what a job writes: " in result.output
    assert said in result.output
    assert "NOT verified." in result.output


@pytest.mark.parametrize("uri", ["http://bucket/job", "s4://bucket/job", "file://host/job"])
def test_verify_of_a_uri_that_no_store_has_says_so(uri: str) -> None:
    result = runner.invoke(app, ["verify", uri])
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
    assert f"Cannot verify {uri}: " in result.output


def test_a_bug_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> int:
        raise RuntimeError("a bug")

    monkeypatch.setattr("surelabel_cli.run.run", fails)
    result = runner.invoke(app, ["run", str(tmp_path / "job.yaml")])
    assert isinstance(result.exception, RuntimeError)


def test_interruption_is_exit_status_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("surelabel_cli.run.run", interrupted)
    assert runner.invoke(app, ["run", str(tmp_path / "job.yaml")]).exit_code == 130


def test_validate_is_wired(tmp_path: Path) -> None:
    manifest = tmp_path / "in.manifest"
    manifest.write_text('{"source": "hello"}\n')
    result = runner.invoke(app, ["validate", str(manifest), "--task-type", "TextClassification"])
    assert result.exit_code == 0, result.output
