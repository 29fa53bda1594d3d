"""Annotators as confusion matrices: what answers say of items, and items of annotators.

The two steps of A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates
Using the EM Algorithm", Applied Statistics 28 (1979), doi:10.2307/2346806.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Expected counts [annotator, observed, true] -> pseudo-counts of the same shape.
Pseudo = Callable[[Floats], Floats]


def m_step(
    answers: Answers, posterior: Floats, pseudo: Pseudo, gold_rows: NDArray[np.int64]
) -> AnnotatorParameters:
    """Annotators and class prior from expected counts (Dawid & Skene 1979, eq. 2.3 and 2.4)."""
    w, k = answers.n_annotators, answers.n_classes
    counts = (answers.one_hot_transposed @ posterior).reshape(w, k, k)
    smoothed = counts + pseudo(counts)
    confusion = (smoothed / smoothed.sum(axis=1, keepdims=True)).transpose(0, 2, 1)
    informative = answers.n_answers > 0
    informative[gold_rows] = True
    # Items that nobody answered say nothing about how common a class is.
    class_counts = posterior[informative].sum(axis=0)
    prior = (class_counts + 1) / (class_counts.sum() + k)
    pooled = counts.sum(axis=0).T + 1 / k
    pooled /= pooled.sum(axis=1, keepdims=True)
    return AnnotatorParameters(
        confusion=confusion,
        accuracy=np.einsum("t,att->a", prior, confusion),
        agreement=answers.majority_agreement,
        n_answers=answers.by_annotator,
        prior=prior,
        pooled=pooled,
    )


def e_step(answers: Answers, annotators: AnnotatorParameters) -> Floats:
    """(n_items, n_classes): posterior over true labels (Dawid & Skene 1979, eq. 2.5).

    An item nobody labeled gets the class prior.
    """
    if answers.n_items == 0:
        return np.empty((0, answers.n_classes))
    _check(answers, annotators)
    log_confusion = np.log(annotators.confusion).transpose(0, 2, 1)
    rows = answers.one_hot @ log_confusion.reshape(-1, answers.n_classes)
    # Logs, since a product of hundreds of probabilities underflows.
    posterior: Floats = softmax(rows + np.log(annotators.prior), axis=1)
    return posterior


def _check(answers: Answers, annotators: AnnotatorParameters) -> None:
    expected = (answers.n_annotators, answers.n_classes, answers.n_classes)
    if annotators.confusion.shape != expected:
        raise ValueError(
            f"frozen_annotators.confusion must have shape {expected} (n_annotators, n_classes, "
            f"n_classes); got {annotators.confusion.shape}. Align it with for_annotators(names)."
        )
