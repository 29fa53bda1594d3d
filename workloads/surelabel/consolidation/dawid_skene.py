"""Dawid-Skene: a confusion matrix per annotator, found by expectation maximisation.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Applied Statistics 28 (1979), doi:10.2307/2346806. Class prior and confusion rows are
smoothed, since a zero learned from a handful of answers would never be unlearned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from surelabel.consolidation.answers import Answers, clamped
from surelabel.consolidation.labels import build_result
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Floats,
    Ints,
)

# Expected counts [annotator, observed, true] -> pseudo-counts of the same shape.
Pseudo = Callable[[Floats], Floats]


@dataclass(frozen=True)
class DawidSkene:
    """Classic Dawid-Skene. ``smoothing``: pseudo-answers per cell of a confusion matrix."""

    max_iter: int = 100
    tol: float = 1e-3
    smoothing: float = 0.01

    def fit_predict(
        self,
        item: Ints,
        annotator: Ints,
        label: Ints,
        n_items: int,
        n_annotators: int,
        n_classes: int,
        *,
        frozen_annotators: AnnotatorParameters | None = None,
        gold: Ints | None = None,
        item_ids: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> ConsolidationResult:
        """See ``Consolidator``."""
        answers = Answers.of(item, annotator, label, n_items, n_annotators, n_classes)
        rows, known = answers.gold_rows(gold)
        if frozen_annotators is not None:
            posterior = clamped(e_step(answers, frozen_annotators), rows, known)
            annotators, n_iter, converged = frozen_annotators, 0, True
        else:
            annotators, posterior, n_iter, converged = expectation_maximisation(
                answers,
                lambda counts: np.full_like(counts, self.smoothing),
                (rows, known),
                self.max_iter,
                self.tol,
            )
        return build_result(
            answers,
            posterior,
            annotators,
            gold_rows=rows,
            n_iter=n_iter,
            converged=converged,
            item_ids=item_ids,
            label_names=label_names,
        )


def expectation_maximisation(
    answers: Answers,
    pseudo: Pseudo,
    gold: tuple[NDArray[np.int64], NDArray[np.int64]],
    max_iter: int,
    tol: float,
) -> tuple[AnnotatorParameters, Floats, int, bool]:
    """Annotators, posterior, iterations, and whether the posterior stood still within ``tol``."""
    posterior = clamped(answers.vote_shares(), *gold)
    annotators = m_step(answers, posterior, pseudo, gold[0])
    for n_iter in range(1, max_iter + 1):
        before = posterior
        posterior = clamped(e_step(answers, annotators), *gold)
        if np.abs(posterior - before).max(initial=0.0) < tol:
            return annotators, posterior, n_iter, True
        annotators = m_step(answers, posterior, pseudo, gold[0])
    return annotators, posterior, max_iter, False


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
