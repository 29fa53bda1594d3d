"""The readers' own environment: made by ``make readers``, and left out of a bare pytest run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(sys.prefix) / "readers" / "bin" / "python"

needs_readers = pytest.mark.skipif(
    not PYTHON.exists(), reason="the formats' own libraries are not installed; run make readers"
)


def read_by(script: str, home: Path, *folders: Path | str) -> list[Any]:
    """What the script prints for each folder, in their order; ``home`` for its caches."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name(script), *folders],
        # Nothing is fetched, and nothing is left in the user's home.
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
