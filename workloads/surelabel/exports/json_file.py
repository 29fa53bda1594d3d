"""JSON of a format, read as a field that tells its place in errors."""

from __future__ import annotations

import json
from pathlib import Path

from surelabel.exports.dataset import ExportError
from surelabel.tasks.fields import Field


def read_json(file: Path, step: str) -> Field:
    """The value of the file, in UTF-8; ExportError where it is no JSON, with ``step``, what to do
    next."""
    try:
        return Field(json.loads(file.read_text(encoding="utf-8-sig")), str(file))
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{file}: is not JSON: {error}. {step}") from None
