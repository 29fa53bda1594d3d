"""What a model's file says of itself: which labels it gives, and which features it was trained on.

It is a member of the archive, so it can be written and read without loading the model.
"""

from __future__ import annotations

import io
import zipfile
from typing import Literal

from pydantic import ValidationError

from surelabel.models.files import ModelFileError
from surelabel_contract.model import Record

_MEMBER = "about.json"
_MAX_BYTES = 16 * 2**20


class About(Record):
    """``labels``: names by class id. ``features``: how they are extracted from an item."""

    schema_version: Literal[1] = 1
    task_type: str
    labels: tuple[str, ...]
    features: str
    n_features: int


def with_about(data: bytes, about: About) -> bytes:
    """The file with these words in it, unless it has some; ModelFileError."""
    buffer = io.BytesIO(data)
    try:
        with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
            if _MEMBER in archive.namelist():
                return data
            # Equal models have equal bytes.
            archive.writestr(zipfile.ZipInfo(_MEMBER, (1980, 1, 1, 0, 0, 0)), about.to_json())
    except zipfile.BadZipFile as error:
        raise ModelFileError(f"not a model file: {error}") from error
    return buffer.getvalue()


def read_about(data: bytes) -> About:
    """What the file says of itself; ModelFileError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if _MEMBER not in archive.namelist():
                raise ModelFileError(
                    "not a model that a job has exported: it does not say which labels it gives."
                )
            if archive.getinfo(_MEMBER).file_size > _MAX_BYTES:
                raise ModelFileError(f"its {_MEMBER} has more than {_MAX_BYTES} bytes.")
            return About.from_json(archive.read(_MEMBER))
    except (zipfile.BadZipFile, ValidationError, RuntimeError, NotImplementedError) as error:
        raise ModelFileError(f"not a model file: {type(error).__name__}: {error}") from error
