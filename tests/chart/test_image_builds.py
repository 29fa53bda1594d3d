"""``make images``: which engine it takes and what it asks of it. No engine runs here."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from chart.rendering import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def make_images(folder: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """``make images`` on a machine whose only engines lie in ``folder``."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "bash", "make", "sed", "git", "env", "dirname"):
        found = next(Path(p) / name for p in os.get_exec_path() if (Path(p) / name).exists())
        (tools / name).symlink_to(found)
    return subprocess.run(
        ["make", "images", *variables],
        cwd=ROOT,
        env={"PATH": f"{folder}:{tools}", "SOURCE_DATE_EPOCH": "1767225600", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def write_engine(folder: Path, name: str, works: bool = True) -> None:
    """An engine that notes what it was asked; without a server it knows nothing of itself."""
    path = folder / name
    path.write_text(
        f'#!/bin/sh\n[ "$1" != info ] || exit {int(not works)}\necho "$0 $*" >>{folder}/asked\n'
    )
    path.chmod(0o755)


def test_without_an_engine_one_line_says_so(tmp_path: Path) -> None:
    write_engine(tmp_path, "docker", works=False)
    done = make_images(tmp_path)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [
        "None of podman, docker and buildah works here: install one, or name it "
        "(make images ENGINE=...)."
    ]


@pytest.mark.parametrize("engine", ["podman", "docker", "buildah"])
def test_the_engine_that_is_there_builds_both_images(tmp_path: Path, engine: str) -> None:
    write_engine(tmp_path, engine)
    done = make_images(tmp_path)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2
    for command, image in zip(asked, ("operator", "workloads"), strict=True):
        words = command.split()
        assert words[:2] == [str(tmp_path / engine), "build"]
        assert words[2:4] == ["--file", f"containers/Containerfile.{image}"]
        assert words[-3:] == ["--tag", f"surelabel/{image}:{VERSION}", "."]
        assert "SOURCE_DATE_EPOCH=1767225600" in words
        assert f"VERSION={VERSION}" in words
        # Only these two date the files; BuildKit dates the image by the argument.
        assert ("--timestamp 1767225600" in command) == (engine != "docker")


def test_podman_is_taken_before_docker(tmp_path: Path) -> None:
    write_engine(tmp_path, "docker")
    write_engine(tmp_path, "podman")
    assert make_images(tmp_path).returncode == 0
    assert str(tmp_path / "docker") not in (tmp_path / "asked").read_text()


def test_a_dry_run_without_an_engine_prints_the_commands_for_podman(tmp_path: Path) -> None:
    write_engine(tmp_path, "docker", works=False)
    done = make_images(tmp_path, "DRY_RUN=1")
    assert done.returncode == 0, done.stderr
    assert "No engine works here; these are the commands for podman" in done.stderr
    commands = [line.split() for line in done.stdout.splitlines()]
    assert [words[:2] for words in commands] == [["podman", "build"]] * 2
    assert all("--timestamp" in words for words in commands)


def test_a_dry_run_prints_the_commands_and_runs_none(tmp_path: Path) -> None:
    write_engine(tmp_path, "podman")
    done = make_images(
        tmp_path,
        "DRY_RUN=1",
        "IMAGE_REGISTRY=registry.example/team/",
        "BASE=registry.example/debian:12-slim",
        "TAG=test",
        "BUILD_OPTIONS=--pull=always --network=host",
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "asked").exists()
    operator, workloads = done.stdout.splitlines()
    for command, image in ((operator, "operator"), (workloads, "workloads")):
        assert f"--tag registry.example/team/surelabel/{image}:test ." in command
        assert "--build-arg BASE=registry.example/debian:12-slim" in command
        assert "--pull=always --network=host" in command
