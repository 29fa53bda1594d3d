"""Scores of labeled items by models that were fitted without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]

FOLDS = 5


def fold_of(label: NDArray[np.int64], seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """(n_items,): a fold for each, every class spread over all of them.

    By hand: no class misses a fold for want of luck, and classes with one label do no harm.
    """
    order = np.random.default_rng(seed).permutation(label.size)
    order = order[np.argsort(label[order], kind="stable")]
    fold = np.empty(label.size, np.int64)
    fold[order] = np.arange(label.size) % folds
    return fold


def cross_val_scores(
    build: Callable[[], Any],
    features: Features,
    label: NDArray[np.int64],
    seed: int,
) -> Floats:
    """(n_items, n_seen): scores by estimators of ``build`` that never saw the item.

    A class that an estimator never saw is as far behind as the last one.
    """
    classes = np.unique(label)
    fold = fold_of(label, seed)
    scores = np.zeros((label.size, classes.size))
    for number in range(FOLDS):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        seen = np.unique(label[train])
        if test.size and seen.size >= 2:
            estimator = build().fit(features[train], label[train])
            found = scores_of(estimator, features[test])
            scores[test] = found.min(axis=1, keepdims=True)
            scores[np.ix_(test, np.searchsorted(classes, seen))] = found
    return scores


def scores_of(estimator: Any, features: Features) -> Floats:
    """(n_items, n_seen): how much speaks for each class, on whatever scale."""
    if hasattr(estimator, "scores"):
        return np.asarray(estimator.scores(features), dtype=np.float64)
    if not hasattr(estimator, "decision_function"):
        return np.asarray(estimator.predict(features), dtype=np.float64)
    found = np.asarray(estimator.decision_function(features), dtype=np.float64)
    return np.stack((-found, found), axis=1) if found.ndim == 1 else found
