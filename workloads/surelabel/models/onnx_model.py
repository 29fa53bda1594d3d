"""Trained models as ONNX graphs: features in, the same probabilities out.

Kernel machines and linear models are written node by node, in double precision; other estimators
of scikit-learn by skl2onnx. scikit-learn's kernel machine rounds to single precision on its way, so
it differs from its graph by some 1e-5. Both packages are optional (``is_available``).
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse

from surelabel.models.about import About
from surelabel.models.classifier import Model
from surelabel.models.estimator_model import EstimatorModel
from surelabel.models.onnx_graph import Graph
from surelabel.models.temperature import FLOOR

FEATURES, PROBABILITIES = "features", "probabilities"
# Larger ones do not fit into a protobuf message.
_MAX_BYTES = 2_000_000_000

# skl2onnx 1.20 writes graphs of these that fail on some items.
_NOT_RIGHT = ("RadiusNeighborsClassifier",)


class NotConvertibleError(ValueError):
    """A model that has no ONNX graph; the message says why."""


def is_available() -> bool:
    """Whether graphs can be written here (the extra ``onnx``)."""
    return find_spec("onnx") is not None and find_spec("skl2onnx") is not None


def to_onnx(model: Model, about: About) -> bytes:
    """A graph from ``features`` (n, n_features) float to ``probabilities`` (n, n_classes) float.

    Columns are the labels of ``about``, which stand in the metadata. NotConvertibleError.
    """
    graph = Graph(FEATURES, model.n_features)
    scores, is_proba = _scores(graph, model)
    found = _as_probabilities(graph, model, scores, is_proba)
    # Every class in its column; those never seen have 0.
    place = np.zeros((len(model.classes), model.n_classes))
    place[np.arange(len(model.classes)), model.classes] = 1
    graph.output(PROBABILITIES, graph.node("MatMul", found, graph.constant(place)), model.n_classes)
    data = graph.to_bytes(
        {
            "labels": json.dumps(list(about.labels), ensure_ascii=False),
            "taskType": about.task_type,
            "features": about.features,
            "nFeatures": str(about.n_features),
            "model": model.name,
        }
    )
    if len(data) > _MAX_BYTES:
        raise NotConvertibleError(f"its graph has {len(data)} bytes; may have {_MAX_BYTES}.")
    return data


def _as_probabilities(graph: Graph, model: Model, scores: str, is_proba: bool) -> str:
    """(n, n_seen): calibrated as the model's own."""
    if isinstance(model, EstimatorModel):
        proba = scores if is_proba else graph.node("Softmax", scores, axis=1)
        floor = graph.constant(np.array(FLOOR))
        logs = graph.node("Log", graph.node("Max", proba, floor))
        return _mixed(graph, logs, model.sharpness, model.noise, len(model.classes))
    if model.calibration is not None:
        c = model.calibration
        return _mixed(graph, scores, c.sharpness, c.noise, len(model.classes))
    if is_proba:
        return scores
    twice = graph.node("Mul", scores, graph.constant(np.array(2.0)))
    return graph.node("Softmax", twice, axis=1)


def _mixed(graph: Graph, scores: str, sharpness: float, noise: float, n_seen: int) -> str:
    sharp = graph.node("Mul", scores, graph.constant(np.array(sharpness)))
    soft = graph.node("Softmax", sharp, axis=1)
    kept = graph.node("Mul", soft, graph.constant(np.array(1 - noise)))
    return graph.node("Add", kept, graph.constant(np.array(noise / n_seen)))


def _scores(graph: Graph, model: Model) -> tuple[str, bool]:
    """(n, n_seen): what the estimator says, and whether that are probabilities."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.pipeline import Pipeline

    if isinstance(model.pipeline, KernelRidge):
        return _kernel_ridge(graph, model.pipeline), False
    if not isinstance(model.pipeline, Pipeline):
        raise NotConvertibleError(f"{model.name} has no graph.")
    *before, last = [step for _, step in model.pipeline.steps]
    if not _is_linear(before, last):
        return _by_skl2onnx(graph, model.pipeline)
    inputs = graph.features
    for step in before:
        inputs = _transformed(graph, step, inputs)
    return _linear(graph, last, inputs)


def _is_linear(before: list[Any], last: Any) -> bool:
    """Whether a few nodes of ours are all of it: skl2onnx writes these in single precision."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    known = all(isinstance(step, StandardScaler | TfidfTransformer) for step in before)
    by_margin = isinstance(last, LinearSVC | RidgeClassifier | SGDClassifier)
    by_margin = by_margin and not hasattr(last, "predict_proba")
    return known and (isinstance(last, LogisticRegression) or by_margin)


def _kernel_ridge(graph: Graph, estimator: Any) -> str:
    """exp(-gamma |x - s|^2) of every support s, times its weights."""
    if estimator.kernel != "rbf":
        raise NotConvertibleError(f"the kernel {estimator.kernel!r} has no graph.")
    support, inputs = estimator.X_fit_, graph.features
    square = graph.node("ReduceSum", graph.node("Mul", inputs, inputs), graph.integers([1]))
    if sparse.issparse(support):
        # Columns without a count in any support add nothing to the product.
        matrix = sparse.csc_matrix(support)
        used = np.flatnonzero(np.diff(matrix.indptr))
        inputs = graph.node("Gather", inputs, graph.integers(used), axis=1)
        support = matrix[:, used].toarray()
    support = np.asarray(support, np.float64)
    product = graph.node("MatMul", inputs, graph.constant(-2 * support.T))
    norms = _row(graph, (support**2).sum(axis=1))
    distance = graph.node("Add", graph.node("Add", product, square), norms)
    # Rounding may leave a distance to itself below 0.
    distance = graph.node("Max", distance, graph.constant(np.array(0.0)))
    gamma = graph.constant(np.array(-float(estimator.gamma)))
    kernel = graph.node("Exp", graph.node("Mul", distance, gamma))
    return graph.node("MatMul", kernel, graph.constant(np.asarray(estimator.dual_coef_)))


def _transformed(graph: Graph, step: Any, inputs: str) -> str:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import StandardScaler

    if isinstance(step, StandardScaler):
        moved = graph.node("Sub", inputs, _row(graph, step.mean_)) if step.with_mean else inputs
        return graph.node("Div", moved, _row(graph, step.scale_)) if step.with_std else moved
    if isinstance(step, TfidfTransformer) and step.norm == "l2" and not step.sublinear_tf:
        weighted = graph.node("Mul", inputs, _row(graph, step.idf_))
        squares = graph.node("Mul", weighted, weighted)
        length = graph.node("Sqrt", graph.node("ReduceSum", squares, graph.integers([1])))
        # A text without a word stays 0.
        least = graph.constant(np.array(np.finfo(np.float64).tiny))
        return graph.node("Div", weighted, graph.node("Max", length, least))
    raise NotConvertibleError(f"{type(step).__name__} before a linear model has no graph.")


def _linear(graph: Graph, estimator: Any, inputs: str) -> tuple[str, bool]:
    weights, offset = np.asarray(estimator.coef_), np.asarray(estimator.intercept_)
    scores = graph.node("MatMul", inputs, graph.constant(weights.T.astype(np.float64)))
    scores = graph.node("Add", scores, _row(graph, offset))
    is_proba = hasattr(estimator, "predict_proba")
    if weights.shape[0] == 1:
        # A softmax of (-s / 2, s / 2) is the logistic function of s.
        scale = np.array([[-0.5, 0.5]]) if is_proba else np.array([[-1.0, 1.0]])
        scores = graph.node("MatMul", scores, graph.constant(scale))
    return (graph.node("Softmax", scores, axis=1), True) if is_proba else (scores, False)


def _by_skl2onnx(graph: Graph, estimator: Any) -> tuple[str, bool]:
    is_proba = hasattr(estimator, "predict_proba")
    kind = type(estimator.steps[-1][1]).__name__
    if kind in _NOT_RIGHT:
        raise NotConvertibleError(f"skl2onnx writes a graph of {kind} that fails on some items.")
    try:
        scores = graph.converted(estimator, raw_scores=not is_proba)
    # It has no common base for what it cannot do.
    except Exception as error:
        raise NotConvertibleError(f"skl2onnx: {type(error).__name__}: {error}") from error
    return scores, is_proba


def _row(graph: Graph, values: Any) -> str:
    return graph.constant(np.asarray(values, np.float64).reshape(1, -1))
