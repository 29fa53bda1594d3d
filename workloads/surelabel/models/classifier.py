"""Classifiers on fixed features: trained in seconds, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

from surelabel.models.auto import fit_head
from surelabel.models.calibration import Calibration
from surelabel.models.kernel_ridge import fit_kernel_ridge, kernel_ridge
from surelabel.models.left_out import cross_val_scores, scores_of
from surelabel.models.points import Points, fit_points, usable_rows

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]

# Rows scored at once; bounds the kernel matrix.
_CHUNK = 4_096
# Models that look at the pool's points (``fit_head``) rather than at the features themselves.
HEADS = ("Auto", "Blend", "LinearDiscriminantAnalysis", "NearestCentroid")


class NotTrainableError(ValueError):
    """These labels cannot train a model; the message says why."""


@dataclass(frozen=True)
class Model:
    """A trained classifier.

    ``name``: which of ``MODELS`` it is. ``classes``: (n_seen,), the class ids it has seen.
    """

    name: str
    n_classes: int
    n_features: int
    classes: NDArray[np.int64]
    pipeline: Any
    calibration: Calibration | None = None

    def predict_proba(self, features: Features) -> Floats:
        """(n_items, n_classes): probabilities; 0 for classes that it has never seen.

        They rank items; nothing promises that they are calibrated. Of features that are not
        finite nothing is known: all classes are alike.
        """
        if features.shape[1] != self.n_features:
            raise ValueError(
                f"features must have {self.n_features} columns, as in training; "
                f"got {features.shape[1]}."
            )
        proba = np.full((features.shape[0], self.n_classes), 1 / self.n_classes)
        usable = np.flatnonzero(usable_rows(features))
        if usable.size:
            proba[usable] = 0
            known = features if usable.size == len(proba) else features[usable]
            proba[np.ix_(usable, self.classes)] = _proba(self.pipeline, known, self.calibration)
        return proba

    def save(self) -> bytes:
        """A file that ``load`` reads without executing code; equal models give equal bytes."""
        from surelabel.models.files import save

        return save(self)


@dataclass(frozen=True)
class Learned:
    """``left_out``: (n_labels, n_classes), each item scored by a model that never saw its label."""

    model: Model
    left_out: Floats


def learn(
    features: Features,
    label: NDArray[np.int64],
    n_classes: int,
    *,
    seed: int,
    name: str = "Auto",
    points: Points | None = None,
    line: NDArray[np.int64] | None = None,
) -> Learned:
    """A model trained on labels of people. ``name``: one of ``MODELS``; NotTrainableError.

    ``points``: of the whole pool, with ``line``, (n_labels,), ascending, the labeled items'
    lines; without them a model knows the labeled items alone. Items whose features are not finite
    teach nothing.
    """
    label = np.asarray(label, dtype=np.int64)
    usable = np.flatnonzero(usable_rows(features))
    n_labels = label.size
    left_out = np.full((n_labels, n_classes), 1 / n_classes)
    label = label[usable]
    features = features if usable.size == n_labels else features[usable]
    classes = np.unique(label)
    if classes.size < 2:
        unusable = n_labels - usable.size
        raise NotTrainableError(
            f"a model needs labels of at least 2 classes; {n_labels} labels have {classes.size}"
            + (f", not counting {unusable} items whose features are not finite." if unusable
               else "."))  # fmt: skip
    is_class = label == classes[:, None]
    if name in HEADS:
        if points is None:
            points = fit_points(np.arange(label.size), features, seed, is_all=False)
        at = None if line is None else points.rows_of(np.asarray(line)[usable])
        head = fit_head(name, points, at, features, is_class, seed)
        name, pipeline, calibration, scores = head.name, head.head, head.calibration, head.left_out
    else:
        pipeline, scores = _fit_whole(name, features, label, is_class, seed)
        calibration = Calibration.of(scores, is_class.argmax(axis=0))
    left_out[usable] = 0
    left_out[np.ix_(usable, classes)] = calibration(scores)
    model = Model(name, n_classes, features.shape[1], classes, pipeline, calibration)
    return Learned(model, left_out)


def fit(
    features: Features, label: NDArray[np.int64], n_classes: int, *, seed: int, name: str = "Auto"
) -> Model:
    """The model alone; see ``learn``."""
    return learn(features, label, n_classes, seed=seed, name=name).model


def cross_val_proba(
    features: Features, label: NDArray[np.int64], n_classes: int, *, seed: int, name: str = "Auto"
) -> Floats:
    """(n_labels, n_classes): each item scored by a model that never saw its label."""
    return learn(features, label, n_classes, seed=seed, name=name).left_out


def _fit_whole(
    name: str,
    features: Features,
    label: NDArray[np.int64],
    is_class: NDArray[np.bool_],
    seed: int,
) -> tuple[Any, Floats]:
    """An estimator on the features as they are, and the scores of left out items."""
    if name == "KernelRidge":
        # Each item left out alone, at no cost beyond one fit.
        return fit_kernel_ridge(features, is_class)
    estimator = _WHOLE[name](features, seed)
    left_out = cross_val_scores(lambda: _WHOLE[name](features, seed), features, label, seed)
    return estimator.fit(features, label), left_out


def _logistic_regression(features: Features, seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    first = TfidfTransformer() if sparse.issparse(features) else StandardScaler()
    c = 30.0 if sparse.issparse(features) else 0.01
    return make_pipeline(first, LogisticRegression(C=c, max_iter=300, random_state=seed))


def _svm(features: Features, seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC, LinearSVC

    if sparse.issparse(features):
        return make_pipeline(TfidfTransformer(), LinearSVC(C=1.0, random_state=seed))
    return make_pipeline(SVC(C=10.0, gamma="scale", random_state=seed))


def _kernel_ridge(features: Features, seed: int) -> Any:
    del seed  # Nothing is random here.
    return kernel_ridge(features)


# ``autoLabeling.model.name`` besides Auto.
MODELS = (
    "Blend",
    "KernelRidge",
    "LinearDiscriminantAnalysis",
    "LogisticRegression",
    "NearestCentroid",
    "SVM",
)
_WHOLE: dict[str, Callable[[Features, int], Any]] = {
    "KernelRidge": _kernel_ridge,
    "LogisticRegression": _logistic_regression,
    "SVM": _svm,
}


def _proba(pipeline: Any, features: Features, calibration: Calibration | None) -> Floats:
    parts = [
        scores_of(pipeline, features[start : start + _CHUNK])
        for start in range(0, features.shape[0], _CHUNK)
    ]
    scores = np.concatenate(parts)
    # A file of another program may have none; its scores rank items all the same.
    return calibration(scores) if calibration is not None else softmax(2 * scores, axis=1)
