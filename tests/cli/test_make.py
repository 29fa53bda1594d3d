"""What ``make`` does on a machine before there is a ``.venv``."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make_environment(folder: Path, *missing: str) -> subprocess.CompletedProcess[str]:
    """``make``'s virtual environment in ``folder/venv``, by a Python that lacks these modules."""
    without = folder / "without"
    without.mkdir()
    for name in missing:
        text = f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n"
        (without / f"{name}.py").write_text(text)
    pip = folder / "venv" / "bin" / "pip"
    return subprocess.run(
        ["make", f"VENV={folder / 'venv'}", f"PYTHON={sys.executable}", str(pip)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(without)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def write_wheel(folder: Path) -> Path:
    """A package ``here`` that needs no index."""
    wheel = folder / "here-1-py3-none-any.whl"
    info = "here-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("here.py", "")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: here\nVersion: 1\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.mark.skipif(find_spec("pip") is None, reason="this Python has no pip to lend")
@pytest.mark.parametrize("missing", [(), ("ensurepip",)], ids=["whole", "without ensurepip"])
def test_pip_installs_into_the_environment(tmp_path: Path, missing: tuple[str, ...]) -> None:
    done = make_environment(tmp_path, *missing)
    assert done.returncode == 0, done.stderr
    bin_ = tmp_path / "venv" / "bin"
    wheel = write_wheel(tmp_path)
    command = [bin_ / "pip", "install", "--quiet", "--no-index", "--no-deps", wheel]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    code = "import here, sys; print(here.__file__.startswith(sys.prefix))"
    found = subprocess.run(
        [bin_ / "python", "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert found.stdout == "True\n"


def test_a_python_that_can_have_no_pip_at_all_is_told(tmp_path: Path) -> None:
    done = make_environment(tmp_path, "ensurepip", "pip")
    assert done.returncode != 0
    assert "its module ensurepip is missing" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert "make PYTHON=/path/to/python3" in done.stderr
    assert not (tmp_path / "venv" / "bin" / "pip").exists()
