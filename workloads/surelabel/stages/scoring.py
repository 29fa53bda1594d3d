"""The pool scored by the round's model, a shard at a time; predictions are kept for good.

What a machine labels later is what stands here: no model is asked twice about one proposal.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.label_values import LabelValue, value_lines
from surelabel.labels import Kind, LabelState
from surelabel.models import Model, load
from surelabel.stages.context import StageContext
from surelabel.stages.predicted import PREDICTIONS, Predicted
from surelabel.stages.sharding import map_shards
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.stored_labels import stored_label
from surelabel.tasks import TASK_TYPES, value_learner
from surelabel.tasks.learning import ValueModel
from surelabel.tasks.valued import ValueTask
from surelabel_contract.model import Record
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import NotFoundInStoreError, reference

# Rows scored at once: kernel machines need memory for rows x support vectors.
_ROWS = 1_000


class ScoreIndex(Record):
    """Predictions of one round, by shard of the items.

    ``guesses``: of each shard the file with its predicted labels; None where labels are classes.
    """

    schema_version: Literal[1] = 1
    shards: tuple[ObjectRef, ...]
    guesses: tuple[ObjectRef, ...] | None = None


class ShardScores(NamedTuple):
    """What was written of one shard."""

    scores: ObjectRef
    guesses: ObjectRef | None


@dataclass(frozen=True)
class Scores:
    """(n,) each: an open line (ascending), the likeliest class, its probability, the margin.

    Where labels are no classes, ``label`` is 0 and ``confidence`` and ``margin`` are how probably
    the predicted label is no error.
    """

    line: NDArray[np.int64]
    label: NDArray[np.int32]
    confidence: NDArray[np.float32]
    margin: NDArray[np.float32]

    def to_bytes(self) -> bytes:
        """Equal values give equal bytes."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            line=self.line,
            label=self.label,
            confidence=self.confidence,
            margin=self.margin,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Scores:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(*(stored[name] for name in ("line", "label", "confidence", "margin")))

    def where(self, mask: NDArray[np.bool_]) -> Scores:
        """The rows that the mask picks."""
        return Scores(self.line[mask], self.label[mask], self.confidence[mask], self.margin[mask])


def score_pool(context: StageContext, reader: ItemReader) -> tuple[Scores, ScoreIndex]:
    """Scores of every open item, and where they are kept."""
    written = map_shards(score_shard, context, range(len(reader.index.shards)))
    parts = [Scores.from_bytes(context.read_ref(shard.scores)) for shard in written]
    scores = Scores(
        np.concatenate([part.line for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.margin for part in parts]),
    )
    guesses = tuple(shard.guesses for shard in written if shard.guesses is not None)
    index = ScoreIndex(shards=tuple(shard.scores for shard in written), guesses=guesses or None)
    return scores, index


def score_shard(context: StageContext, number: int) -> ShardScores:
    """The scores of one shard; a shard that an earlier attempt scored is not scored again."""
    key = context.keys.shard(context.config.step, context.config.digest(), number)
    learner = value_learner(context.config.task_type)
    found = [_existing(context, key + ".npz")]
    if learner is not None:
        found.append(_existing(context, key + ".jsonl"))
    scores, guesses = found[0], found[-1] if learner is not None else None
    if scores is not None and (learner is None or guesses is not None):
        return ShardScores(scores, guesses)
    if context.has(PREDICTIONS):
        predicted = _of_predictions(context, number)
        return ShardScores(context.create(key + ".npz", predicted.to_bytes()), None)
    reader, state, model = _inputs(_Key(context))
    line, features = reader.features(number)
    rows = np.flatnonzero(state.kind[line] == Kind.OPEN)
    if learner is not None:
        return _guess(context, key, line[rows], features[rows], model)
    scores_of_shard = scored(model, line[rows], features[rows])
    return ShardScores(context.create(key + ".npz", scores_of_shard.to_bytes()), None)


def _existing(context: StageContext, key: str) -> ObjectRef | None:
    try:
        return reference(key, context.folder.read(key))
    except NotFoundInStoreError:
        return None


def _guess(
    context: StageContext, key: str, line: NDArray[np.int64], features: Any, model: ValueModel[Any]
) -> ShardScores:
    """Labels that are no classes, and how sure the model is of each."""
    task = TASK_TYPES[context.config.task_type]
    assert isinstance(task, ValueTask)
    confidence = np.empty(len(line), np.float32)
    labels: list[LabelValue] = []
    for start in range(0, len(line), _ROWS):
        stop = min(start + _ROWS, len(line))
        for place, guess in enumerate(model.predict(features[start:stop]), start):
            confidence[place] = guess.confidence
            labels.append(stored_label(context, int(line[place]), guess, task))
    guesses = context.create(key + ".jsonl", value_lines(labels))
    scores = Scores(line, np.zeros(len(line), np.int32), confidence, confidence)
    return ShardScores(context.create(key + ".npz", scores.to_bytes()), guesses)


def scored(model: Model, line: NDArray[np.int64], features: Any) -> Scores:
    """The scores of some items, one row of ``features`` each."""
    label = np.empty(len(line), np.int32)
    confidence, margin = np.empty(len(line), np.float32), np.empty(len(line), np.float32)
    for start in range(0, len(line), _ROWS):
        part = slice(start, start + _ROWS)
        scores = _scores(line[part], model.predict_proba(features[part]))
        label[part], confidence[part] = scores.label, scores.confidence
        margin[part] = scores.margin
    return Scores(line, label, confidence, margin)


def _scores(line: NDArray[np.int64], proba: NDArray[np.float64]) -> Scores:
    # Of a hundred classes only two matter.
    top = np.partition(proba, -2, axis=1)[:, -2:]
    return Scores(
        line,
        proba.argmax(axis=1).astype(np.int32),
        top[:, 1].astype(np.float32),
        (top[:, 1] - top[:, 0]).astype(np.float32),
    )


def _of_predictions(context: StageContext, number: int) -> Scores:
    """The scores of a shard by a model that was asked when it was trained."""
    reader, state = read_items(context), read_state(context)
    shard = reader.index.shards[number]
    line = np.arange(shard.first_line, shard.first_line + shard.n_lines)
    line = line[state.kind[line] == Kind.OPEN]
    return _scores(line, Predicted(context, reader).of(line))


class _Key:
    """A context that is equal to another one of the same work, so that inputs are read once."""

    def __init__(self, context: StageContext) -> None:
        self.context = context
        self._digest = context.config.digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._digest == self._digest


@lru_cache(maxsize=1)
def _inputs(key: _Key) -> tuple[ItemReader, LabelState, Any]:
    context = key.context
    learner = value_learner(context.config.task_type)
    read = load if learner is None else learner.load
    return read_items(context), read_state(context), read(context.read("model"))
