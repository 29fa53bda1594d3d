"""The manifest with labels: every input line in order, labeled ones extended, others untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from surelabel.items import ItemReader
from surelabel.label_values import LabelValues
from surelabel.labels import Kind, LabelState
from surelabel.manifest import with_label
from surelabel.stages.context import StageContext
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Learnable
from surelabel.tasks.label_format import ground_truth_time
from surelabel.tasks.valued import ValueTask

# By attempt of the promise, what the metadata of its labels says besides; see ``machine_marks``.
Marks = Mapping[int, dict[str, Any]]


def manifest_parts(
    context: StageContext, reader: ItemReader, state: LabelState, marks: Marks
) -> Iterator[bytes]:
    """The output manifest's bytes, a shard at a time."""
    write = LabelWriter(context, state, marks)
    for first_line, raw_lines in reader.raw_lines():
        kind = state.kind[first_line : first_line + len(raw_lines)]
        labeled = ((kind == Kind.HUMAN) | (kind == Kind.MACHINE)).tolist()
        out = [
            with_label(raw, write(line)) if is_labeled else raw
            for line, (raw, is_labeled) in enumerate(
                zip(raw_lines, labeled, strict=True), first_line
            )
        ]
        yield b"\n".join(out) + b"\n"


class LabelWriter:
    """Label and metadata of a line, in the task type's form."""

    def __init__(self, context: StageContext, state: LabelState, marks: Marks) -> None:
        self._marks = marks
        self._config = context.config
        self._type = TASK_TYPES[self._config.task_type]
        self._state = state
        self._values = LabelValues(context.folder, state.values)
        self._labels = [label.name for label in self._config.labels]
        self._dates: dict[int, str] = {}

    def __call__(self, line: int) -> dict[str, Any]:
        """What is added to the line; it must have a label."""
        name = self._config.label_attribute_name
        if isinstance(self._type, ValueTask):
            label, metadata = self._value(line, self._type)
        else:
            label, metadata = self._class(line, self._type)
        if self._state.kind[line] == Kind.MACHINE:
            metadata = {**metadata, **self._marks[int(self._state.attempt[line])]}
        return {name: label, f"{name}-metadata": metadata}

    def _class(self, line: int, task: Learnable) -> tuple[Any, dict[str, Any]]:
        state = self._state
        return task.write_label(
            int(state.label[line]),
            self._labels,
            confidence=float(state.confidence[line]),
            human=bool(state.kind[line] == Kind.HUMAN),
            job_name=self._config.job.name,
            creation_date=self._date(line),
        )

    def _value(self, line: int, task: ValueTask[Any]) -> tuple[Any, dict[str, Any]]:
        stored = self._values.of(line)
        label = task.read(
            msgspec.json.decode(stored.label), msgspec.json.decode(stored.metadata), self._labels
        )
        label = replace(
            label,
            human=bool(self._state.kind[line] == Kind.HUMAN),
            job_name=f"labeling-job/{self._config.job.name}",
            creation_date=self._date(line),
        )
        return task.write_label(label, self._labels)

    def _date(self, line: int) -> str:
        created = int(self._state.created[line])
        date = self._dates.get(created)
        if date is None:
            # Microseconds since 1970.
            moment = datetime.fromtimestamp(created / 1_000_000, UTC)
            date = self._dates[created] = ground_truth_time(moment)
        return date
