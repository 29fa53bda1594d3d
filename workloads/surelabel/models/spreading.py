"""Labels spread to neighbours, and theirs, until they agree with the graph.

D. Zhou et al., "Learning with Local and Global Consistency", NIPS 2003: F = (I - alpha S)^-1 Y.
Three things make it better with few labels: only mutual neighbours count in full, distances are
measured against how dense it is around both (Zelnik-Manor and Perona, "Self-Tuning Spectral
Clustering", NIPS 2004), and a class does not win for having more labels, as far as labels say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix = NDArray[np.float32]

ALPHA = 0.99
# What a neighbour counts that does not name oneself in turn.
_ONE_SIDED = 0.1
# The neighbour whose distance says how dense it is around a point.
_SCALE_AT = 7
_MAX_ITER = 120
_TOL = 1e-3
# Columns by which the weight of each label on itself is estimated.
_PROBES = 100


@dataclass(frozen=True)
class Spread:
    """``field``: (n_points, n_classes), how much of each class's labels reaches a point.

    ``left_out``: (n_labels, n_classes), the same at each labeled point without its own label.
    """

    field: Matrix
    left_out: Matrix


def neighbour_graph(neighbour: NDArray[np.int32], distance: Matrix) -> sparse.csr_matrix:
    """S = D^-1/2 W D^-1/2, (n_points, n_points), symmetric; of (n_points, k) neighbours."""
    n_points, k = neighbour.shape
    scale = np.maximum(distance[:, min(_SCALE_AT, k) - 1], np.float32(1e-12))
    # Copies of a point are at distance 0 and count in full, whatever the scale.
    near = np.exp(-(distance / scale[:, None]) * (distance / scale[neighbour]))
    start = np.arange(0, n_points * k + 1, k)
    one = sparse.csr_matrix((near.ravel(), neighbour.ravel(), start), shape=(n_points, n_points))
    other = one.T.tocsr()
    both = one.minimum(other) + _ONE_SIDED * (one + other)
    degree = np.asarray(both.sum(axis=1)).ravel()
    root = sparse.diags(1 / np.sqrt(np.maximum(degree, np.finfo(np.float32).tiny)))
    return (root @ both @ root).tocsr().astype(np.float32)


def spread(
    graph: sparse.csr_matrix,
    row: NDArray[np.int64],
    is_class: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Spread:
    """Where labels spread to. ``row``: (n_labels,), points; ``is_class``: (n_classes, n_labels).

    Leaving a label out takes away what it gives itself, G_ii of G = (I - alpha S)^-1; the
    diagonal is estimated by random signs (Hutchinson 1990), exactly for few labels.
    """
    n_labels = len(row)
    target = is_class.T.astype(np.float32)
    if n_labels <= _PROBES:
        probe = np.eye(n_labels, dtype=np.float32)
    else:
        probe = rng.choice(np.array([-1, 1], np.float32), (n_labels, _PROBES))
    start = np.zeros((graph.shape[0], target.shape[1] + probe.shape[1]), np.float32)
    start[row] = np.concatenate((target, probe), axis=1)
    solved = _solve(graph, start)
    field, reached = solved[:, : target.shape[1]], solved[row, target.shape[1] :]
    own = (probe * reached).sum(axis=1) / (probe * probe).sum(axis=1)
    left_out = field[row] - own[:, None] * target
    return Spread(np.maximum(field, 0), np.maximum(left_out, 0))


def _solve(graph: sparse.csr_matrix, start: Matrix) -> Matrix:
    """(I - ALPHA graph)^-1 start by conjugate gradients, all columns at once."""
    found, rest = np.zeros_like(start), start.copy()
    step = rest.copy()
    size = np.einsum("ij,ij->j", rest, rest)
    enough = _TOL**2 * size
    tiny = np.finfo(np.float32).tiny
    for _ in range(_MAX_ITER):
        image = step - np.float32(ALPHA) * (graph @ step)
        far = size / np.maximum(np.einsum("ij,ij->j", step, image), tiny)
        found += far * step
        rest -= far * image
        new = np.einsum("ij,ij->j", rest, rest)
        if np.all(new <= enough):
            break
        step = rest + new / np.maximum(size, tiny) * step
        size = new
    return found
