"""The output manifest of a finished job: which line is which item, and what labels it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from surelabel.answer_files.given import SetAside
from surelabel.json_text import json_problem
from surelabel.manifest import ID_KEY_ATTRIBUTE, read_line
from surelabel.tasks.label_format import CUSTOM_TYPE, LabelFormat

_METADATA = "-metadata"


@dataclass(frozen=True)
class ManifestLine:
    """A line that is an object; ``number`` counts from 0, as Ground Truth's object ids do."""

    number: int
    value: dict[str, Any]

    @property
    def item(self) -> str:
        """The id of the item: its own where the line names one, else the position."""
        key = self.value.get(ID_KEY_ATTRIBUTE)
        own = self.value.get(key) if isinstance(key, str) else None
        return own if isinstance(own, str) else str(self.number)

    @property
    def source(self) -> str | None:
        """``source-ref``, or the text in ``source``."""
        found = self.value.get("source-ref", self.value.get("source"))
        return found if isinstance(found, str) else None

    @property
    def text(self) -> str | None:
        """The text in ``source``; None where the source is a file."""
        found = self.value.get("source")
        return found if isinstance(found, str) else None

    def label(self, attribute: str) -> tuple[Any, Any]:
        """Label and metadata; (None, None) on a line without a label."""
        return self.value.get(attribute), self.value.get(f"{attribute}{_METADATA}")


def read_manifest_lines(data: bytes, name: str) -> tuple[list[ManifestLine], list[SetAside]]:
    """The lines that are objects, and those that are not."""
    lines: list[ManifestLine] = []
    broken: list[SetAside] = []
    rows = data.split(b"\n")
    # The last line may end the file.
    for number, raw in enumerate(rows[:-1] if rows[-1] == b"" else rows):
        where = f"{name}:{number + 1}"
        try:
            value = read_line(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = f"must be one JSON object: {json_problem(raw, error)}"
            broken.append(SetAside(where, "InvalidJson", why))
            continue
        if isinstance(value, dict):
            lines.append(ManifestLine(number, value))
        else:
            why = f"must be an object; got {value!r:.60}. Correct it, or leave the line out."
            broken.append(SetAside(where, "NotAnObject", why))
    return lines, broken


def find_attribute(lines: Sequence[ManifestLine], form: LabelFormat[Any]) -> str | None:
    """The key of the job's label: the last one of the task type's own kind; None if there is none.

    A chained job writes its label behind those that it found, so the last is its own.
    """
    for line in lines:
        keys = [key for key in line.value if f"{key}{_METADATA}" in line.value]
        for key in reversed(keys):
            if _is_of(line.value[f"{key}{_METADATA}"], form):
                return key
    return None


def _is_of(metadata: Any, form: LabelFormat[Any]) -> bool:
    if not isinstance(metadata, dict):
        return False
    if form.name == "LabelAdjustment":
        return "adjustment-status" in metadata
    kind = metadata.get("type")
    # Ground Truth's own spelling differs between its pages.
    return (
        isinstance(kind, str)
        and kind.lower() == form.manifest_type.lower()
        and (form.manifest_type != CUSTOM_TYPE or "adjustment-status" not in metadata)
    )
