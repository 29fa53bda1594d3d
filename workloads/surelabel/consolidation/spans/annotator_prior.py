"""What is believed of an annotator's table before its own answers fill it.

The table [before, own, true] has a row for each own tag before and true tag, and with several
classes most rows see few answers. Two things are known of them all the same: how the annotator
tags whatever went before, and how tags follow each other whatever the class is called ("goes on
with the class before", "begins another than the true one").
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats

# Pseudo-answers on the true tag, and on all others together, before anything is known.
_RIGHT, _WRONG = 8.0, 2.0
# Pseudo-answers per further class behind the rows that classes share, and those of the crowd behind
# each annotator's.
_TIED, _CROWD = 60.0, 300.0


def prior_counts(counts: Floats, allowed: NDArray[np.bool_], strength: float) -> Floats:
    """Pseudo-counts [a, before, own, true], shaped as ``counts``.

    ``strength`` pseudo-answers per row from the annotator's tags whatever went before; with more
    than one class as well those from rows of the same kind, of the annotator and of all.
    """
    n_tags = len(allowed)
    possible = np.broadcast_to(allowed[:, :, None], counts.shape[1:])
    seed = np.full((n_tags, n_tags), _WRONG / (n_tags - 1))
    np.fill_diagonal(seed, _RIGHT)
    memoryless = (counts.sum(axis=1) + seed)[:, None] * possible
    prior = memoryless * (strength / memoryless.sum(axis=2, keepdims=True))
    n_classes = (n_tags - 1) // 2
    if n_classes > 1:
        prior += _TIED * (n_classes - 1) * _tied(counts, seed * possible, possible)
    return np.asarray(prior)


def _tied(counts: Floats, seed: Floats, possible: NDArray[np.bool_]) -> Floats:
    """P(own | before, true) where all classes are alike, [a, before, own, true]."""
    pattern, row = _patterns(len(seed))
    n = int(pattern.max()) + 1
    cells = np.maximum(np.bincount(pattern[possible], minlength=n), 1)

    def spread(mass: Floats) -> Floats:
        """From the mass of each pattern to chances; the cells of a pattern share it evenly."""
        cell = (mass / cells)[..., pattern] * possible
        return np.asarray(cell / cell.sum(axis=-2, keepdims=True))

    crowd = _sums(pattern, counts.sum(axis=0) + seed, n)
    usual = _sums(pattern, spread(crowd), n)
    of_row = np.zeros(n, dtype=np.int64)
    of_row[pattern.ravel()] = row.ravel()
    usual /= _sums(of_row, usual, n)[of_row]
    n_annotators = len(counts)
    place = np.arange(n_annotators)[:, None] * n + pattern.ravel()
    own = _sums(place, counts, n_annotators * n)
    return spread(own.reshape(n_annotators, n) + _CROWD * usual)


def _sums(of: Codes, values: Floats, n: int) -> Floats:
    """(n,): the sum of the values of each code."""
    return np.bincount(of.ravel(), values.ravel(), minlength=n).astype(np.float64)


@cache
def _patterns(n_tags: int) -> tuple[Codes, Codes]:
    """What kind of cell [before, own, true] is, and what kind of row [before, true] it is in.

    The kind is that of each tag (O, begins, goes on) and which of their classes are the same.
    """
    tag = np.arange(n_tags)
    kind = np.where(tag == 0, 0, 2 - tag % 2)
    label = np.where(tag == 0, -1, (tag - 1) // 2)
    before, own, true = np.meshgrid(tag, tag, tag, indexing="ij")

    def same(one: Codes, other: Codes) -> NDArray[np.bool_]:
        return np.asarray((label[one] == label[other]) & (label[one] >= 0))

    row = (kind[before] * 3 + kind[true]) * 2 + same(before, true)
    pattern = ((row * 3 + kind[own]) * 2 + same(own, true)) * 2 + same(own, before)
    shape = pattern.shape
    dense = [np.unique(code, return_inverse=True)[1].reshape(shape) for code in (pattern, row)]
    return dense[0], dense[1]
