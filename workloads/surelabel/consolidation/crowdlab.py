"""CROWDLAB: a model's prediction as one more annotator, trusted as far as it has earned; and
ActiveLab, which says by the same weights where another answer is wanted most.

H. W. Goh, U. Tkachenko and J. Mueller, "CROWDLAB: Supervised learning to infer consensus labels
and quality scores for data with multiple annotators", 2022, arXiv:2210.06812. An item's classes
have the weighted mean of the model's probabilities and of its annotators' word, and the weights
say how much better than guessing the commonest class each of them is.

H. W. Goh and J. Mueller, "ActiveLab: Active Learning with Re-Labeling by Multiple Annotators",
2023, arXiv:2301.11856.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.result import Floats

# The least weight and the least error, so that nothing is divided by zero.
_LEAST = 1e-6


@dataclass(frozen=True)
class CrowdlabResult(ReadOnlyArrays):
    """``posterior``: (n_items, n_classes), rows sum to 1; of an item without answers the model's
    word. ``annotator_weight``: (n_annotators,). ``model_weight``: on the same scale."""

    posterior: Floats
    annotator_weight: Floats
    model_weight: float


def crowdlab(answers: Answers, probabilities: ArrayLike) -> CrowdlabResult:
    """The crowd's word and the model's.

    ``probabilities``: (n_items, n_classes) of a model that has not been trained on these items
    (out of sample), or people's mistakes come back as the model's. ValueError for another shape,
    for rows that do not sum to 1, and for numbers outside 0 .. 1.
    """
    model = _checked(probabilities, answers)
    k = answers.n_classes
    # The majority; where votes are equal the class that the model finds likelier.
    consensus = (answers.votes + model / 2).argmax(axis=1)
    several = answers.n_answers > 1
    chosen = consensus[several]
    commonest = np.bincount(chosen, minlength=k).argmax()
    guessing = max(_mean(chosen != commonest, 1.0), _LEAST)
    agrees = answers.label == consensus[answers.item]
    right = _mean(agrees[several[answers.item]], 1.0)
    with_others = _agreement_with_others(answers)
    weight = np.maximum(1 - (1 - np.nan_to_num(with_others, nan=right)) / guessing, _LEAST)
    wrong = _mean(model.argmax(axis=1)[several] != chosen, 0.0)
    per_item = _mean(answers.n_answers[answers.n_answers > 0], 1.0)
    model_weight = max(1 - wrong / guessing, _LEAST) * float(np.sqrt(per_item))
    # An answer is as likely right as answers are, and wrong in every way alike.
    other = (1 - right) / max(k - 1, 1)
    each = weight[answers.annotator]
    total = np.bincount(answers.item, weights=each, minlength=answers.n_items)
    word = answers.weighted_votes(each) * (right - other) + (total * other)[:, None]
    posterior = model_weight * model + word
    posterior /= posterior.sum(axis=1, keepdims=True)
    return CrowdlabResult(posterior, weight, model_weight)


def activelab(answers: Answers, probabilities: ArrayLike) -> Floats:
    """(n_items,): how sure each item's likeliest class is; the lowest item gets the next answer.

    That is CROWDLAB's probability of the class, averaged with 1 / n_classes, which has the weight
    of an average annotator: an item with few answers is unsure although they agree, and one without
    answers can be compared with one that has them. In [1 / n_classes, 1]. ``probabilities`` and
    ValueError as in ``crowdlab``.
    """
    found = crowdlab(answers, probabilities)
    each = found.annotator_weight[answers.annotator]
    weight = found.model_weight + np.bincount(answers.item, weights=each, minlength=answers.n_items)
    unknown = _mean(found.annotator_weight, 1.0)
    best = found.posterior.max(axis=1)
    score: Floats = (weight * best + unknown / answers.n_classes) / (weight + unknown)
    return score


def _mean(values: ArrayLike, without: float) -> float:
    array = np.asarray(values)
    return float(array.mean()) if array.size else without


def _agreement_with_others(answers: Answers) -> Floats:
    """(n_annotators,): share of the others' answers to the same items that are the same; nan
    without others."""
    same = answers.votes[answers.item, answers.label] - 1
    others = (answers.n_answers[answers.item] - 1).astype(float)
    n = answers.n_annotators
    agreeing = np.bincount(answers.annotator, weights=same, minlength=n)
    pairs = np.bincount(answers.annotator, weights=others, minlength=n)
    share: Floats = np.divide(agreeing, pairs, out=np.full(n, np.nan), where=pairs > 0)
    return share


def _checked(probabilities: ArrayLike, answers: Answers) -> Floats:
    model = np.asarray(probabilities, dtype=np.float64)
    expected = (answers.n_items, answers.n_classes)
    if model.shape != expected:
        raise ValueError(
            f"probabilities must have shape {expected} (n_items, n_classes); got {model.shape}."
        )
    bad = ~np.isfinite(model) | (model < 0) | (model > 1)
    if bad.any():
        row, column = (int(place) for place in np.argwhere(bad)[0])
        raise ValueError(
            f"probabilities must lie in 0 .. 1; got {model[row, column]} for item {row}, class "
            f"{column}."
        )
    off = np.flatnonzero(np.abs(model.sum(axis=1) - 1) > 1e-3)
    if off.size:
        row = int(off[0])
        raise ValueError(
            f"probabilities must sum to 1 for each item; got {model[row].sum():.4f} for item {row}."
        )
    return model
