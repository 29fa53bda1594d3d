"""A model from people's labels, and how it does on items that it was not shown."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.labels import Kind, LabelState
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.stored import read_items, read_state
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import NextFacts, ObjectRef


@dataclass(frozen=True)
class OutOfFold:
    """(n,) each: a labeled line, its label by people, and what a model said that never saw it.

    ``role``: why people were asked about it (``labels.Role``).
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
    # Late: these import scikit-learn.
    from surelabel.models import NotTrainableError, cross_val_proba, fit
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
    try:
        with context.phase("fit"):
            model = fit(features, label, n_classes, seed=seed, name=promise.model)
    except NotTrainableError as error:
        raise ConfigurationError("ModelNotTrainable", str(error)) from error
    with context.phase("crossValidate"):
        proba = cross_val_proba(features, label, n_classes, seed=seed, name=promise.model)
    model_ref = context.write("model.skops", model.save(), role="model")
    # Those of an initial model count no more.
    return _result(context, state, lines, proba, {"model": model_ref, "predictions": None})


def _result(
    context: StageContext,
    state: LabelState,
    lines: NDArray[np.int64],
    proba: NDArray[np.float64],
    carry: dict[str, ObjectRef | None],
) -> StageResult:
    """``proba``: (len(lines), n_classes), out of fold."""
    predicted = proba.argmax(axis=1).astype(np.int32)
    scored = OutOfFold(
        lines,
        state.label[lines],
        predicted,
        proba.max(axis=1).astype(np.float32),
        state.role[lines],
    )
    accuracy = float(np.mean(predicted == state.label[lines]))
    kept = context.write("out-of-fold.npz", scored.to_bytes(), role="outOfFold")
    return StageResult(
        progressed=context.previous,
        next=NextFacts(trainable=True),
        carry={**carry, "outOfFold": kept},
        metrics={"trainingItems": float(len(lines)), "outOfFoldAccuracy": round(accuracy, 6)},
    )
