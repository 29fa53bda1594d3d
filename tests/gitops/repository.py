"""The example repository, as kubectl's Kustomize renders it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2] / "docs" / "gitops" / "repository"


def render(kubectl: Path, folder: str) -> list[dict[str, Any]]:
    """The objects of a folder of the repository."""
    done = subprocess.run(
        [kubectl, "kustomize", REPOSITORY / folder],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def only(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one object of this kind and name."""
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found
