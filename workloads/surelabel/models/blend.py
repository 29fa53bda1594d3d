"""Label spreading and kernel ridge regression together: the one for few labels, the other for more.

How much each counts is chosen by the scores of items left out one at a time, so it changes as
labels come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.models.calibration import Calibration
from surelabel.models.kernel_ridge import fit_kernel_ridge
from surelabel.models.points import Features, Points, Reduction
from surelabel.models.spreading import neighbour_graph, spread

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

# Shares of the spreading that are tried, and how far class sizes are evened out.
_SHARES = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
_EVENED = (0.0, 0.5, 1.0)
# A point nearer than this share of its neighbours' distance is the point itself.
_SAME = 1e-3
_NEAREST = 10


@dataclass(frozen=True)
class Blend:
    """``field``: (n_points, n_seen), what spreading says of each point, rows of sum 1.

    ``share``: what it counts; 0 with no points at all. ``coefficient``: (n_labels, n_seen), of
    the kernel at ``labeled`` (n_labels, width).
    """

    reduction: Reduction
    point: Matrix
    field: Matrix
    share: float
    labeled: Matrix
    coefficient: Matrix
    gamma: float

    def scores(self, features: Features) -> Floats:
        """(n_items, n_seen)."""
        from sklearn.metrics.pairwise import rbf_kernel

        place = self.reduction(features)
        found = np.zeros((len(place), self.coefficient.shape[1]))
        if self.share < 1:
            kernel = rbf_kernel(place, self.labeled, gamma=self.gamma)
            found += (1 - self.share) * np.asarray(kernel @ self.coefficient, dtype=np.float64)
        if self.share > 0:
            found += self.share * self._spread(place)
        return found

    def _spread(self, place: Matrix) -> Floats:
        from sklearn.neighbors import NearestNeighbors

        n_near = min(_NEAREST, len(self.point))
        search: Any = NearestNeighbors(n_neighbors=n_near, algorithm="brute").fit(self.point)
        distance, near = search.kneighbors(place)
        scale = np.maximum(distance[:, -1:], 1e-12)
        # A point itself has what has spread to it; anything else the mean of what is around it.
        weight = np.exp(-((distance / scale) ** 2))
        is_point = distance[:, 0] <= _SAME * scale[:, 0]
        weight[is_point, 1:] = 0
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("ij,ijk->ik", weight, self.field[near]), dtype=np.float64)

    def to_state(self) -> dict[str, Any]:
        """Plain arrays and numbers, for the model file."""
        reduction = vars(self.reduction)
        return {**{key: value for key, value in vars(self).items() if key != "reduction"},
                "reduction": dict(reduction)}  # fmt: skip

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Blend:
        """What ``to_state`` gave."""
        return cls(**{**state, "reduction": Reduction(**state["reduction"])})


def fit_blend(
    points: Points,
    row: NDArray[np.int64] | None,
    features: Features,
    is_class: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Blend, Floats, Calibration]:
    """The blend, the scores of each labeled item by a fit without it, and their calibration.

    ``row``: (n_labels,), where the labeled items are among ``points``; None where some are not,
    so that nothing spreads. ``is_class``: (n_seen, n_labels).
    """
    place = points.reduction(features)
    ridge, by_kernel = fit_kernel_ridge(place, is_class)
    position = is_class.argmax(axis=0)
    field, by_field = np.zeros((0, len(is_class)), np.float32), None
    share, left_out, calibration = 0.0, by_kernel, Calibration.of(by_kernel, position)
    if row is not None and points.has_neighbours:
        graph = neighbour_graph(points.neighbour, points.distance)
        found = spread(graph, row, is_class, rng)
        count = is_class.sum(axis=1)
        for evened in _EVENED:
            by_field = _shares(found.left_out, count, evened)
            for candidate in _SHARES[1:]:
                scores = candidate * by_field + (1 - candidate) * by_kernel
                fitted = Calibration.of(scores, position)
                if fitted.loss < calibration.loss:
                    share, left_out, calibration = candidate, scores, fitted
                    field = _shares(found.field, count, evened).astype(np.float32)
    blend = Blend(
        points.reduction,
        points.point if share > 0 else points.point[:0],
        field,
        share,
        place,
        np.asarray(ridge.dual_coef_, dtype=np.float32),
        float(ridge.gamma),
    )
    return blend, left_out, calibration


def _shares(field: Matrix, count: NDArray[np.int64], evened: float) -> Floats:
    """Rows of sum 1; a point that nothing reaches has equal shares."""
    weighted = field / count.astype(np.float64) ** evened
    total = weighted.sum(axis=1, keepdims=True)
    n_seen = field.shape[1]
    return np.where(total > 0, weighted / np.where(total > 0, total, 1.0), 1 / n_seen)
