"""Which item has which label, from whom, since when: arrays over the manifest's lines.

About 30 bytes a line, whatever the items are. On disk it is a list of deltas, folded in order:
a step writes the rows that it changed. Refuses to know what a label looks like in a manifest;
task types do.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel_contract.model import Record
from surelabel_contract.stages import LabelCounters, ObjectRef
from surelabel_contract.store import Folder

# More deltas than this are merged into one file by the next writer.
MAX_FILES = 32
# Rows copied at once, on their way to a file or from it.
_ROWS = 65_536


class Kind(IntEnum):
    """What a line is at the moment."""

    OPEN = 0
    HUMAN = 1
    MACHINE = 2
    # Nobody could label it, or its source cannot be read.
    FAILED = 3
    # The line brought its label; passed through.
    EARLIER_HUMAN = 4
    EARLIER_MACHINE = 5
    # No item: the line broke a rule.
    REJECTED = 6


class Role(IntEnum):
    """Why people were asked; estimates use all but queried items."""

    NONE = 0
    QUERY = 1
    UNIFORM = 2
    SAMPLE = 3


class ValueFile(Record):
    """Where the labels of some lines stand that are no classes; see ``values.py``."""

    first_line: int
    last_line: int
    file: ObjectRef


class LabelFiles(Record):
    """The deltas that make up the labels, oldest first, and the labels that are no classes."""

    schema_version: Literal[1] = 1
    n_lines: int
    files: tuple[ObjectRef, ...] = ()
    # None: labels are classes.
    values: tuple[ValueFile, ...] | None = None


@dataclass
class LabelState:
    """One entry a line in each array; ``reason`` numbers the words in ``reasons`` from 1."""

    kind: NDArray[np.int8]
    # Class id; -1 without a label. 0 for every label that is no class.
    label: NDArray[np.int32]
    confidence: NDArray[np.float32]
    # Usable answers that the label stands on.
    answers: NDArray[np.int16]
    # Microseconds since 1970 of the step that wrote the row.
    created: NDArray[np.int64]
    # The attempt of the promise that certified (machine) or froze (human) the label; 0: none.
    attempt: NDArray[np.int32]
    role: NDArray[np.int8]
    reason: NDArray[np.int16]
    reasons: list[str]
    # Files with the labels that are no classes, oldest first.
    values: tuple[ValueFile, ...] = ()

    @classmethod
    def empty(cls, n_lines: int) -> LabelState:
        """All lines open."""
        return cls(
            kind=np.zeros(n_lines, np.int8),
            label=np.full(n_lines, -1, np.int32),
            confidence=np.zeros(n_lines, np.float32),
            answers=np.zeros(n_lines, np.int16),
            created=np.zeros(n_lines, np.int64),
            attempt=np.zeros(n_lines, np.int32),
            role=np.zeros(n_lines, np.int8),
            reason=np.zeros(n_lines, np.int16),
            reasons=[],
        )

    def copy(self) -> LabelState:
        """A state that can be changed without changing this one."""
        arrays = {name: getattr(self, name).copy() for name in _COLUMNS}
        return LabelState(**arrays, reasons=list(self.reasons), values=self.values)

    def code(self, reason: str | None) -> int:
        """The number of a reason; 0 for None."""
        if reason is None:
            return 0
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1

    def reason_of(self, line: int) -> str | None:
        """Why the line has no label, if it is known."""
        number = int(self.reason[line])
        return self.reasons[number - 1] if number else None

    def lines(self, *kinds: Kind) -> NDArray[np.int64]:
        """Lines of these kinds, ascending."""
        return np.flatnonzero(np.isin(self.kind, kinds))

    def counters(self) -> LabelCounters:
        """Ground Truth's counters."""
        counts = np.bincount(self.kind, minlength=len(Kind))
        human = int(counts[Kind.HUMAN] + counts[Kind.EARLIER_HUMAN])
        machine = int(counts[Kind.MACHINE] + counts[Kind.EARLIER_MACHINE])
        return LabelCounters(
            total=len(self.kind),
            total_labeled=human + machine,
            human_labeled=human,
            machine_labeled=machine,
            failed_non_retryable_error=int(counts[Kind.FAILED] + counts[Kind.REJECTED]),
            unlabeled=int(counts[Kind.OPEN]),
        )

    def unlabeled_reasons(self) -> dict[str, int]:
        """Items without a label by reason, as far as there is one; sorted by name."""
        without = np.isin(self.kind, (Kind.OPEN, Kind.FAILED, Kind.REJECTED))
        counts = np.bincount(self.reason[without], minlength=len(self.reasons) + 1)
        pairs = zip(self.reasons, counts[1:].tolist(), strict=True)
        return {reason: count for reason, count in sorted(pairs) if count}


_COLUMNS = tuple(f.name for f in fields(LabelState) if f.name not in ("reasons", "values"))


def write_delta(new: LabelState, old: LabelState | None) -> bytes:
    """Parquet bytes of the rows in which ``new`` differs from ``old`` (None: from all open)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = old if old is not None else LabelState.empty(len(new.kind))
    changed = np.zeros(len(new.kind), bool)
    for name in _COLUMNS:
        if name != "reason":
            changed |= getattr(new, name) != getattr(before, name)
    # The same word may have another number in the older state.
    numbers = np.array([0, *(new.code(word) for word in before.reasons)], np.int16)
    changed |= new.reason != numbers[before.reason]
    rows = np.flatnonzero(changed)
    words = pa.array(["", *new.reasons])
    buffer = io.BytesIO()
    writer: Any = None
    # Also without rows there is a table.
    for start in range(0, len(rows) or 1, _ROWS):
        table = _table(new, rows[start : start + _ROWS], words)
        writer = writer or pq.ParquetWriter(buffer, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()
    return buffer.getvalue()


def _table(state: LabelState, rows: NDArray[np.int64], words: Any) -> Any:
    """Rows as a pyarrow Table; ``words``: the reasons by their numbers."""
    import pyarrow as pa

    columns: dict[str, Any] = {"line": rows}
    for name in _COLUMNS:
        columns[name] = getattr(state, name)[rows]
    columns["reason"] = pa.DictionaryArray.from_arrays(columns["reason"], words).cast(pa.string())
    return pa.table(columns)


def apply_delta(state: LabelState, data: bytes) -> None:
    """Put a delta's rows into ``state``."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(io.BytesIO(data)).iter_batches(_ROWS):
        rows = batch.column("line").to_numpy()
        for name in _COLUMNS:
            if name == "reason":
                numbered = batch.column(name).dictionary_encode()
                codes = [state.code(word or None) for word in numbered.dictionary.to_pylist()]
                state.reason[rows] = np.array(codes, np.int16)[numbered.indices.to_numpy()]
            else:
                getattr(state, name)[rows] = batch.column(name).to_numpy()


def read_labels(folder: Folder, files: LabelFiles) -> LabelState:
    """The labels as the listed deltas leave them."""
    state = LabelState.empty(files.n_lines)
    state.values = files.values or ()
    for reference in files.files:
        apply_delta(state, folder.read(reference.key))
    return state


def append_labels(
    files: LabelFiles, old: LabelState | None, new: LabelState, write: Any
) -> LabelFiles:
    """The list after ``new``; ``write(data)`` stores the delta and returns its reference."""
    if len(files.files) >= MAX_FILES:
        deltas: tuple[ObjectRef, ...] = (write(write_delta(new, None)),)
    else:
        deltas = (*files.files, write(write_delta(new, old)))
    return LabelFiles(n_lines=files.n_lines, files=deltas, values=new.values or None)
