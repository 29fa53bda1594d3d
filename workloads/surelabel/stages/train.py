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
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.sealed_values import tolerance_of
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.stored_labels import value_of
from surelabel.tasks import TASK_TYPES, value_learner
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import AutoLabeling, NextFacts


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
    else:
        model, scored = _train_classes(context, reader, state, lines, promise)
    accuracy = float(np.mean(scored.predicted == scored.label))
    return StageResult(
        progressed=context.previous,
        next=NextFacts(trainable=True),
        carry={
            "model": context.write("model.skops", model, role="model"),
            "outOfFold": context.write("out-of-fold.npz", scored.to_bytes(), role="outOfFold"),
        },
        metrics={"trainingItems": float(len(lines)), "outOfFoldAccuracy": round(accuracy, 6)},
    )


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
    predicted = proba.argmax(axis=1).astype(np.int32)
    scored = OutOfFold(
        lines,
        state.label[lines],
        predicted,
        proba.max(axis=1).astype(np.float32),
        state.role[lines],
    )
    return model.save(), scored


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
