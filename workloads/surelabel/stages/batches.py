"""Task files: which items people are asked about next, and how many answers that takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.manifest import read_line
from surelabel.stages.context import StageContext
from surelabel_contract.people import Task, write_lines
from surelabel_contract.stages import ObjectRef

TASKS = "tasks.jsonl"
REMAINDER = "remainder.jsonl"


@dataclass(frozen=True)
class Batch:
    """A written task file; no reference if it would be empty."""

    ref: ObjectRef | None
    items: int = 0
    answers: int = 0


def write_batch(
    context: StageContext,
    reader: ItemReader,
    name: str,
    lines: Iterable[int],
    *,
    exclude: Mapping[int, tuple[str, ...]] | None = None,
    annotators: Mapping[int, int] | None = None,
) -> Batch:
    """A task file of this step, in the order of ``lines``.

    ``exclude``: by line, who must not be asked (again); ``annotators``: by line, how many people
    where it is not ``annotators_per_item``.
    """
    ordered = list(lines)
    if not ordered:
        return Batch(None)
    items = reader.items(ordered)
    prelabels = _earlier_labels(context, reader, ordered)
    wanted = annotators or {}
    tasks = [
        Task(
            item_id=items[line].item_id,
            # Equal for all: a priority could tell a validation sample from the rest.
            priority=0,
            annotators=wanted.get(line, context.config.annotators_per_item),
            exclude=(exclude or {}).get(line, ()),
            source=items[line].source,
            source_ref=items[line].source_ref,
            prelabel=prelabels.get(line),
        )
        for line in ordered
    ]
    ref = context.write(name, write_lines(tasks))
    return Batch(ref, len(tasks), sum(task.annotators for task in tasks))


def _earlier_labels(
    context: StageContext, reader: ItemReader, lines: list[int]
) -> dict[int, dict[str, Any]]:
    """By line the label that people are to look at, with its metadata, as the manifest has them.

    It comes from the input alone, never from this job's models: a validation sample stays blind.
    """
    key = context.config.audit_label_attribute_name
    if key is None:
        return {}
    keys = (key, f"{key}-metadata")
    found: dict[int, dict[str, Any]] = {}
    for line, raw in reader.raw_of(lines).items():
        record = read_line(raw)
        found[line] = {each: record[each] for each in keys if each in record}
    return found


def write_remainder(context: StageContext, reader: ItemReader, state: LabelState) -> Batch:
    """The next ``max_open_items`` items without a label, in item order."""
    lines = state.lines(Kind.OPEN)[: context.config.max_open_items]
    return write_batch(context, reader, REMAINDER, lines.tolist())


def mixed(seed: int, lines: Iterable[int]) -> list[int]:
    """The lines in an order that says nothing about why each was chosen."""

    def key(line: int) -> bytes:
        return hashlib.sha256(f"{seed}:{line}".encode()).digest()

    return sorted(lines, key=key)
