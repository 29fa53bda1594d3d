"""One-coin Dawid-Skene: one accuracy per annotator, mistakes spread evenly over the other classes.

The one-coin model of Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, "Spectral Methods Meet EM",
Journal of Machine Learning Research 17 (2016), arXiv:1406.3824.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import m_step
from surelabel.consolidation.dawid_skene import expectation_maximisation
from surelabel.consolidation.result import AnnotatorParameters, Floats


@dataclass
class OneCoinDawidSkene(Classification):
    """``strength``: pseudo-answers by which an annotator's accuracy is drawn to that of all.

    Classes count as equally common: with a learned prior the model, which cannot tell a hard class
    from a rare one, gives all items of real crowds one class.
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 4.0

    def _learn(self, answers: Answers, gold: Gold) -> Learned:
        def m(posterior: Floats) -> AnnotatorParameters:
            found = m_step(answers, posterior, self._pseudo, gold.item)
            return replace(found, prior=np.full(answers.n_classes, 1 / answers.n_classes))

        return expectation_maximisation(answers, m, gold, self.max_iter, self.tol)

    def _pseudo(self, counts: Floats) -> Floats:
        """What makes counts [annotator, observed, true] those of a coin, with the crowd's prior."""
        k = counts.shape[1]
        right = np.einsum("att->a", counts)
        answered = counts.sum(axis=(1, 2))
        crowd = (right.sum() + 1) / (answered.sum() + k)
        right = (right + self.strength * crowd) / k
        wrong = (answered + self.strength) / k - right
        coins = np.empty_like(counts)
        coins[:] = (wrong / max(k - 1, 1))[:, None, None]
        coins[:, np.arange(k), np.arange(k)] = right[:, None]
        return coins - counts
