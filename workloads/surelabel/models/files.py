"""Model files: skops archives, so loading one executes no code of its author.

skops writes memory addresses and the time into its archive; both are normalised here, so that
equal models have equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from surelabel.models.calibration import Calibration
from surelabel_contract.model_names import SCIKIT_LEARN

if TYPE_CHECKING:
    from surelabel.models.classifier import Model

FORMAT = 2
# Types beyond those that skops itself trusts: the features of labeled texts.
TRUSTED = ("scipy.sparse._csr.csr_matrix",)
# Parts of scikit-learn's own classifiers that run no code of the file's author, but trust its
# numbers: a forged tree can end the process that reads it. So only a process apart may read them.
FORGEABLE = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
MAX_BYTES = 2 * 1024**3


class ModelFileError(ValueError):
    """A file that is no model of ours, or would need code that is not trusted."""


def save(model: Model) -> bytes:
    """See ``Model.save``."""
    from surelabel.models.estimator_model import EstimatorModel

    c = model.calibration
    content: dict[str, Any] = {
        "format": FORMAT,
        "name": model.name,
        "n_classes": model.n_classes,
        "n_features": model.n_features,
        "classes": model.classes,
        "pipeline": _state_of(model.pipeline),
        "calibration": [c.sharpness, c.noise] if c is not None else None,
    }
    if isinstance(model, EstimatorModel):
        content["temperature"] = [model.sharpness, model.noise]
    return packed(content)


def load(data: bytes, *, is_apart: bool = False) -> Model:
    """The model in ``data``; ModelFileError. ``is_apart``: this process is the model's alone."""
    from surelabel.models.classifier import MODELS, Model
    from surelabel.models.estimator_model import EstimatorModel

    content = unpacked(data, FORMAT, trusted=(*TRUSTED, *FORGEABLE) if is_apart else TRUSTED)
    name = content["name"]
    temperature = content.get("temperature")
    if name not in (MODELS if temperature is None else SCIKIT_LEARN):
        known = dict.fromkeys((*MODELS, *SCIKIT_LEARN))
        raise ModelFileError(f"unknown model {name!r}; known: {', '.join(known)}.")
    model = Model(
        name=name,
        n_classes=int(content["n_classes"]),
        n_features=int(content["n_features"]),
        classes=np.asarray(content["classes"], dtype=np.int64),
        pipeline=_pipeline_of(content["pipeline"]),
        calibration=_calibration(content["calibration"]),
    )
    return model if temperature is None else EstimatorModel.of(model, temperature)


def packed(content: dict[str, Any]) -> bytes:
    """A file of estimators, arrays and numbers by name; equal content gives equal bytes."""
    import skops.io

    return _normalised(skops.io.dumps(content))


def unpacked(data: bytes, format_: object, *, trusted: tuple[str, ...] = TRUSTED) -> dict[str, Any]:
    """What ``packed`` wrote, with ``format_`` under ``format``; ModelFileError."""
    import skops.io

    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted))
        content = None if untrusted else skops.io.loads(data, trusted=list(trusted))
    # The archive comes from outside; whatever reading it raises means that it is damaged.
    except Exception as error:
        raise ModelFileError(f"not a model file: {type(error).__name__}: {error}") from error
    if untrusted:
        raise ModelFileError(f"a model file may not contain {', '.join(untrusted)}.")
    if not isinstance(content, dict) or content.get("format") != format_:
        raise ModelFileError(f"not a Surelabel model (format {format_}).")
    return content


def _state_of(pipeline: Any) -> Any:
    """A head's arrays by name; an estimator of scikit-learn as it is."""
    from surelabel.models.auto import OnPoints
    from surelabel.models.blend import Blend

    return pipeline.to_state() if isinstance(pipeline, Blend | OnPoints) else pipeline


def _pipeline_of(state: Any) -> Any:
    from surelabel.models.auto import OnPoints
    from surelabel.models.blend import Blend

    if not isinstance(state, dict):
        return state
    return (OnPoints if "estimator" in state else Blend).from_state(state)


def _calibration(value: Any) -> Calibration | None:
    return None if value is None else Calibration(float(value[0]), float(value[1]))


def _normalised(data: bytes) -> bytes:
    """The archive with ids counted from 1 in order of appearance, and no time in it."""
    numbers: dict[object, int] = {}
    names: dict[str, str] = {}

    def renumber(node: Any) -> Any:
        if isinstance(node, list):
            return [renumber(child) for child in node]
        if not isinstance(node, dict):
            return node
        if "__id__" in node:
            # Whether two small numbers are one object is up to the interpreter.
            address = object() if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(address, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].partition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{suffix}")
        return {key: renumber(child) for key, child in node.items()}

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = renumber(json.loads(archive.read("schema.json")))
        members = {new: archive.read(old) for old, new in names.items()}
    members["schema.json"] = json.dumps(schema, sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])
    return buffer.getvalue()
