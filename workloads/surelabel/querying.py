"""Which items of the pool a model learns most from: the part of a batch that is not uniform.

Of near-duplicates one is asked about: an item whose features are almost those of one that is
labeled, asked about already or ranked before it is left out. The others keep no label for it;
whatever a machine gives them is tested like any other.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.selection import nearest_to_centres, rows_of

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# Two items are near-duplicates if the angle between their features has at least this cosine.
SAME = 0.98
# Of the batch that is not uniform, how much goes to classes with few labels.
RARE_SHARE = 0.2
# A class is rare if it has fewer labels than this share of what each class has on average.
_FEW = 0.5
# Rows compared at once.
_BLOCK = 2_000
# Columns that distances are taken in; see ``nearest_to_centres``.
_WIDTH = 50


def rare_rows(
    label: NDArray[np.int32], confidence: NDArray[np.float32], counts: NDArray[np.int64], n: int
) -> Rows:
    """Up to ``n`` rows that are most surely of classes with few labels, the rarest class first.

    ``label``, ``confidence``: (n_pool,), the likeliest class and its probability. ``counts``:
    (n_classes,), labels by people so far. Each rare class has an equal share; (): none is rare.
    """
    rare = np.flatnonzero(counts < _FEW * counts.mean())
    rare = rare[np.argsort(counts[rare], kind="stable")]
    of_class = [np.flatnonzero(label == each) for each in rare.tolist()]
    # Those of which it is surest: a doubtful one is most often of a common class.
    ranked = [rows[np.argsort(-confidence[rows], kind="stable")] for rows in of_class if rows.size]
    chosen: list[int] = []
    place = 0
    while len(chosen) < n and any(place < len(rows) for rows in ranked):
        chosen += [int(rows[place]) for rows in ranked if place < len(rows)]
        place += 1
    return np.array(chosen[:n], np.int64)


def without_duplicates(features: Features, known: Features, most: int) -> Rows:
    """The first ``most`` rows of ``features``, in their order, none a near-duplicate of another
    or of a row of ``known``. A row without features (all zero) is like no other."""
    unit, unit_known = _unit(features), _unit(known)
    kept: list[int] = []
    chosen = unit[:0]
    for start in range(0, unit.shape[0], _BLOCK):
        block = unit[start : start + _BLOCK]
        fresh = ~(_has_same(block, unit_known) | _has_same(block, chosen))
        rows = np.flatnonzero(fresh)
        alike = _dense(block[rows] @ block[rows].T) >= SAME
        is_out = np.zeros(len(rows), bool)
        for place in range(len(rows)):
            if not is_out[place]:
                is_out[place + 1 :] |= alike[place, place + 1 :]
        kept += (rows[~is_out] + start).tolist()
        if len(kept) >= most:
            break
        chosen = unit[kept]
    return np.array(kept[:most], np.int64)


def margin_batch(features: Features, n: int, rng: np.random.Generator, *, wider: int = 5) -> Rows:
    """``n`` of the first ``wider`` n rows, one near the centre of each of as many clusters.

    Rows come least certain first.
    """
    near = np.arange(min(features.shape[0], wider * n))
    if len(near) <= n:
        return near
    return near[nearest_to_centres(features[near], n, rng)]


def coreset_batch(features: Features, known: Features, n: int, rng: np.random.Generator) -> Rows:
    """``n`` rows, each the farthest from all that are known or chosen before it (k-centre greedy).

    O. Sener and S. Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
    Approach", ICLR 2018. Without anything known it starts at a row drawn uniformly.
    """
    both = rows_of((features, known), _WIDTH, int(rng.integers(2**31)))
    points, centres = both[: features.shape[0]], both[features.shape[0] :]
    n = min(n, len(points))
    squares = np.einsum("ij,ij->i", points, points)
    gap = np.full(len(points), np.inf)
    for start in range(0, len(centres), _BLOCK):
        block = centres[start : start + _BLOCK]
        distance = squares[:, None] - 2 * points @ block.T + np.einsum("ij,ij->i", block, block)
        gap = np.minimum(gap, distance.min(axis=1))
    chosen: list[int] = []
    for _ in range(n):
        start_anywhere = not chosen and not len(centres)
        row = int(rng.integers(len(points))) if start_anywhere else int(gap.argmax())
        chosen.append(row)
        gap = np.minimum(gap, squares - 2 * points @ points[row] + squares[row])
        gap[row] = -np.inf
    return np.array(chosen, np.int64)


def badge_batch(probability: Floats, features: Features, n: int, rng: np.random.Generator) -> Rows:
    """``n`` rows whose answers would move the model far and in different directions.

    J. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal, "Deep Batch Active Learning by
    Diverse, Uncertain Gradient Lower Bounds" (BADGE), ICLR 2020: k-means++ on the gradients of the
    last layer if the model's own word were true, (p - onehot) x features. The product is never
    written out: distances follow from those of its two parts.
    """
    points = rows_of((features,), _WIDTH, int(rng.integers(2**31)))
    n = min(n, len(points))
    gap = np.array(probability, dtype=np.float64)
    gap[np.arange(len(gap)), gap.argmax(axis=1)] -= 1
    squares = np.einsum("ij,ij->i", gap, gap) * np.einsum("ij,ij->i", points, points)
    # The largest gradient first, as the authors' own code does.
    chosen = [int(squares.argmax())]
    nearest = np.full(len(points), np.inf)
    while True:
        row = chosen[-1]
        inner = (gap @ gap[row]) * (points @ points[row])
        nearest = np.minimum(nearest, np.maximum(squares + squares[row] - 2 * inner, 0.0))
        nearest[chosen] = 0.0
        if len(chosen) == n:
            return np.array(chosen, np.int64)
        total = float(nearest.sum())
        if total > 0:
            chosen.append(int(rng.choice(len(points), p=nearest / total)))
        else:
            # What is left moves the model nowhere new: any of it.
            left = np.setdiff1d(np.arange(len(points)), chosen)
            chosen += rng.choice(left, n - len(chosen), replace=False).tolist()
            return np.array(chosen, np.int64)


def _has_same(rows: Any, others: Any) -> NDArray[np.bool_]:
    """(n_rows,): whether a row has a near-duplicate among the others."""
    found = np.zeros(rows.shape[0], bool)
    for start in range(0, others.shape[0], _BLOCK):
        alike = _dense(rows @ others[start : start + _BLOCK].T)
        found |= alike.max(axis=1) >= SAME
    return found


def _unit(features: Features) -> Any:
    """Rows of length 1, but for those that are zero."""
    if sparse.issparse(features):
        matrix = sparse.csr_matrix(features, dtype=np.float32)
        length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        return sparse.diags_array(_inverse(length)).tocsr().astype(np.float32) @ matrix
    dense = np.asarray(features, dtype=np.float32)
    return dense * _inverse(np.linalg.norm(dense, axis=1))[:, None]


def _inverse(length: NDArray[Any]) -> NDArray[np.float32]:
    found = np.zeros(len(length), np.float32)
    np.divide(1.0, length, out=found, where=length > 0)
    return found


def _dense(matrix: Any) -> NDArray[np.float32]:
    dense: NDArray[np.float32] = matrix.toarray() if sparse.issparse(matrix) else matrix
    return dense
