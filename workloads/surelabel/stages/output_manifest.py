"""The manifest with labels: every input line in order, labeled ones extended, others untouched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.manifest import with_label
from surelabel.stages.context import StageContext, creation_date
from surelabel.tasks import TASK_TYPES
from surelabel_contract.stages import StageConfig


def manifest_parts(context: StageContext, reader: ItemReader, state: LabelState) -> Iterator[bytes]:
    """The output manifest's bytes, a shard at a time."""
    write = LabelWriter(context.config, state)
    for first_line, raw_lines in reader.raw_lines():
        kinds = state.kind[first_line : first_line + len(raw_lines)].tolist()
        out = [
            with_label(raw, write(line)) if kind in (Kind.HUMAN, Kind.MACHINE) else raw
            for line, (raw, kind) in enumerate(zip(raw_lines, kinds, strict=True), first_line)
        ]
        yield b"\n".join(out) + b"\n"


class LabelWriter:
    """Label and metadata of a line, in the task type's form."""

    def __init__(self, config: StageConfig, state: LabelState) -> None:
        self._type = TASK_TYPES[config.task_type]
        self._config = config
        self._state = state
        self._labels = [label.name for label in config.labels]
        self._dates: dict[int, str] = {}

    def __call__(self, line: int) -> dict[str, Any]:
        """What is added to the line; it must have a label."""
        config, state = self._config, self._state
        created = int(state.created[line])
        date = self._dates.get(created)
        if date is None:
            date = self._dates[created] = creation_date(created)
        label, metadata = self._type.write_label(
            int(state.label[line]),
            self._labels,
            confidence=float(state.confidence[line]),
            human=bool(state.kind[line] == Kind.HUMAN),
            job_name=config.job.name,
            creation_date=date,
        )
        name = config.label_attribute_name
        return {name: label, f"{name}-metadata": metadata}
