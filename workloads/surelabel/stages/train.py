"""A model from people's labels, and how it does on items that it was not shown."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.labels import Kind, LabelState, Role
from surelabel.learning_curve import LearningPoint
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.history import append_point
from surelabel.stages.pool_points import find_points
from surelabel.stages.stored import read_items, read_state
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import NextFacts, ObjectRef


@dataclass(frozen=True)
class OutOfFold:
    """(n,) each: a labeled line, its label by people, and what a model said that never saw it.

    ``role``: why people were asked about it (``labels.Role``). Where labels are no classes,
    ``label`` is 0 and ``predicted`` is 1 for an error, else 0.
    """

    line: NDArray[np.int64]
    label: NDArray[np.int32]
    predicted: NDArray[np.int32]
    confidence: NDArray[np.float32]
    role: NDArray[np.int8]

    @classmethod
    def none(cls) -> OutOfFold:
        """Of a model that was trained elsewhere: nothing."""
        line, label = np.empty(0, np.int64), np.empty(0, np.int32)
        return cls(line, label, label, np.empty(0, np.float32), np.empty(0, np.int8))

    def to_bytes(self) -> bytes:
        """Equal values give equal bytes."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            line=self.line,
            label=self.label,
            predicted=self.predicted,
            confidence=self.confidence,
            role=self.role,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> OutOfFold:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            names = ("line", "label", "predicted", "confidence", "role")
            return cls(*(stored[name] for name in names))


def train(context: StageContext) -> StageResult:
    """The model of this round, trained on all labels of people so far."""
    task = TASK_TYPES[context.config.task_type]
    if isinstance(task, ValueTask):
        return _train_values(context, task)
    # Late: these import scikit-learn.
    from surelabel.models import NotTrainableError, learn
    from surelabel.models.apart import ModelFailedError
    from surelabel.stages.outside_model import failed, outside_model, train_outside

    promise = context.config.auto_labeling
    if promise is None:
        raise ConfigurationError("NoAutoLabeling", "spec.autoLabeling is absent; nothing to train.")
    reader, state = read_items(context), read_state(context)
    lines = state.lines(Kind.HUMAN)
    label = state.label[lines].astype(np.int64)
    with context.phase("features"):
        features = reader.features_of(lines)
    seed = int(context.rng("training").integers(2**31))
    n_classes = len(context.config.labels)
    outside = outside_model(promise)
    if outside is not None:
        try:
            trained = train_outside(context, reader, state, outside, features, label, seed)
        except ModelFailedError as error:
            return StageResult(
                progressed=context.previous,
                next=NextFacts(trainable=True),
                carry=failed(context, error),
            )
        return _result(context, state, lines, trained.out_of_fold, trained.carry)
    with context.phase("points"):
        points, points_ref = find_points(context, reader)
    try:
        with context.phase("fit"):
            learned = learn(
                features,
                label,
                n_classes,
                seed=seed,
                name=promise.model,
                points=points,
                line=lines,
            )
    except NotTrainableError as error:
        raise ConfigurationError("ModelNotTrainable", str(error)) from error
    carry = {**_own(context, learned.model.save()), "points": points_ref}
    return _result(context, state, lines, learned.left_out, carry)


def _own(context: StageContext, model: bytes) -> dict[str, ObjectRef | None]:
    # What an initial model predicted counts no more.
    return {"model": context.write("model.skops", model, role="model"), "predictions": None}


def _result(
    context: StageContext,
    state: LabelState,
    lines: NDArray[np.int64],
    proba: NDArray[np.float64],
    carry: dict[str, ObjectRef | None],
) -> StageResult:
    """``proba``: (len(lines), n_classes), out of fold."""
    scored = OutOfFold(
        lines,
        state.label[lines],
        proba.argmax(axis=1).astype(np.int32),
        proba.max(axis=1).astype(np.float32),
        state.role[lines],
    )
    return _tried(context, scored, carry)


def _train_values(context: StageContext, task: ValueTask[Any]) -> StageResult:
    from surelabel.stages.value_training import train_values

    reader, state = read_items(context), read_state(context)
    model, scored = train_values(context, reader, state, state.lines(Kind.HUMAN), task)
    return _tried(context, scored, _own(context, model))


def _tried(
    context: StageContext, scored: OutOfFold, carry: dict[str, ObjectRef | None]
) -> StageResult:
    """How the model does on labels that it was not shown, kept and told."""
    wrong = scored.predicted != scored.label
    uniform = scored.role == Role.UNIFORM
    point = LearningPoint(
        round=context.config.step.round,
        labels=len(scored.line),
        items=int(np.count_nonzero(uniform)),
        wrong=int(np.count_nonzero(uniform & wrong)),
    )
    kept = context.write("out-of-fold.npz", scored.to_bytes(), role="outOfFold")
    accuracy = round(1 - float(np.mean(wrong)), 6)
    return StageResult(
        progressed=context.previous,
        next=NextFacts(trainable=True),
        carry={**carry, "outOfFold": kept, "learningCurve": append_point(context, point)},
        metrics={"trainingItems": float(len(scored.line)), "outOfFoldAccuracy": accuracy},
    )
