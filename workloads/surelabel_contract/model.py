"""The base of every record that crosses a process border."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """A frozen record; camelCase in JSON, snake_case in Python.

    Unknown keys are ignored on reading, so that an older reader survives a newer writer;
    what must not be ignored changes ``schemaVersion``.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
    )

    def to_json(self) -> bytes:
        """Canonical bytes: sorted keys, no spaces, absent values left out.

        So None must be the default of every field that may be None, or be written by the record
        itself (StorageAccess).
        """
        return canonical_json(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The record in ``data``; pydantic.ValidationError names field and rule."""
        return cls.model_validate_json(data)


def canonical_json(value: Any) -> bytes:
    """Equal values give equal bytes, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_hex(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()
