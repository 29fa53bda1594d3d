"""Models of others that may run on this machine: none that its user has not named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surelabel_cli.errors import UserError
from surelabel_operator.trust import is_allowed_entrypoint


def check_entrypoints(path: Path | str, job: Mapping[str, Any], prefixes: Sequence[str]) -> None:
    """UserError where the job in the file at ``path`` brings a model that is not allowed."""
    model = (job["spec"].get("autoLabeling") or {}).get("model") or {}
    entrypoint = model.get("entrypoint")
    if entrypoint is None or is_allowed_entrypoint(entrypoint, prefixes):
        return
    raise UserError(
        f"{path}: spec.autoLabeling.model.entrypoint: is code that would run on this machine; got "
        f"{entrypoint!r}. If you know it, allow it: --allow-entrypoint {entrypoint}"
    )
