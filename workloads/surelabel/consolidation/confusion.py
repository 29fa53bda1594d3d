"""Annotators as confusion matrices: what answers say of items, and items of annotators.

The two steps of A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates
Using the EM Algorithm", Applied Statistics 28 (1979), doi:10.2307/2346806.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.checked import NotApplicableError, instance
from surelabel.consolidation.result import MAX_CELLS, AnnotatorParameters, Floats, has_tables

# Expected counts [annotator, observed, true] -> pseudo-counts of the same shape.
Pseudo = Callable[[Floats], Floats]


class Counts(NamedTuple):
    """All that annotators are learned from: expected answers and items.

    ``answers[a, l, t]``: how often a answered l where t is true, (n_annotators, n_classes,
    n_classes). ``classes``: (n_classes,), how many of the items with an answer or a known label
    are of each class; items that nobody answered say nothing about how common a class is.
    """

    answers: Floats
    classes: Floats


class Crowd(Protocol):
    """What is known of annotators without any model, as ``Answers`` has it."""

    @property
    def by_annotator(self) -> NDArray[np.int64]:
        """(n_annotators,): answers per annotator."""

    @property
    def majority_agreement(self) -> Floats:
        """(n_annotators,): share of answers that match the majority."""


def expected_counts(answers: Answers, posterior: Floats, gold_rows: NDArray[np.int64]) -> Counts:
    """What this posterior counts; ``gold_rows``: items whose label is known."""
    w, k = answers.n_annotators, answers.n_classes
    informative = answers.n_answers > 0
    informative[gold_rows] = True
    classes = posterior[informative].sum(axis=0)
    if has_tables(w, k):
        return Counts((answers.one_hot_transposed @ posterior).reshape(w, k, k), classes)
    right = posterior[answers.item, answers.label]
    counted = np.bincount(answers.annotator, weights=right, minlength=w).astype(np.float64)
    return Counts(counted.reshape(w, 1, 1), classes)


def m_step(counts: Counts, pseudo: Pseudo, crowd: Crowd) -> AnnotatorParameters:
    """Annotators and class prior from expected counts (Dawid & Skene 1979, eq. 2.3 and 2.4).

    Where there are no tables, ``coin_m_step``.
    """
    k = len(counts.classes)
    if counts.answers.shape[1] != k:
        return coin_m_step(counts, crowd)
    smoothed = counts.answers + pseudo(counts.answers)
    smoothed /= smoothed.sum(axis=1, keepdims=True)
    confusion = smoothed.transpose(0, 2, 1)
    prior = (counts.classes + 1) / (counts.classes.sum() + k)
    return AnnotatorParameters(
        confusion=confusion,
        accuracy=np.einsum("t,att->a", prior, confusion),
        agreement=crowd.majority_agreement,
        n_answers=crowd.by_annotator,
        prior=prior,
        pooled=_pooled(counts.answers),
    )


def coin_m_step(counts: Counts, crowd: Crowd, strength: float = 4.0) -> AnnotatorParameters:
    """One accuracy per annotator, drawn to that of all by ``strength`` pseudo-answers.

    Classes count as equally common: with a learned prior the model, which cannot tell a hard class
    from a rare one, gives all items of real crowds one class.
    """
    k = len(counts.classes)
    right = np.einsum("att->a", counts.answers)
    overall = (right.sum() + 1) / (crowd.by_annotator.sum() + k)
    accuracy = (right + strength * overall) / (crowd.by_annotator + strength)
    tables = counts.answers.shape[1] == k
    return AnnotatorParameters(
        confusion=one_coin(accuracy, k) if tables else accuracy.reshape(-1, 1, 1),
        accuracy=accuracy,
        agreement=crowd.majority_agreement,
        n_answers=crowd.by_annotator,
        prior=np.full(k, 1 / k),
        pooled=_pooled(counts.answers) if tables else np.full((1, 1), overall),
    )


def one_coin(accuracy: Floats, k: int) -> Floats:
    """(len(accuracy), k, k): ``accuracy`` on the diagonal, the rest spread evenly."""
    found = np.empty((len(accuracy), k, k))
    found[:] = ((1 - accuracy) / max(k - 1, 1))[:, None, None]
    found[:, np.arange(k), np.arange(k)] = accuracy[:, None] if k > 1 else 1.0
    return found


def _pooled(counts: Floats) -> Floats:
    """(n_classes, n_classes): everybody's answers together, [true, observed], rows sum to 1."""
    pooled: Floats = counts.sum(axis=0).T + 1 / counts.shape[1]
    pooled /= pooled.sum(axis=1, keepdims=True)
    return pooled


def without_own_word(posterior: Floats, chances: Floats) -> Floats:
    """Posterior by all other answers, where the own one has ``chances`` given each truth.

    Both (n, n_classes); rows sum to 1.
    """
    others: Floats = posterior / np.maximum(chances, 1e-12)
    others /= others.sum(axis=1, keepdims=True)
    return others


def e_step(answers: Answers, annotators: AnnotatorParameters) -> Floats:
    """(n_items, n_classes): posterior over true labels (Dawid & Skene 1979, eq. 2.5).

    An item nobody labeled gets the class prior.
    """
    if answers.n_items == 0:
        return np.empty((0, answers.n_classes))
    if annotators.are_coins:
        right = annotators.confusion[:, 0, 0]
        # Against a mistake of any one other class, which every class is given.
        gain = np.log(right) - np.log((1 - right) / (answers.n_classes - 1))
        rows = answers.weighted_votes(gain[answers.annotator])
    else:
        rows = answers.one_hot @ annotators.log_answer
    # Logs, since a product of hundreds of probabilities underflows.
    posterior: Floats = softmax(rows + np.log(annotators.prior), axis=1)
    return posterior


def check_shape(
    name: str, n_annotators: int, n_classes: int, annotators: AnnotatorParameters
) -> None:
    """ValueError unless ``annotators`` are those of such answers, TypeError unless any."""
    instance(name, annotators, AnnotatorParameters)
    if annotators.n_classes != n_classes:
        raise ValueError(
            f"{name} must know {n_classes} classes (n_classes); got {annotators.n_classes}. "
            "Take those of answers with the same classes."
        )
    size = 1 if annotators.are_coins else n_classes
    expected = (n_annotators, size, size)
    if annotators.confusion.shape != expected:
        raise ValueError(
            f"{name}.confusion must have shape {expected} (n_annotators, n_classes, "
            f"n_classes); got {annotators.confusion.shape}. Align it with for_annotators(names)."
        )


def check_tables(method: str, answers: Answers) -> None:
    """ValueError where confusion matrices would not fit, for a method that is nothing without."""
    w, k = answers.n_annotators, answers.n_classes
    if not has_tables(w, k):
        raise NotApplicableError(
            f"n_annotators x n_classes^2 must be at most {MAX_CELLS:,} for {method}; got {w:,} x "
            f"{k:,}^2 = {w * k * k:,}. Take Auto or OneCoinDawidSkene: above that they give each "
            "annotator one accuracy."
        )
