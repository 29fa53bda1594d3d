"""An earlier job's model starts the first round: prepare proposes with it, as infer does.

It is believed in nothing: what it labels is tested on people's answers like any model's labels. A
wrong one costs its sample.
"""

from __future__ import annotations

from dataclasses import replace

from surelabel.items import ItemReader
from surelabel.labels import LabelState
from surelabel.models.about import read_about
from surelabel.models.apart import ModelFailedError
from surelabel.models.files import MAX_BYTES, ModelFileError, load
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.infer import infer
from surelabel.stages.model_about import about_of, difference
from surelabel.stages.outside_model import predictions_of_file
from surelabel_contract.errors import ConfigurationError, uri_of_field
from surelabel_contract.stages import AutoLabeling, ObjectRef
from surelabel_contract.store import NotFoundInStoreError

_FIELD = "spec.autoLabeling.initialModelURI"


def start_with_model(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    carry: dict[str, ObjectRef | None],
    promise: AutoLabeling,
    seed: int,
) -> StageResult:
    """What infer would do with this model; its carry has the model too. ConfigurationError.

    ``carry``: what prepare has written so far.
    """
    uri = promise.initial_model_uri or ""
    data = _read(context, uri)
    _check(context, reader, uri, data)
    given: dict[str, ObjectRef | None] = {"model": context.write("initial-model.skops", data)}
    try:
        model = load(data)
    except ModelFileError:
        # A classifier of scikit-learn, whose file only a process of its own may read.
        try:
            given["predictions"] = predictions_of_file(context, reader, state, uri, data)
        except ModelFailedError as error:
            raise _unusable(uri, str(error)) from error
    else:
        if (model.n_classes, model.n_features) != (
            len(context.config.labels),
            reader.features(0)[1].shape[1],
        ):
            raise _unusable(uri, "its classes and features are not those that it says it has")
    inputs = {role: ref for role, ref in {**carry, **given}.items() if ref is not None}
    config = context.config.model_copy(
        update={
            "inputs": inputs,
            "seed": seed,
            # As many as people would have labeled before any model.
            "auto_labeling": promise.model_copy(update={"items_per_round": promise.seed_items}),
        }
    )
    result = infer(replace(context, config=config))
    return replace(result, carry={**given, **result.carry})


def _read(context: StageContext, uri: str) -> bytes:
    with uri_of_field(_FIELD):
        context.storage.check(uri)
    folder, name = context.storage.locate(uri)
    try:
        size = folder.size(name)
        if size is not None and size > MAX_BYTES:
            raise _unusable(uri, f"it has {size} bytes; a model may have {MAX_BYTES}")
        return folder.read(name)
    except NotFoundInStoreError as error:
        raise ConfigurationError(
            "InitialModelNotFound",
            f"{_FIELD}: {uri} does not exist. Name the model/model.skops of a job that has ended, "
            "or leave initialModelURI out, in a new job.",
        ) from error


def _check(context: StageContext, reader: ItemReader, uri: str, data: bytes) -> None:
    try:
        about = read_about(data)
    except ModelFileError as error:
        raise _unusable(uri, str(error).rstrip(".")) from error
    problem = difference(about_of(context.config, reader), about)
    if problem is not None:
        raise _unusable(uri, problem)


def _unusable(uri: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "InitialModelNotUsable",
        f"{_FIELD}: {uri} cannot start this job: {why}. Name the model/model.skops of a job with "
        "the same task type and labels, or leave initialModelURI out, in a new job.",
    )
