"""Stages that run out of memory in train: by what any user may mount and set, not by a fault in
the stage's own program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2e.volumes import claim, folder_volume

_CLAIM = "hog"
_MOUNT = "/mnt/hog"
# Python runs it at its start. It takes memory, a little at a time, till it is stopped; the second
# attempt is spared.
_PROGRAM = """import sys
import time

if any("/tra-" in word and "/a1/" in word for word in sys.orig_argv):
    taken = []
    while True:
        taken.append(b"x" * 64_000_000)
        time.sleep(0.02)
"""


def hog_objects(folder: Path, namespace: str) -> list[dict[str, Any]]:
    """The volume with the program in ``folder`` of the node, and the claim of the namespace."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "sitecustomize.py").write_text(_PROGRAM)
    return [folder_volume(folder, namespace), claim(_CLAIM, namespace, namespace)]


def hog_template(head: dict[str, Any]) -> dict[str, Any]:
    """The template of a cluster whose stages run it."""
    return {
        "head": head,
        "env": [{"name": "PYTHONPATH", "value": _MOUNT}],
        "volumeClaims": [{"claimName": _CLAIM, "mountPath": _MOUNT}],
    }
