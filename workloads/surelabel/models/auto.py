"""The head on a job's points: the blend, unless another is better beyond chance.

Another head replaces it only if, of items that neither had seen, it got more right by two standard
errors, and only if trying it is forecast to take no more than its share of time. The forecast is
made of sizes, not of clocks, so that equal input gives equal models.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.models.blend import Blend, fit_blend
from surelabel.models.calibration import Calibration
from surelabel.models.left_out import cross_val_scores, scores_of
from surelabel.models.points import Features, Points, Reduction

Floats = NDArray[np.float64]

# Above this many labels the blend's kernel takes too long, and the others have caught up.
MAX_KERNEL_LABELS = 5_000
# Below this many nothing is ever better by two standard errors.
_MIN_LABELS = 60
# Seconds that a candidate may take, all folds together, on one core.
_BUDGET = 10.0
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class OnPoints:
    """An estimator of scikit-learn that looks at points."""

    reduction: Reduction
    estimator: Any

    def scores(self, features: Features) -> Floats:
        """(n_items, n_seen)."""
        return scores_of(self.estimator, self.reduction(features))

    def to_state(self) -> dict[str, Any]:
        """Arrays, numbers and the estimator, for the model file."""
        return {"reduction": dict(vars(self.reduction)), "estimator": self.estimator}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> OnPoints:
        """What ``to_state`` gave."""
        return cls(Reduction(**state["reduction"]), state["estimator"])


@dataclass(frozen=True)
class Fitted:
    """A head by its name; ``left_out``: (n_labels, n_seen), scores without the item's label."""

    name: str
    head: Blend | OnPoints
    left_out: Floats
    calibration: Calibration


def fit_head(
    name: str,
    points: Points,
    row: NDArray[np.int64] | None,
    features: Features,
    is_class: NDArray[np.bool_],
    seed: int,
) -> Fitted:
    """The head ``name``, or for Auto the best one. ``row``: see ``fit_blend``."""
    position = is_class.argmax(axis=0)
    if name in ESTIMATORS:
        return _fit_on_points(name, points, features, position, seed)
    n_labels = len(position)
    if name == "Auto" and n_labels > MAX_KERNEL_LABELS:
        tried = [_fit_on_points(other, points, features, position, seed) for other in _LARGE]
        return min(tried, key=lambda fitted: fitted.calibration.loss)
    rng = np.random.default_rng(seed)
    blend = Fitted("Blend", *fit_blend(points, row, features, is_class, rng))
    if name != "Auto" or n_labels < _MIN_LABELS:
        return blend
    width = points.reduction.axes.shape[1]
    others = [
        _fit_on_points(other, points, features, position, seed)
        for other, cost in _COST.items()
        if cost(n_labels, width, len(is_class)) <= _BUDGET
    ]
    better = [other for other in others if _is_better(other, blend, position)]
    return min(better, key=lambda fitted: fitted.calibration.loss, default=blend)


def _fit_on_points(
    name: str, points: Points, features: Features, position: NDArray[np.int64], seed: int
) -> Fitted:
    place = points.reduction(features)
    with warnings.catch_warnings():
        # A class with a single item has no spread of its own, which is no news.
        warnings.simplefilter("ignore", UserWarning)
        left_out = cross_val_scores(lambda: ESTIMATORS[name](seed), place, position, seed)
        estimator = ESTIMATORS[name](seed).fit(place, position)
    calibration = Calibration.of(left_out, position)
    return Fitted(name, OnPoints(points.reduction, estimator), left_out, calibration)


def _is_better(one: Fitted, other: Fitted, position: NDArray[np.int64]) -> bool:
    right = [fitted.left_out.argmax(axis=1) == position for fitted in (one, other)]
    gain = right[0].astype(float) - right[1]
    error = float(np.std(gain, ddof=1)) / np.sqrt(len(gain))
    return float(gain.mean()) > _STANDARD_ERRORS * error and float(gain.mean()) > 0


def _discriminant(seed: int) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    del seed  # Nothing is random here.
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=0.3, max_iter=200, random_state=seed)
    return make_pipeline(StandardScaler(), model)


def _centroid(seed: int) -> Any:
    from sklearn.neighbors import NearestCentroid

    del seed
    return NearestCentroid()


ESTIMATORS: dict[str, Callable[[int], Any]] = {
    "LinearDiscriminantAnalysis": _discriminant,
    "LogisticRegression": _logistic,
    "NearestCentroid": _centroid,
}
_LARGE = ("LinearDiscriminantAnalysis", "LogisticRegression")
# Seconds by labels, width and classes, measured on one core; all folds and the last fit.
_COST: dict[str, Callable[[int, int, int], float]] = {
    "NearestCentroid": lambda n, width, k: 0.05 + 2e-8 * n * width * k,
    "LinearDiscriminantAnalysis": lambda n, width, k: 0.1 + 6e-8 * n * width * (width + k),
    "LogisticRegression": lambda n, width, k: 0.2 + 4e-7 * n * width * k,
}
