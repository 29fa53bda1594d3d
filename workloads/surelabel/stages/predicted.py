"""What the round's model says of the pool, where it said so in a process of its own.

Such a model is never loaded again: all that is left of it is what it predicted. The objects are
named by their content, since two runs of a model of others need not agree.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.stages.context import StageContext
from surelabel_contract.model import Record, sha256_hex
from surelabel_contract.stages import ObjectRef

Floats = NDArray[np.float64]
PREDICTIONS = "predictions"
_NAME_DIGITS = 16


class Predictions(Record):
    """Probabilities of the items that were open, by shard of the items."""

    schema_version: Literal[1] = 1
    # As ``autoLabeling.model`` has it, or the URI of an earlier job's model.
    model: str
    shards: tuple[ObjectRef, ...]


def write_predictions(
    context: StageContext,
    reader: ItemReader,
    model: str,
    parts: Iterator[tuple[NDArray[np.int64], Floats]],
) -> ObjectRef:
    """Keep what a model says. ``parts``: of each shard its lines and their probabilities."""
    refs = [_write(context, number, *part) for number, part in enumerate(parts)]
    assert len(refs) == len(reader.index.shards)
    index = Predictions(model=model, shards=tuple(refs)).to_json()
    return context.write(f"predictions-{_digest(index)}.json", index, role=PREDICTIONS)


def _write(context: StageContext, number: int, line: NDArray[np.int64], proba: Floats) -> ObjectRef:
    buffer = io.BytesIO()
    np.savez(buffer, line=line, proba=proba.astype(np.float32))
    data = buffer.getvalue()
    return context.write(f"predicted/{number:05d}-{_digest(data)}.npz", data)


def _digest(data: bytes) -> str:
    return sha256_hex(data)[:_NAME_DIGITS]


class Predicted:
    """The predictions of this round."""

    def __init__(self, context: StageContext, reader: ItemReader) -> None:
        self._context = context
        self._reader = reader
        self._index = Predictions.from_json(context.read(PREDICTIONS))

    def of(self, lines: NDArray[np.int64]) -> Floats:
        """(len(lines), n_classes): probabilities of ascending open lines."""
        numbers = sorted({self._reader.index.shard_of(line) for line in lines.tolist()})
        parts = [self._shard(number) for number in numbers]
        if not parts:
            return np.zeros((0, len(self._context.config.labels)))
        line = np.concatenate([part[0] for part in parts])
        proba = np.concatenate([part[1] for part in parts])
        return np.asarray(proba[np.searchsorted(line, lines)])

    def _shard(self, number: int) -> tuple[NDArray[np.int64], Floats]:
        data = self._context.read_ref(self._index.shards[number])
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return stored["line"], stored["proba"].astype(np.float64)
