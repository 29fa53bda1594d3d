"""Task files: which items people are asked about next, and how many answers that takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
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
        )
        for line in ordered
    ]
    ref = context.write(name, write_lines(tasks))
    return Batch(ref, len(tasks), sum(task.annotators for task in tasks))


def write_remainder(context: StageContext, reader: ItemReader, state: LabelState) -> Batch:
    """The next ``max_open_items`` items without a label, in item order."""
    lines = state.lines(Kind.OPEN)[: context.config.max_open_items]
    return write_batch(context, reader, REMAINDER, lines.tolist())


def mixed(seed: int, lines: Iterable[int]) -> list[int]:
    """The lines in an order that says nothing about why each was chosen."""

    def key(line: int) -> bytes:
        return hashlib.sha256(f"{seed}:{line}".encode()).digest()

    return sorted(lines, key=key)
