"""A model from people's labels, and how it does on items that it was not shown."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.label_values import LabelValues
from surelabel.labels import Kind, LabelState
from surelabel.models.apart import ModelFailedError
from surelabel.models.estimators import OutsideModel
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.outside_model import failed, outside_model, train_outside
from surelabel.stages.sealed_values import tolerance_of
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.stored_labels import value_of
from surelabel.tasks import TASK_TYPES, value_learner
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import AutoLabeling, NextFacts, ObjectRef


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
    promise = context.config.auto_labeling
    if promise is None:
        raise ConfigurationError("NoAutoLabeling", "spec.autoLabeling is absent; nothing to train.")
    reader, state = read_items(context), read_state(context)
    lines = state.lines(Kind.HUMAN)
    task = TASK_TYPES[context.config.task_type]
    if isinstance(task, ValueTask):
        model, scored = _train_values(context, reader, state, lines, task)
        return _result(context, scored, _own(context, model))
    outside = outside_model(promise)
    if outside is not None:
        return _train_outside(context, reader, state, lines, outside)
    model, scored = _train_classes(context, reader, state, lines, promise)
    return _result(context, scored, _own(context, model))


def _result(
    context: StageContext, scored: OutOfFold, carry: dict[str, ObjectRef | None]
) -> StageResult:
    accuracy = float(np.mean(scored.predicted == scored.label))
    kept = context.write("out-of-fold.npz", scored.to_bytes(), role="outOfFold")
    n_items = float(len(scored.line))
    return StageResult(
        progressed=context.previous,
        next=NextFacts(trainable=True),
        carry={**carry, "outOfFold": kept},
        metrics={"trainingItems": n_items, "outOfFoldAccuracy": round(accuracy, 6)},
    )


def _own(context: StageContext, model: bytes) -> dict[str, ObjectRef | None]:
    # What an initial model predicted counts no more.
    return {"model": context.write("model.skops", model, role="model"), "predictions": None}


def _train_outside(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    lines: NDArray[np.int64],
    outside: OutsideModel,
) -> StageResult:
    """A model that is not ours; where it fails, none."""
    label = state.label[lines].astype(np.int64)
    seed = int(context.rng("training").integers(2**31))
    try:
        with context.phase("features"):
            features = reader.features_of(lines)
        trained = train_outside(context, reader, state, outside, features, label, seed)
    except ModelFailedError as error:
        return StageResult(
            progressed=context.previous,
            next=NextFacts(trainable=True),
            carry=failed(context, error),
        )
    return _result(context, _scored(state, lines, trained.out_of_fold), trained.carry)


def _train_classes(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    lines: NDArray[np.int64],
    promise: AutoLabeling,
) -> tuple[bytes, OutOfFold]:
    # Late: these import scikit-learn.
    from surelabel.models import NotTrainableError, cross_val_proba, fit

    label = state.label[lines].astype(np.int64)
    with context.phase("features"):
        features = reader.features_of(lines)
    seed = int(context.rng("training").integers(2**31))
    n_classes = len(context.config.labels)
    try:
        with context.phase("fit"):
            model = fit(features, label, n_classes, seed=seed, name=promise.model)
    except NotTrainableError as error:
        raise ConfigurationError("ModelNotTrainable", str(error)) from error
    with context.phase("crossValidate"):
        proba = cross_val_proba(features, label, n_classes, seed=seed, name=promise.model)
    return model.save(), _scored(state, lines, proba)


def _scored(state: LabelState, lines: NDArray[np.int64], proba: NDArray[np.float64]) -> OutOfFold:
    """``proba``: (len(lines), n_classes), by models that never saw the line's label."""
    return OutOfFold(
        lines,
        state.label[lines],
        proba.argmax(axis=1).astype(np.int32),
        proba.max(axis=1).astype(np.float32),
        state.role[lines],
    )


def _train_values(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    lines: NDArray[np.int64],
    task: ValueTask[Any],
) -> tuple[bytes, OutOfFold]:
    """Models of labels that are no classes."""
    learner = value_learner(task.name)
    if learner is None:
        raise ConfigurationError("NoModel", f"models cannot learn {task.name}.")
    with context.phase("features"):
        features = reader.features_of(lines)
        stored = LabelValues(context.folder, state.values)
        values = [value_of(context, stored.of(line), task) for line in lines.tolist()]
    tolerance = tolerance_of(context.config)
    with context.phase("fit"):
        learned = learner.fit(
            features,
            values,
            len(context.config.labels),
            tolerance=tolerance,
            seed=int(context.rng("training").integers(2**31)),
        )
    held_out = learned.held_out
    wrong = [
        task.disagreement(guess.value, value) > tolerance
        for guess, value in zip(held_out, values, strict=True)
    ]
    return learned.model.save(), OutOfFold(
        lines,
        np.zeros(len(lines), np.int32),
        np.array(wrong, np.int32),
        np.array([guess.confidence for guess in held_out], np.float32),
        state.role[lines],
    )
