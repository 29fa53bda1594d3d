"""Dawid-Skene: a confusion matrix per annotator, found by expectation maximisation.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Applied Statistics 28 (1979), doi:10.2307/2346806. Class prior and confusion rows are
smoothed, since a zero learned from a handful of answers would never be unlearned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import e_step, m_step
from surelabel.consolidation.result import AnnotatorParameters, Floats


@dataclass
class DawidSkene(Classification):
    """Classic Dawid-Skene. ``smoothing``: pseudo-answers per cell of a confusion matrix."""

    max_iter: int = 100
    tol: float = 1e-3
    smoothing: float = 0.01

    def _learn(self, answers: Answers, gold: Gold) -> Learned:
        def pseudo(counts: Floats) -> Floats:
            return np.full_like(counts, self.smoothing)

        def m(posterior: Floats) -> AnnotatorParameters:
            return m_step(answers, posterior, pseudo, gold.item)

        return expectation_maximisation(answers, m, gold, self.max_iter, self.tol)


def expectation_maximisation(
    answers: Answers,
    m: Callable[[Floats], AnnotatorParameters],
    gold: Gold,
    max_iter: int,
    tol: float,
) -> Learned:
    """E steps and M steps (``m``: annotators from a posterior) from the shares of votes on.

    Converged: no entry of the posterior moved by ``tol`` or more.
    """
    posterior = gold.clamp(answers.vote_shares())
    annotators = m(posterior)
    for n_iter in range(1, max_iter + 1):
        before = posterior
        posterior = gold.clamp(e_step(answers, annotators))
        if np.abs(posterior - before).max(initial=0.0) < tol:
            return Learned(posterior, annotators, n_iter, True)
        annotators = m(posterior)
    return Learned(posterior, annotators, max_iter, False)
