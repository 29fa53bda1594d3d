"""The heads on a job's points, node by node: see ``points``, ``blend`` and ``auto``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.model_graphs.graph import Graph
from surelabel.models.blend import NEAREST, SAME, Blend
from surelabel.models.points import Reduction


def reduced(graph: Graph, reduction: Reduction) -> str:
    """(n, width): the points of the features, rounded to single precision as there."""
    inputs = graph.features
    if reduction.mean.size:
        moved = graph.node("Sub", inputs, row(graph, reduction.mean))
        return _single(graph, graph.node("MatMul", moved, graph.constant(reduction.axes)))
    # Of sparse features the commonest columns; rows have length 1 before and after.
    chosen = graph.node("Gather", inputs, graph.integers(reduction.column), axis=1)
    weighted = at_length_1(graph, graph.node("Mul", chosen, row(graph, reduction.weight)))
    found = graph.node("MatMul", weighted, graph.constant(reduction.axes))
    return _single(graph, at_length_1(graph, found))


def blend_scores(graph: Graph, blend: Blend) -> str:
    """(n, n_seen)."""
    place = reduced(graph, blend.reduction)
    parts = []
    if blend.share < 1:
        kernel = rbf(graph, place, blend.labeled, blend.gamma)
        weights = graph.constant((1 - blend.share) * blend.coefficient.astype(np.float64))
        parts.append(graph.node("MatMul", kernel, weights))
    if blend.share > 0:
        share = graph.constant(np.array(blend.share))
        parts.append(graph.node("Mul", _spread(graph, blend, place), share))
    return parts[0] if len(parts) == 1 else graph.node("Add", *parts)


def _spread(graph: Graph, blend: Blend, place: str) -> str:
    """The mean of what has spread to the nearest points; a point itself has its own."""
    n_near = min(NEAREST, len(blend.point))
    square = distances(graph, place, blend.point)
    distance, near = graph.smallest(graph.node("Sqrt", square), n_near)
    last = graph.node("Gather", distance, graph.integers([n_near - 1]), axis=1)
    scale = graph.node("Max", last, graph.constant(np.array(1e-12)))
    ratio = graph.node("Div", distance, scale)
    weight = graph.node("Exp", graph.node("Neg", graph.node("Mul", ratio, ratio)))
    first = graph.node("Gather", ratio, graph.integers([0]), axis=1)
    is_other = graph.double(graph.node("Greater", first, graph.constant(np.array(SAME))))
    # 1 for the nearest, for others only where that is not the point itself.
    nearest = np.eye(n_near)[:1]
    kept = graph.node("Mul", is_other, graph.constant(1 - nearest))
    weight = graph.node("Mul", weight, graph.node("Add", kept, graph.constant(nearest)))
    weight = graph.node("Div", weight, graph.node("ReduceSum", weight, graph.integers([1])))
    said = graph.node("Gather", graph.constant(blend.field), near, axis=0)
    weighted = graph.node("Mul", said, graph.node("Unsqueeze", weight, graph.integers([2])))
    return graph.node("ReduceSum", weighted, graph.integers([1]), keepdims=0)


def centroid_scores(graph: Graph, estimator: Any, inputs: str) -> str:
    """(n, n_seen): as scikit-learn's, but for what all classes of an item share."""
    spread = np.where(estimator.within_class_std_dev_ != 0, estimator.within_class_std_dev_, 1)
    centre = np.asarray(estimator.centroids_, np.float64) / spread
    offset = 2 * np.log(estimator.class_prior_) - (centre**2).sum(axis=1)
    # Of two classes it gives the difference alone, which then stands on both sides.
    sides = 2 if len(offset) == 2 else 1
    weights = sides * 2 * centre / spread
    scores = graph.node("MatMul", inputs, graph.constant(weights.T))
    return graph.node("Add", scores, row(graph, sides * offset))


def rbf(graph: Graph, inputs: str, support: NDArray[Any], gamma: float) -> str:
    """(n, n_support): exp(-gamma |x - s|^2)."""
    square = distances(graph, inputs, support)
    return graph.node("Exp", graph.node("Mul", square, graph.constant(np.array(-float(gamma)))))


def distances(graph: Graph, inputs: str, support: NDArray[Any], square: str | None = None) -> str:
    """(n, n_support): |x - s|^2. ``square``: |x|^2, where ``inputs`` is but a part of x."""
    if square is None:
        square = graph.node("ReduceSum", graph.node("Mul", inputs, inputs), graph.integers([1]))
    support = np.asarray(support, np.float64)
    product = graph.node("MatMul", inputs, graph.constant(-2 * support.T))
    norms = row(graph, (support**2).sum(axis=1))
    found = graph.node("Add", graph.node("Add", product, square), norms)
    # Rounding may leave a distance to itself below 0.
    return graph.node("Max", found, graph.constant(np.array(0.0)))


def at_length_1(graph: Graph, inputs: str) -> str:
    """Rows of length 1; one of zeros stays."""
    squares = graph.node("ReduceSum", graph.node("Mul", inputs, inputs), graph.integers([1]))
    least = graph.constant(np.array(np.finfo(np.float32).tiny))
    return graph.node("Div", inputs, graph.node("Max", graph.node("Sqrt", squares), least))


def row(graph: Graph, values: Any) -> str:
    """(1, n): a constant for each column."""
    return graph.constant(np.asarray(values, np.float64).reshape(1, -1))


def _single(graph: Graph, name: str) -> str:
    return graph.double(graph.single(name))
