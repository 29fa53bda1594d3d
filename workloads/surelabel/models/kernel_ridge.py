"""Kernel ridge regression on class indicators: one solve, and leave-one-out scores for nothing.

With a few hundred labels it is as accurate as a support vector machine, and its margins rank the
errors better, which is what decides how many items a machine may label.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]

ALPHA = 0.03


def kernel_ridge(features: Features) -> Any:
    """An estimator whose kernel is as wide as these features are spread."""
    from sklearn.kernel_ridge import KernelRidge

    return KernelRidge(kernel="rbf", gamma=_gamma(features), alpha=ALPHA)


def fit_kernel_ridge(features: Features, is_class: NDArray[np.bool_]) -> tuple[Any, Floats]:
    """The fitted estimator, and (n_items, n_seen) scores of each item by a fit without it.

    ``is_class``: (n_seen, n_items). Leaving item i out moves its score by residual_i / (1 - H_ii),
    H the hat matrix, so no second fit is needed.
    """
    from sklearn.metrics.pairwise import rbf_kernel

    target = is_class.T.astype(np.float64)
    estimator = kernel_ridge(features)
    estimator.fit(features, target)
    kernel = np.asarray(rbf_kernel(features, gamma=estimator.gamma), dtype=np.float64)
    kernel[np.diag_indices_from(kernel)] += ALPHA
    inverse = linalg.inv(kernel, overwrite_a=True)
    left_out = target - (inverse @ target) / np.diagonal(inverse)[:, None]
    return estimator, left_out


def _gamma(features: Features) -> float:
    """One over the mean squared distance of two items."""
    if sparse.issparse(features):
        matrix = sparse.csr_matrix(features)
        squares = matrix.multiply(matrix).sum() / matrix.shape[0]
        spread = float(squares - np.square(np.asarray(matrix.mean(axis=0))).sum())
    else:
        spread = float(np.var(features, axis=0, dtype=np.float64).sum())
    return 1 / (2 * spread) if spread > 0 else 1.0
