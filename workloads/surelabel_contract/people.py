"""What goes to people and what comes back: one JSON line each."""

from __future__ import annotations

from typing import Any

import msgspec


class Task(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An item that people are asked about; output of the step that chose it."""

    item_id: str
    priority: int
    annotators: int
    exclude: tuple[str, ...] = ()
    source: str | None = None
    source_ref: str | None = msgspec.field(name="source-ref", default=None)
    prelabel: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One person's answer to one item; idempotent by (item, annotator, pass)."""

    answer_id: str
    item_id: str
    annotator: str
    status: str
    acceptance_time: str
    submission_time: str
    time_spent_in_seconds: float
    pass_: int = msgspec.field(name="pass")
    role: str = msgspec.field(name="role")
    schema_version: int = msgspec.field(name="schemaVersion")
    answer_content: dict[str, Any] | None = None
    comment: str | None = None
    instructions_version: str | None = None
    supersedes: str | None = None


class Progress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far an annotate step is; what the operator reads while people work."""

    schema_version: int = msgspec.field(name="schemaVersion")
    items: int = msgspec.field(name="items")
    open_items: int = msgspec.field(name="openItems")
    answers_received: int = msgspec.field(name="answersReceived")
    answers_needed: int = msgspec.field(name="answersNeeded")
    active_annotators: int = msgspec.field(name="activeAnnotators")
    last_answer_time: str | None = None
    closes_at: str | None = None


def write_lines(records: list[Any]) -> bytes:
    """JSON Lines, keys in the order of the record's fields."""
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(record) + b"\n" for record in records)


def read_tasks(data: bytes) -> list[Task]:
    """The tasks of a task file that a stage wrote; msgspec.ValidationError if it is damaged."""
    decoder = msgspec.json.Decoder(Task)
    return [decoder.decode(line) for line in data.splitlines()]
