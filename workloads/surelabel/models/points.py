"""All items of a job as points of few dimensions, and which lie near which; labels play no part.

Pictures go to their principal components; texts to those of their TF-IDF (latent semantic
analysis: Deerwester et al., "Indexing by Latent Semantic Analysis", JASIS 1990), at length 1.
Made once per job: items do not change.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Matrix = NDArray[np.float32]

# The neighbour graph grows with n_points^2; larger pools are reduced by a part of their items.
MAX_POINTS = 20_000
N_NEIGHBOURS = 10
WIDTH = 100
TEXT_WIDTH = 150
# Of sparse features the commonest columns: rare ones join no two items.
_MAX_COLUMNS = 20_000
# Squares of larger numbers overflow further on.
_LARGEST = 1e15


@dataclass(frozen=True)
class Reduction:
    """From features to points: (features[:, column] * weight - mean) @ axes.

    ``mean`` is empty for sparse features, whose rows have length 1 before and after.
    """

    n_features: int
    column: NDArray[np.int32]
    weight: Matrix
    mean: Matrix
    axes: Matrix

    def __call__(self, features: Features) -> Matrix:
        """(n_items, width)."""
        if sparse.issparse(features):
            weighted = _unit_rows(sparse.csr_matrix(features)[:, self.column], self.weight)
            return _at_length_1(np.asarray(weighted @ self.axes, dtype=np.float32))
        return np.asarray((features - self.mean) @ self.axes, dtype=np.float32)


@dataclass(frozen=True)
class Points:
    """``line``: (n_points,), ascending; ``point``: (n_points, width).

    ``neighbour``, ``distance``: (n_points, k), nearest first, oneself left out; empty where the
    points are but a part of the pool, or too few to have neighbours.
    """

    reduction: Reduction
    line: NDArray[np.int64]
    point: Matrix
    neighbour: NDArray[np.int32]
    distance: Matrix

    @property
    def has_neighbours(self) -> bool:
        """Whether labels can spread."""
        return bool(self.neighbour.shape[1] > 0)

    def rows_of(self, line: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """(len(line),): where the lines are among the points; None if one is not."""
        row = np.searchsorted(self.line, line)
        row[row == len(self.line)] = 0
        there = len(self.line) > 0 and bool(np.all(self.line[row] == line))
        return row if there else None

    def to_bytes(self) -> bytes:
        """Equal values give equal bytes."""
        buffer = io.BytesIO()
        r = self.reduction
        np.savez(
            buffer,
            n_features=np.int64(r.n_features),
            column=r.column,
            weight=r.weight,
            mean=r.mean,
            axes=r.axes,
            line=self.line,
            point=self.point,
            neighbour=self.neighbour,
            distance=self.distance,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Points:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            names = ("column", "weight", "mean", "axes")
            reduction = Reduction(int(stored["n_features"]), *(stored[name] for name in names))
            return cls(
                reduction,
                *(stored[name] for name in ("line", "point", "neighbour", "distance")),
            )


def usable_rows(features: Features) -> NDArray[np.bool_]:
    """(n_items,): which rows are finite, and no number so large that its square is not."""
    if sparse.issparse(features):
        matrix = sparse.csr_matrix(features)
        broken = ~(np.abs(matrix.data) < _LARGEST)
        usable = np.ones(matrix.shape[0], bool)
        usable[np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[broken]] = False
        return usable
    return np.asarray(np.all(np.abs(features) < _LARGEST, axis=1))


def fit_points(
    line: NDArray[np.int64], features: Features, seed: int, *, is_all: bool = True
) -> Points:
    """The points of ``line``; rows that are not usable are left out.

    ``is_all``: these are all items of the pool, so labels may spread among them.
    """
    usable = np.flatnonzero(usable_rows(features))
    line, features = line[usable], features[usable]
    reduction = _reduction(features, seed)
    point = reduction(features)
    neighbour, distance = np.empty((len(line), 0), np.int32), np.empty((len(line), 0), np.float32)
    if is_all and N_NEIGHBOURS < len(line) <= MAX_POINTS:
        distance, neighbour = _nearest(point)
    return Points(reduction, line, point, neighbour, distance)


def _nearest(point: Matrix) -> tuple[Matrix, NDArray[np.int32]]:
    # Late, since importing scikit-learn takes most of a second.
    from sklearn.neighbors import NearestNeighbors

    search: Any = NearestNeighbors(n_neighbors=N_NEIGHBOURS, algorithm="brute").fit(point)
    # Without an argument nobody is a neighbour of itself.
    distance, neighbour = search.kneighbors()
    return distance.astype(np.float32), neighbour.astype(np.int32)


def _reduction(features: Features, seed: int) -> Reduction:
    n_items, n_features = features.shape
    if sparse.issparse(features):
        matrix = sparse.csr_matrix(features)
        count = matrix.getnnz(axis=0)
        # Stable, so that ties keep the order of the columns.
        common = np.argsort(-count, kind="stable")[: min(_MAX_COLUMNS, int(np.sum(count > 0)))]
        column = np.sort(common).astype(np.int32)
        idf = (np.log((1 + n_items) / (1 + count[column])) + 1).astype(np.float32)
        axes = _axes(_unit_rows(matrix[:, column], idf), TEXT_WIDTH, seed)
        return Reduction(n_features, column, idf, np.empty(0, np.float32), axes)
    mean = (
        features.mean(axis=0, dtype=np.float64).astype(np.float32)
        if n_items
        else np.zeros(n_features, np.float32)
    )
    every = np.arange(n_features, dtype=np.int32)
    axes = _axes(features - mean, WIDTH, seed)
    return Reduction(n_features, every, np.ones(n_features, np.float32), mean, axes)


def _axes(matrix: Any, width: int, seed: int) -> Matrix:
    from sklearn.utils.extmath import randomized_svd

    n_items, n_columns = matrix.shape
    width = min(width, n_columns, n_items)
    if width < 1:
        return np.zeros((n_columns, 0), np.float32)
    # Low rank is no reason to warn.
    with np.errstate(invalid="ignore", divide="ignore"):
        _, _, axes = randomized_svd(matrix, width, n_iter=3, random_state=seed)
    return np.ascontiguousarray(axes.T, dtype=np.float32)


def _unit_rows(matrix: sparse.csr_matrix, weight: Matrix) -> sparse.csr_matrix:
    weighted = (matrix @ sparse.diags(weight)).tocsr().astype(np.float32)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = 1 / np.maximum(length, np.finfo(np.float32).tiny)
    return (sparse.diags(scale.astype(np.float32)) @ weighted).tocsr()


def _at_length_1(rows: Matrix) -> Matrix:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, np.float32(1e-12)))
