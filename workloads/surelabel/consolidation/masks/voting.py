"""Weighted votes per pattern, ties by rule, and how far an annotator's mask is from a vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.patterns import Ints, Patterns
from surelabel.consolidation.result import Floats

Flags = NDArray[np.bool_]
# Shares that differ by less are equal: rounding in float32 must not decide.
TIE = 1e-6


@dataclass(frozen=True)
class Voting:
    """How one image is decided.

    ``classes``: (n_classes_here,), ascending, the background first where it occurs;
    ``shares(votes)``: (n_patterns, n_classes_here), rows sum to 1. ``counted``: (n_annotators,),
    whose mask counts. ``sigma``: of the smoothing in pixels, 0 for none.
    """

    classes: Ints
    shares: Callable[[Ints], Floats]
    counted: Flags
    sigma: float = 0.0
    n_iter: int = 0
    converged: bool = True


def weighted_shares(votes: Ints, weights: Floats, classes: Ints) -> Floats:
    """(n_patterns, n_classes): the share of the weight that votes for each class.

    Added up from the lightest, so that the order of the annotators does not show in the bits.
    All weights zero: everybody counts alike.
    """
    if not weights.any():
        weights = np.ones(len(weights))
    found = np.zeros((len(votes), len(classes)))
    total = 0.0
    for who in np.argsort(weights, kind="stable"):
        found += np.where(votes[:, who, None] == classes, weights[who], 0.0)
        total += float(weights[who])
    return np.asarray(found / total)


def winner(shares: Floats) -> Ints:
    """(n,): the class (column) with the largest share; of equal ones the first."""
    best = shares[:, 0].copy()
    found = np.zeros(len(shares), np.int64)
    for column in range(1, shares.shape[1]):
        better = shares[:, column] > best + TIE
        found[better] = column
        best = np.where(better, shares[:, column], best)
    return found


def overlap(patterns: Patterns, consensus: Ints) -> Floats:
    """(n_annotators,): IoU of each mask with ``consensus`` (n_patterns,), a class per pattern.

    The mean over the classes but the background that one of the two has; 1 where neither has any.
    """
    votes, count = patterns.votes, patterns.count
    total = np.zeros(votes.shape[1])
    classes = np.zeros(votes.shape[1])
    for label in np.union1d(np.unique(votes), np.unique(consensus)):
        if label == 0:
            continue
        said, true = votes == label, (consensus == label)[:, None]
        both = ((said & true) * count[:, None]).sum(axis=0)
        either = ((said | true) * count[:, None]).sum(axis=0)
        total += both / np.maximum(either, 1)
        classes += either > 0
    return np.where(classes > 0, total / np.maximum(classes, 1), 1.0)
