"""The folder that a command works in (``--workdir``)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from surelabel_cli.errors import UserError


def make_work_folder(folder: Path) -> None:
    """Make the folder unless it is there; UserError if nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"--workdir: must be a folder that you may write in; got {folder} ({error.strerror}). "
            "Choose another --workdir."
        ) from error
