"""How much one more answer would help each item: where the next annotator should go.

Another answer helps where it may change the label, and the more likely so, the more it helps. That
is the value of information of one answer, for the share of right labels: who is asked next is not
known, so the answer is that of an average annotator. An item whose label no single answer can
change has the value 0, however unsure it is; among those the unsure ones come first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.result import AnnotatorParameters, Floats

# Cells at a time, so that the table of all answers to all items never exists whole.
_CELLS = 1 << 20


def value_of_another_answer(posterior: Floats, annotators: AnnotatorParameters) -> Floats:
    """(n_items,): by how much the chance that an item's label is right grows with one more answer.

    ``posterior``: (n_items, n_classes), rows sum to 1. In [0, 1]; 0 for a single class. The mean
    over possible answers l of max_t P(t | l), less max_t P(t), with ``annotators.pooled`` as
    P(l | t). ValueError where the two differ in classes.
    """
    n, k = posterior.shape
    if annotators.are_coins and annotators.n_classes == k:
        return _by_a_coin(posterior, float(annotators.pooled[0, 0]))
    if annotators.pooled.shape != (k, k):
        raise ValueError(
            f"annotators.pooled must have shape ({k}, {k}) as posterior has {k} classes; got "
            f"{annotators.pooled.shape}."
        )
    value = np.empty(n)
    step = max(_CELLS // k**2, 1)
    for start in range(0, n, step):
        rows = posterior[start : start + step]
        # P(t) P(l | t): (rows, true, observed).
        joint = rows[:, :, None] * annotators.pooled
        value[start : start + step] = joint.max(axis=1).sum(axis=1) - rows.max(axis=1)
    # Where no answer changes anything, rounding is all that is left.
    return np.where(value > 1e-12, value, 0.0)


def _by_a_coin(posterior: Floats, right: float) -> Floats:
    """The same where every class is answered rightly alike, and mistaken for all others alike."""
    wrong = (1 - right) / (posterior.shape[1] - 1)
    second, first = np.partition(posterior, -2, axis=1)[:, -2:].T
    # The best class but l itself is the first one, or the second where l is the first.
    best = np.maximum(posterior * right, first[:, None] * wrong)
    value = best.sum(axis=1) - np.maximum(first * right, first * wrong)
    value += np.maximum(first * right, second * wrong) - first
    return np.where(value > 1e-12, value, 0.0)


def who_needs_another(posterior: Floats, annotators: AnnotatorParameters) -> NDArray[np.int64]:
    """(n_items,): the items, the one that another answer helps most first.

    ``posterior``: (n_items, n_classes). Ties: the less sure label, then the lower number.
    ValueError as in ``value_of_another_answer``.
    """
    value = value_of_another_answer(posterior, annotators)
    confidence = np.round(posterior.max(axis=1, initial=0.0), 12)
    return np.lexsort((np.arange(len(value)), confidence, -np.round(value, 12)))
