"""Mean and median of an item's ratings, everybody alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.ratings.answers import RatingAnswers
from surelabel.consolidation.ratings.base import Gold, Judged, Learned, Rating, normal
from surelabel.consolidation.ratings.result import RatingAnnotators

# Pseudo-answers behind an annotator's bias and noise.
_SHRUNK = 5.0


@dataclass
class Mean(Rating):
    """The mean. Its interval is that of ratings which are all equally noisy."""

    def _learn(self, answers: RatingAnswers, gold: Gold) -> Learned:
        centre = gold.hold(self._centre(answers))
        annotators = _about(answers, centre)
        return Learned(self._judge(answers, annotators), annotators)

    def _judge(self, answers: RatingAnswers, annotators: RatingAnnotators) -> Judged:
        n = np.maximum(answers.n_answers, 1)
        return normal(answers, self._centre(answers), annotators.typical_noise * self._error(n))

    def _centre(self, answers: RatingAnswers) -> Floats:
        return np.asarray(answers.per_item(answers.value) / np.maximum(answers.n_answers, 1))

    def _error(self, n: Floats) -> Floats:
        """Standard errors of n ratings of unit noise."""
        return np.asarray(1 / np.sqrt(n))


@dataclass
class Median(Mean):
    """The median; of an even number of ratings the mean of the two in the middle."""

    def _centre(self, answers: RatingAnswers) -> Floats:
        order = np.lexsort((answers.value, answers.item))
        sorted_ = np.append(answers.value[order], 0.0)
        n = answers.n_answers
        first = np.cumsum(n) - n
        lower, upper = first + np.maximum(n - 1, 0) // 2, first + n // 2
        return np.asarray(np.where(n > 0, (sorted_[lower] + sorted_[upper]) / 2, 0.0))

    def _error(self, n: Floats) -> Floats:
        # The median of many normal ratings; of one and two it is the mean.
        return np.asarray(np.where(n > 2, np.sqrt(np.pi / 2), 1.0) / np.sqrt(n))


def _about(answers: RatingAnswers, centre: Floats) -> RatingAnnotators:
    """Bias and noise of each annotator about these labels, shrunk towards that of all."""
    answered = answers.n_answers > 0
    residual = answers.value - centre[answers.item]
    # A label is made of its own answers, which therefore lie nearer than the truth.
    free = max(len(residual) - int(answered.sum()), 1)
    pooled = float((residual**2).sum() / free)
    n = answers.by_annotator
    bias = answers.per_annotator(residual) / (n + _SHRUNK)
    squares = answers.per_annotator((residual - bias[answers.annotator]) ** 2)
    return RatingAnnotators(
        bias=bias,
        bias_error=np.sqrt(pooled / (n + _SHRUNK)),
        scale=np.ones(len(n)),
        noise=np.sqrt((squares + _SHRUNK * pooled) / (n + _SHRUNK)),
        n_answers=n,
        centre=float(centre[answered].mean()) if answered.any() else 0.0,
        spread=float(centre[answered].std()) if answered.any() else 0.0,
        typical_noise=float(np.sqrt(pooled)),
        typical_bias=float(np.sqrt(pooled / _SHRUNK)),
    )
