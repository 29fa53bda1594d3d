"""Classifiers on fixed features: trained in seconds, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

from surelabel.models.kernel_ridge import (
    Calibration,
    fit_kernel_ridge,
    kernel_ridge,
    predict,
)

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]

FOLDS = 5
# Rows scored at once; bounds the kernel matrix.
_CHUNK = 4_096
# Above this many labels a kernel machine takes too long to retrain.
MAX_KERNEL_LABELS = 5_000


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

        They rank items; nothing promises that they are calibrated.
        """
        if features.shape[1] != self.n_features:
            raise ValueError(
                f"features must have {self.n_features} columns, as in training; "
                f"got {features.shape[1]}."
            )
        proba = np.zeros((features.shape[0], self.n_classes))
        if features.shape[0]:
            proba[:, self.classes] = _proba(self.pipeline, features, self.calibration)
        return proba

    def save(self) -> bytes:
        """A file that ``load`` reads without executing code; equal models give equal bytes."""
        from surelabel.models.files import save

        return save(self)


def fit(
    features: Features,
    label: NDArray[np.int64],
    n_classes: int,
    *,
    seed: int,
    name: str = "Auto",
) -> Model:
    """A model trained on labels of people. ``name``: one of ``MODELS``; NotTrainableError."""
    label = np.asarray(label, dtype=np.int64)
    classes = np.unique(label)
    if classes.size < 2:
        raise NotTrainableError(
            f"a model needs labels of at least 2 classes; {label.size} labels have {classes.size}."
        )
    chosen = _auto(features, label) if name == "Auto" else name
    n_features = features.shape[1]
    if chosen == "KernelRidge":
        pipeline, left_out = fit_kernel_ridge(features, label == classes[:, None])
        calibration = Calibration.of(left_out, np.searchsorted(classes, label))
        return Model(chosen, n_classes, n_features, classes, pipeline, calibration)
    pipeline = MODELS[chosen](features, seed)
    pipeline.fit(features, label)
    return Model(chosen, n_classes, n_features, classes, pipeline)


def cross_val_proba(
    features: Features,
    label: NDArray[np.int64],
    n_classes: int,
    *,
    seed: int,
    name: str = "Auto",
    folds: int = FOLDS,
) -> Floats:
    """(n_labels, n_classes): each item scored by a model that never saw its label."""
    label = np.asarray(label, dtype=np.int64)
    chosen = _auto(features, label) if name == "Auto" else name
    classes = np.unique(label)
    if chosen == "KernelRidge" and classes.size >= 2:
        # Each item left out alone, at no cost beyond one fit.
        _, left_out = fit_kernel_ridge(features, label == classes[:, None])
        proba = np.zeros((label.size, n_classes))
        calibration = Calibration.of(left_out, np.searchsorted(classes, label))
        proba[:, classes] = calibration(left_out)
        return proba
    rng = np.random.default_rng(seed)
    # Stratified by hand: shuffled within each class, then dealt out, so no class misses a fold
    # for want of luck, and classes with one label do no harm.
    order = rng.permutation(label.size)
    order = order[np.argsort(label[order], kind="stable")]
    fold = np.empty(label.size, np.int64)
    fold[order] = np.arange(label.size) % folds
    proba = np.full((label.size, n_classes), 1 / n_classes)
    for number in range(folds):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if test.size and np.unique(label[train]).size >= 2:
            model = fit(features[train], label[train], n_classes, seed=seed, name=name)
            proba[test] = model.predict_proba(features[test])
    return proba


def _auto(features: Features, label: NDArray[np.int64]) -> str:
    if sparse.issparse(features) or label.size > MAX_KERNEL_LABELS:
        return "LogisticRegression"
    return "KernelRidge"


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
MODELS: dict[str, Callable[[Features, int], Any]] = {
    "KernelRidge": _kernel_ridge,
    "LogisticRegression": _logistic_regression,
    "SVM": _svm,
}


def _proba(pipeline: Any, features: Features, calibration: Calibration | None) -> Floats:
    if calibration is not None:
        parts = [
            predict(pipeline, features[start : start + _CHUNK])
            for start in range(0, features.shape[0], _CHUNK)
        ]
        return calibration(np.concatenate(parts))
    if hasattr(pipeline, "predict_proba"):
        return np.asarray(pipeline.predict_proba(features), dtype=np.float64)
    scores = np.asarray(pipeline.decision_function(features), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.stack((-scores, scores), axis=1)
    # Margins are no logits, but their softmax ranks items by how far ahead the winner is.
    proba: Floats = softmax(2 * scores, axis=1)
    return proba
