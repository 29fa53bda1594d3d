"""Reads records of the state: a missing one is None, a damaged one names its key and field."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from surelabel_contract.model import Record
from surelabel_contract.store import Folder, NotFoundInStoreError

RECORD_MAX_BYTES = 16 * 2**20


class CorruptedError(Exception):
    """A record of ours that cannot be read; the message names its key."""


R = TypeVar("R", bound=Record)


async def read_record(folder: Folder, key: str, kind: type[R]) -> R | None:
    """The record at the key; None: there is none."""
    try:
        data = await folder.read_async(key, RECORD_MAX_BYTES)
    except NotFoundInStoreError:
        return None
    try:
        return kind.from_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise CorruptedError(
            f"{folder.uri_of(key)} is no {kind.__name__}: {field}: {first['msg']}. "
            "Restore it, or delete it so that the step runs again."
        ) from error
