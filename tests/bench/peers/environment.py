"""The peers' own environment, made where it is missing: what they need is no business of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_LOCK = Path(__file__).with_name("peers.lock")
_HOME = Path(__file__).resolve().parents[3] / ".venv" / "peers"


def peer_python() -> Path:
    """The environment's Python, with all that the lock file names."""
    python = _HOME / "bin" / "python"
    stamp = _HOME / "peers.lock"
    if not stamp.exists() or stamp.read_bytes() != _LOCK.read_bytes():
        sys.stderr.write("peers: installing what is measured beside us\n")
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, _HOME], check=True
        )
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, _LOCK]
        subprocess.run(sync, check=True)
        stamp.write_bytes(_LOCK.read_bytes())
    return python
