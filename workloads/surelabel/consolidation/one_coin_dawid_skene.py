"""One-coin Dawid-Skene: one accuracy per annotator, mistakes spread evenly over the other classes.

The one-coin model of Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, "Spectral Methods Meet EM",
Journal of Machine Learning Research 17 (2016), arXiv:1406.3824.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from surelabel.consolidation.confusion import Counts, Crowd, coin_m_step
from surelabel.consolidation.expectation_maximisation import ExpectationMaximisation
from surelabel.consolidation.result import AnnotatorParameters


@dataclass
class OneCoinDawidSkene(ExpectationMaximisation):
    """``strength``: pseudo-answers by which an annotator's accuracy is drawn to that of all.

    Classes count as equally common, unless ``class_prior`` says how common each is, (n_classes,).
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 4.0
    class_prior: Sequence[float] | None = None

    def _m_step(self, counts: Counts, crowd: Crowd) -> AnnotatorParameters:
        return coin_m_step(counts, crowd, self.strength)
