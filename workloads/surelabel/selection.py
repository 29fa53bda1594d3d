"""Which items people are asked about; never which items are tested (see ``certify``).

Queries are chosen by the model and therefore biased; every batch keeps a uniform share, which
alone may be used to estimate anything about the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# Streams of one job's seed, each for one purpose, so that none disturbs another.
STREAMS = {"sampling": 0, "querying": 1, "training": 2, "people": 3}

UNIFORM_SHARE = 0.25
# Of the first batch, which is all there is to judge the first model by: typical items alone would
# make it look better than it is.
FIRST_UNIFORM_SHARE = 0.5
# Items that first_batch looks at; a larger pool is thinned uniformly first.
MAX_CLUSTERED = 20_000
# Columns that rows are clustered in.
_WIDTH = 50


@dataclass(frozen=True)
class Batch:
    """``position``: (n,), ascending, into the pool; ``uniform``: (n,), drawn uniformly."""

    position: NDArray[np.int64]
    uniform: NDArray[np.bool_]


def stream(purpose: str, seed: int, *path: int) -> np.random.Generator:
    """The generator of one purpose; ``path`` is round, pass and the like."""
    sequence = np.random.SeedSequence(seed, spawn_key=(STREAMS[purpose], *path))
    return np.random.Generator(np.random.PCG64(sequence))


def first_batch(
    n_items: int,
    n: int,
    rng: np.random.Generator,
    features: NDArray[np.float32] | sparse.csr_matrix | None = None,
    uniform_share: float = UNIFORM_SHARE,
) -> Batch:
    """The items that people label before there is a model.

    With ``features`` the part that is not uniform is the most typical item of each of as many
    clusters (Hacohen, Dekel and Weinshall, "Active Learning on a Budget", ICML 2022): the first
    model then has seen every kind of item once.
    """
    n = min(n, n_items)
    n_uniform = n if features is None else int(np.ceil(n * uniform_share))
    uniform = rng.choice(n_items, n_uniform, replace=False)
    if n_uniform == n or features is None:
        return _batch(uniform, np.empty(0, np.int64))
    rest = np.setdiff1d(np.arange(n_items), uniform)
    if rest.size > MAX_CLUSTERED:
        rest = np.sort(rng.choice(rest, MAX_CLUSTERED, replace=False))
    typical = rest[nearest_to_centres(features[rest], n - n_uniform, rng)]
    return _batch(uniform, typical)


def margin(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): probability of the likeliest class less that of the second; 1 for a single class."""
    if probability.shape[1] < 2:
        return np.ones(len(probability))
    top = np.partition(probability, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def _batch(uniform: NDArray[np.int64], queried: NDArray[np.int64]) -> Batch:
    position = np.concatenate((uniform, queried)).astype(np.int64)
    flag = np.arange(position.size) < uniform.size
    order = np.argsort(position)
    return Batch(position[order], flag[order])


def nearest_to_centres(
    features: NDArray[np.float32] | sparse.csr_matrix, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """(min(n, n_rows),), ascending: of each of ``n`` clusters the row nearest to its centre.

    Few neighbours far away is not typical; the distance to the centre stands in for density.
    """
    # Late, since importing scikit-learn takes most of a second.
    from sklearn.cluster import MiniBatchKMeans

    n_rows = features.shape[0]
    if n_rows <= n:
        return np.arange(n_rows)
    seed = int(rng.integers(2**31))
    reduced = rows_of((features,), _WIDTH, seed)
    # In double precision: of single, scikit-learn converts chunk after chunk for every centre.
    reduced = reduced.astype(np.float64, copy=False)
    kmeans = MiniBatchKMeans(n, n_init=1, max_iter=50, batch_size=4_096, random_state=seed)
    cluster = kmeans.fit_predict(reduced)
    gap = np.linalg.norm(reduced - kmeans.cluster_centers_[cluster], axis=1)
    order = np.lexsort((gap, cluster))
    first = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    chosen = order[first]
    if chosen.size < n:
        left = np.setdiff1d(np.arange(n_rows), chosen)
        chosen = np.concatenate((chosen, rng.choice(left, n - chosen.size, replace=False)))
    return np.sort(chosen)


def rows_of(
    parts: Sequence[NDArray[np.float32] | sparse.csr_matrix],
    width: int,
    seed: int,
) -> NDArray[np.float32]:
    """The rows of all parts, one below the other, dense and of at most ``width`` columns.

    Wider ones are centred (dense ones) and projected on their leading directions.
    """
    from sklearn.decomposition import TruncatedSVD

    if any(sparse.issparse(part) for part in parts):
        matrix = sparse.vstack([sparse.csr_matrix(p) for p in parts if p.shape[0]]).tocsr()
        # Hashed texts have 2^18 columns, of which a few thousand occur in any batch.
        features = matrix[:, np.flatnonzero(matrix.getnnz(axis=0))]
    else:
        features = np.concatenate([part for part in parts if part.shape[0]])
    width = min(width, features.shape[1] - 1, features.shape[0] - 1)
    if features.shape[1] <= width or width < 1:
        return features.toarray() if sparse.issparse(features) else np.asarray(features)
    mean = 0.0 if sparse.issparse(features) else features.mean(axis=0)
    # Equal items have no variance to explain, which is no reason to warn.
    with np.errstate(invalid="ignore", divide="ignore"):
        reduced = TruncatedSVD(width, random_state=seed).fit_transform(features - mean)
    return np.asarray(reduced)
