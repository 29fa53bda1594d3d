"""A model that is not ours, trained and asked in one go in a process of its own.

Where it fails, the round is left to people; nothing that they have labeled is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.models.about import About
from surelabel.models.apart import (
    Limits,
    ModelApart,
    ModelFailedError,
    apart,
    memory_of_machine,
)
from surelabel.models.estimators import Features, NotUsableError, OutsideModel, parameter_value
from surelabel.models.temperature import Temperature
from surelabel.stages.context import StageContext
from surelabel.stages.predicted import Floats, write_predictions
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.model import sha256_hex
from surelabel_contract.model_names import OWN_MODELS
from surelabel_contract.stages import MODEL_FAILED, AutoLabeling, ObjectRef

# Of the stage's timeout: the rest is for what the stage itself does.
_SHARE_OF_TIME = 0.8
# To import a module and make an object of it.
_CHECK_SECONDS = 120.0
# Without compute.stages[].memoryMiB, of what there is.
_SHARE_OF_MEMORY = 0.7
# Rows that are asked about at once.
_ROWS = 10_000


@dataclass(frozen=True)
class OutsideTrained:
    """``out_of_fold``: (n_labels, n_classes); ``carry``: model and predictions of the pool."""

    out_of_fold: Floats
    carry: dict[str, ObjectRef | None]


def outside_model(promise: AutoLabeling) -> OutsideModel | None:
    """The model that the job asks for, where it is none of ours."""
    parameters = {each.name: parameter_value(each.value) for each in promise.model_parameters or ()}
    if promise.model_entrypoint is not None:
        return OutsideModel(parameters, entrypoint=promise.model_entrypoint)
    if promise.model in ("Auto", *OWN_MODELS) and not parameters:
        return None
    return OutsideModel(parameters, name=promise.model)


def check_outside_model(context: StageContext, reader: ItemReader) -> None:
    """ConfigurationError if the job's model cannot even be made: known before anybody labels."""
    promise = context.config.auto_labeling
    model = outside_model(promise) if promise is not None else None
    if model is None:
        return
    from scipy import sparse

    _, features = reader.features(0)
    try:
        with _process(context, model, seed=0, most_seconds=_CHECK_SECONDS) as process:
            process.check(is_sparse=sparse.issparse(features))
    except (NotUsableError, ModelFailedError) as error:
        field = "entrypoint" if model.entrypoint is not None else "parameters"
        raise ConfigurationError(
            "ModelNotUsable",
            f"spec.autoLabeling.model.{field}: {error} Correct it in a new job, or install what "
            "is missing where the stages run.",
        ) from error


def train_outside(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    model: OutsideModel,
    features: Features,
    label: NDArray[np.int64],
    seed: int,
) -> OutsideTrained:
    """Train it and ask it about the pool; ModelFailedError."""
    classes = np.unique(label)
    try:
        with _process(context, model, seed=seed) as process:
            with context.phase("fit"):
                cross = process.fit(features, label)
            temperature = Temperature.of(cross[:, classes], np.searchsorted(classes, label))

            def sure(proba: Floats) -> Floats:
                found = np.zeros(proba.shape)
                found[:, classes] = temperature(proba[:, classes])
                return found

            with context.phase("predict"):
                parts = _of_pool(process, reader, state, sure)
                predictions = write_predictions(context, reader, model.shown, parts)
            own = predictions
            if model.entrypoint is None:
                data = process.file(sharpness=temperature.sharpness, noise=temperature.noise)
                own = context.write(f"model-{sha256_hex(data)[:16]}.skops", data, role="model")
    except NotUsableError as error:
        raise ModelFailedError(str(error)) from error
    return OutsideTrained(sure(cross), {"model": own, "predictions": predictions})


def predictions_of_file(
    context: StageContext, reader: ItemReader, state: LabelState, uri: str, data: bytes
) -> ObjectRef:
    """What a model's file says of the pool, read in a process of its own; ModelFailedError."""
    model = OutsideModel({}, name=uri)
    with _process(context, model, seed=0) as process:
        process.load(data)
        parts = _of_pool(process, reader, state, lambda proba: proba)
        return write_predictions(context, reader, uri, parts)


def onnx_of_file(context: StageContext, data: bytes, about: About) -> bytes:
    """A model's file as an ONNX graph, made in a process of its own; ModelFailedError."""
    with _process(context, OutsideModel({}, name="its ONNX graph"), seed=0) as process:
        process.load(data)
        return process.onnx(about)


def failed(context: StageContext, error: ModelFailedError) -> dict[str, ObjectRef | None]:
    """Say that there is no model this round; what to carry on."""
    context.notice(
        MODEL_FAILED,
        f"spec.autoLabeling.model: {error} There is no model this round, and people label on.",
    )
    return {"model": None, "predictions": None, "outOfFold": None, "scores": None}


def _of_pool(
    process: ModelApart, reader: ItemReader, state: LabelState, sure: Callable[[Floats], Floats]
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    for number in range(len(reader.index.shards)):
        line, features = reader.features(number)
        rows = np.flatnonzero(state.kind[line] == Kind.OPEN)
        parts = [
            process.predict_proba(features[rows[start : start + _ROWS]])
            for start in range(0, max(len(rows), 1), _ROWS)
        ]
        yield line[rows], sure(np.concatenate(parts))


@contextmanager
def _process(
    context: StageContext, model: OutsideModel, *, seed: int, most_seconds: float = np.inf
) -> Iterator[ModelApart]:
    config = context.config
    memory = config.resources.memory_mib
    limits = Limits(
        seconds=min(most_seconds, _SHARE_OF_TIME * config.timeout_seconds),
        memory_bytes=int(_SHARE_OF_MEMORY * memory_of_machine())
        if memory is None
        else memory * 2**20,
        num_cpus=config.resources.num_cpus,
    )
    with apart(model, n_classes=len(config.labels), seed=seed, limits=limits) as process:
        yield process
