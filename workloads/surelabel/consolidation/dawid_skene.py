"""Dawid-Skene: a confusion matrix per annotator, found by expectation maximisation.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Applied Statistics 28 (1979), doi:10.2307/2346806. Class prior and confusion rows are
smoothed, since a zero learned from a handful of answers would never be unlearned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Gold, Learned
from surelabel.consolidation.confusion import Counts, Crowd, check_tables, m_step
from surelabel.consolidation.expectation_maximisation import ExpectationMaximisation
from surelabel.consolidation.fitted import Bounds
from surelabel.consolidation.result import AnnotatorParameters


@dataclass
class DawidSkene(ExpectationMaximisation):
    """Classic Dawid-Skene. ``smoothing``: pseudo-answers per cell of a confusion matrix.

    ``class_prior``: (n_classes,), how common each class is, where that is known; learned without
    it. ValueError where everybody's matrices would have more than ``MAX_CELLS`` cells.
    """

    max_iter: int = 100
    tol: float = 1e-3
    smoothing: float = 0.01
    class_prior: Sequence[float] | None = None
    # A confusion of 0 could never be mended by an answer.
    own_bounds: ClassVar[Mapping[str, Bounds]] = {"smoothing": Bounds(0, above=True)}

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        check_tables("DawidSkene", answers)
        return super()._learn(answers, gold, start)

    def _m_step(self, counts: Counts, crowd: Crowd) -> AnnotatorParameters:
        return m_step(counts, lambda c: np.full_like(c, self.smoothing), crowd)
