"""The command line itself: help at once, one message for a mistake, exit statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel_cli.main import app

# What takes long to import and no command needs before it runs.
HEAVY = ("ray", "pydantic", "numpy", "sklearn", "aiohttp", "kubernetes", "obstore", "rich", "yaml")
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


def test_version_prints_a_version() -> None:
    result = runner.invoke(app, ["version"])
    assert result.output.strip()[0].isdigit()


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
