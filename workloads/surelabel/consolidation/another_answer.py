"""How much one more answer would help each item: where the next annotator should go.

Another answer helps where it may change the label, and the more likely so, the more it helps. That
is the value of information of one answer, for the share of right labels (R. A. Howard,
"Information Value Theory", 1966, doi:10.1109/TSSC.1966.300074): who is asked next is not known, so
the answer is that of an average annotator. An item whose label no single answer can change has the
value 0, however unsure it is; among those the unsure ones come first. Who asks two people at a time
takes the value of two answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.result import AnnotatorParameters, Floats

# Cells at a time, so that the table of all answers to all items never exists whole.
_CELLS = 1 << 20
# Classes of an item that two answers are thought through for; another is hardly its label.
_LIKELIEST = 8
# How far rounding may take a sum of chances from 1.
_SUM = 1e-4


def value_of_another_answer(posterior: Floats, annotators: AnnotatorParameters) -> Floats:
    """(n_items,): by how much the chance that an item's label is right grows with one more answer.

    ``posterior``: (n_items, n_classes), rows sum to 1. In [0, 1]; 0 for a single class. The mean
    over possible answers l of max_t P(t | l), less max_t P(t), with ``annotators.pooled`` as
    P(l | t). ValueError where the two differ in classes, and for a posterior that is none.
    """
    posterior = _checked(posterior)
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


def value_of_two_answers(posterior: Floats, annotators: AnnotatorParameters) -> Floats:
    """(n_items,): the same for two more answers, of two average annotators who are asked at once.

    ``posterior``: (n_items, n_classes), the chances that each label is right by the answers so far.
    Where there are more than 8 classes, only an item's 8 likeliest are thought through, and answers
    of all others count as one: the value is then at most too low. ValueError for a posterior that
    is none.
    """
    posterior = _checked(posterior)
    n, k = posterior.shape
    m = min(k, _LIKELIEST)
    top = np.argsort(-posterior, axis=1, kind="stable")[:, :m]
    chance = np.take_along_axis(posterior, top, axis=1)
    value = np.empty(n)
    step = max(_CELLS // (m * (m + 1) ** 2), 1)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        # P(l | t): (rows, true, observed), the last observed for everything else.
        answer = _pooled(annotators, top[rows], k)
        rest = np.maximum(1 - answer.sum(axis=2, keepdims=True), 0.0)
        answer = np.concatenate((answer, rest), axis=2)
        joint = chance[rows][:, :, None, None] * answer[:, :, :, None] * answer[:, :, None, :]
        value[rows] = joint.max(axis=1).sum(axis=(1, 2)) - posterior[rows].max(axis=1)
    return np.where(value > 1e-12, value, 0.0)


def _pooled(annotators: AnnotatorParameters, top: NDArray[np.int64], k: int) -> Floats:
    """(rows, m, m): P(l | t) of an average annotator for the classes ``top`` of each row."""
    if annotators.are_coins:
        right = float(annotators.pooled[0, 0])
        coin = np.full((top.shape[1],) * 2, (1 - right) / (k - 1))
        np.fill_diagonal(coin, right)
        return np.broadcast_to(coin, (len(top), *coin.shape))
    found: Floats = annotators.pooled[top[:, :, None], top[:, None, :]]
    return found


def value_of_closer_answers(disagreement: Floats, n_answers: Floats, further: int = 2) -> Floats:
    """(n_items,): how much nearer to the truth ``further`` answers bring a label, expected.

    For labels that are no classes. ``disagreement``: (n_items,), mean distance of an item's answers
    to each other, in [0, 1]; ``n_answers``: (n_items,), how many there are, at least 1. Answers
    that lie about the truth with a variance v are v away from their mean on average in square and
    2 v from each other, and the mean of k of them v / k from the truth. ValueError for an item
    without an answer, and for distances that are none.
    """
    disagreement, n_answers = np.asarray(disagreement, float), np.asarray(n_answers, float)
    few = np.flatnonzero(~(n_answers >= 1))
    if few.size:
        raise ValueError(
            f"n_answers must be at least 1; got {n_answers[few[0]]:g} at position {few[0]}. Leave "
            "out items that nobody answered: any answer helps them most."
        )
    wrong = np.flatnonzero(~((disagreement >= 0) & (disagreement <= 1)))
    if wrong.size:
        raise ValueError(
            f"disagreement must lie in 0 .. 1; got {disagreement[wrong[0]]:g} at position "
            f"{wrong[0]}. Divide distances by the greatest that there can be."
        )
    return disagreement / 2 * further / (n_answers * (n_answers + further))


def _checked(posterior: Floats) -> Floats:
    """As an array of chances, (n_items, n_classes); ValueError if it is none."""
    found = np.asarray(posterior, dtype=float)
    if found.ndim != 2 or not found.shape[1]:
        raise ValueError(
            "posterior must have shape (n_items, n_classes) with a class at least; got "
            f"{found.shape}. Pass ``posterior`` of a result."
        )
    wrong = np.flatnonzero(~((found >= 0).all(axis=1) & (np.abs(found.sum(axis=1) - 1) < _SUM)))
    if wrong.size:
        raise ValueError(
            f"posterior must have rows of chances that sum to 1; got {found[wrong[0]].tolist()} "
            f"for item {wrong[0]}. Divide each row by its sum."
        )
    return found


def who_needs_another(posterior: Floats, annotators: AnnotatorParameters) -> NDArray[np.int64]:
    """(n_items,): the items, the one that another answer helps most first.

    ``posterior``: (n_items, n_classes). Ties: the less sure label, then the lower number.
    ValueError as in ``value_of_another_answer``.
    """
    posterior = _checked(posterior)
    value = value_of_another_answer(posterior, annotators)
    confidence = np.round(posterior.max(axis=1, initial=0.0), 12)
    return np.lexsort((np.arange(len(value)), confidence, -np.round(value, 12)))
