"""Models of labels that are no classes: trained on people's labels, tried on items held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.label_values import LabelValues
from surelabel.labels import LabelState
from surelabel.stages.context import StageContext
from surelabel.stages.sealed_values import tolerance_of
from surelabel.stages.stored_labels import value_of
from surelabel.stages.train import OutOfFold
from surelabel.tasks import value_learner
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError


def train_values(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    lines: NDArray[np.int64],
    task: ValueTask[Any],
) -> tuple[bytes, OutOfFold]:
    """The model's file, and how it does on labels that it was not shown."""
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
