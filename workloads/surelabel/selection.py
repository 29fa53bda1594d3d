"""Which items people are asked about; never which items are tested (see ``certify``).

Queries are chosen by the model and therefore biased; every batch keeps a uniform share, which
alone may be used to estimate anything about the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# Streams of one job's seed, each for one purpose, so that none disturbs another.
STREAMS = {"sampling": 0, "querying": 1, "training": 2, "people": 3}

UNIFORM_SHARE = 0.25
# Items that first_batch looks at; a larger pool is thinned uniformly first.
MAX_CLUSTERED = 20_000


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
    typical = rest[_typical(features[rest], n - n_uniform, rng)]
    return _batch(uniform, typical)


def query_batch(
    probability: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
    features: NDArray[np.float32] | sparse.csr_matrix | None = None,
    uniform_share: float = UNIFORM_SHARE,
) -> Batch:
    """The items of the pool that would teach the model most, and a uniform share.

    ``probability``: (n_pool, n_classes). By margin, the gap between the two likeliest classes;
    with ``features`` the least certain 5 n are clustered, so that a batch is not n times the
    same question.
    """
    n_pool = len(probability)
    n = min(n, n_pool)
    n_uniform = int(np.ceil(n * uniform_share))
    uniform = rng.choice(n_pool, n_uniform, replace=False)
    rest = np.setdiff1d(np.arange(n_pool), uniform)
    wanted = n - n_uniform
    # Stable, so that equal margins keep the pool's order.
    order = rest[np.argsort(margin(probability)[rest], kind="stable")]
    if features is None or wanted == 0 or order.size <= wanted:
        return _batch(uniform, order[:wanted])
    near = np.sort(order[: 5 * wanted])
    return _batch(uniform, near[_typical(features[near], wanted, rng, nearest=True)])


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


def _typical(
    features: NDArray[np.float32] | sparse.csr_matrix,
    n: int,
    rng: np.random.Generator,
    nearest: bool = False,
) -> NDArray[np.int64]:
    """One row of each of ``n`` clusters: the densest, or the one nearest to the centre."""
    # Late, since importing scikit-learn takes most of a second.
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD

    n_rows = features.shape[0]
    if n_rows <= n:
        return np.arange(n_rows)
    if sparse.issparse(features):
        # Hashed texts have 2^18 columns, of which a few thousand occur in any batch.
        matrix = sparse.csr_matrix(features)
        features = matrix[:, np.flatnonzero(matrix.getnnz(axis=0))]
    seed = int(rng.integers(2**31))
    width = min(50, features.shape[1] - 1, n_rows - 1)
    if features.shape[1] > width:
        mean = 0.0 if sparse.issparse(features) else features.mean(axis=0)
        # Equal items have no variance to explain, which is no reason to warn.
        with np.errstate(invalid="ignore", divide="ignore"):
            reduced = TruncatedSVD(width, random_state=seed).fit_transform(features - mean)
    else:
        reduced = np.asarray(features)
    # In double precision: of single, scikit-learn converts chunk after chunk for every centre.
    reduced = reduced.astype(np.float64, copy=False)
    kmeans = MiniBatchKMeans(n, n_init=1, max_iter=50, batch_size=4_096, random_state=seed)
    cluster = kmeans.fit_predict(reduced)
    gap = np.linalg.norm(reduced - kmeans.cluster_centers_[cluster], axis=1)
    # Few neighbours far away: not typical. The distance to the centre stands in for density.
    order = np.lexsort((gap, cluster))
    first = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    chosen = order[first]
    if chosen.size < n:
        left = np.setdiff1d(np.arange(n_rows), chosen)
        chosen = np.concatenate((chosen, rng.choice(left, n - chosen.size, replace=False)))
    return np.sort(chosen)
