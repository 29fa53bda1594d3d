"""A robust mean of ratings that takes out each annotator's bias, scale and noise.

answer = centre + bias_w + scale_w (truth_i - centre) + noise_w: a crossed model of items and
annotators, the annotators' parameters drawn from a common distribution, whose width is learned from
the answers (empirical Bayes). So who rated a few items is taken for typical, and annotators who
share no item, whose biases nothing tells apart from their items, are too. Found by coordinate
ascent on the mean-field bound (D. Blei, A. Kucukelbir and J. McAuliffe, "Variational Inference",
JASA 112 (2017), doi:10.1080/01621459.2017.1285773), with weights against outliers (P. Huber,
"Robust Estimation of a Location Parameter", 1964, doi:10.1214/aoms/1177703732). The width of the
items is found by the fixed point of D. MacKay, "Bayesian Interpolation", Neural Computation 4
(1992), doi:10.1162/neco.1992.4.3.415.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.ratings.answers import RatingAnswers
from surelabel.consolidation.ratings.base import Gold, Judged, Learned, Rating, normal
from surelabel.consolidation.ratings.result import RatingAnnotators

# Pseudo-annotators behind the widths.
_WIDTH = 1.0
# Standard deviation of scales before anything is known, and noise at least, in parts of the scale.
_SCALES, _LEAST = 0.2, 1e-3


@dataclass
class BiasAndNoise(Rating):
    """``huber``: noises from which an answer weighs less. ``scale``: whether scales are learned.
    ``strength``: pseudo-answers behind an annotator's noise.

    Scales are for annotators with hundreds of ratings: with dozens, learning them made labels
    worse on real ratings. The same goes for a smaller ``huber``, since ratings are skewed.

    Converged when no item moved by ``tol`` (a part of the scale's length) or more.
    """

    max_iter: int = 200
    tol: float = 1e-5
    huber: float = 3.0
    scale: bool = False
    strength: float = 20.0

    def _learn(self, answers: RatingAnswers, gold: Gold) -> Learned:
        if not len(answers.value):
            unknown = np.zeros(answers.n_annotators)
            nobody = RatingAnnotators(
                unknown, unknown, unknown + 1, unknown, answers.by_annotator, 0.0, 0.0, 0.0, 0.0
            )
            return Learned(normal(answers, *np.zeros((2, answers.n_items))), nobody)
        length = (answers.high - answers.low) or 1.0
        item, annotator, x = answers.item, answers.annotator, answers.value
        mean = gold.hold(answers.per_item(x) / np.maximum(answers.n_answers, 1))
        annotators = _start(answers, mean, length * _LEAST)
        width_of_scale = _SCALES**2
        n_iter, converged = 0, False
        while n_iter < self.max_iter and not converged:
            n_iter += 1
            before = mean
            weight = self._weights(answers, annotators, mean)
            mean, variance = _items(answers, annotators, weight)
            mean, variance[gold.item] = gold.hold(mean), 0.0
            answered = answers.n_answers > 0
            centre = float(mean[answered].mean())
            off = mean - centre
            # The squares over how many items the answers tell apart. The mean of squares and
            # variances would end there, too, but where all truths are one creeps towards it.
            told = (1 - variance[answered] / annotators.spread**2).sum()
            spread = float(np.sqrt((off[answered] ** 2).sum() / max(told, np.finfo(float).tiny)))
            # Precision of each answer, then bias, scale and noise of its annotator.
            trust = weight / annotators.noise[annotator] ** 2
            slope = annotators.scale[annotator]
            width = max(annotators.typical_bias, length * _LEAST) ** 2
            bias_variance = 1 / (1 / width + answers.per_annotator(trust))
            rest = x - centre - slope * off[item]
            bias = bias_variance * answers.per_annotator(trust * rest)
            scale, scale_variance = annotators.scale, np.zeros_like(bias)
            square = (off**2 + variance)[item]
            if self.scale:
                information = answers.per_annotator(trust * square)
                scale_variance = 1 / (1 / width_of_scale + information)
                pull = answers.per_annotator(trust * off[item] * (x - centre - bias[annotator]))
                scale = scale_variance * (pull + 1 / width_of_scale)
                scale = np.clip(scale, 0.05, 5.0)
                there = answers.by_annotator > 0
                seen = ((scale - 1) ** 2 + scale_variance)[there]
                width_of_scale = (seen.sum() + _SCALES**2) / (there.sum() + 1)
            residual = x - centre - bias[annotator] - scale[annotator] * off[item]
            squares = (
                residual**2
                + bias_variance[annotator]
                + (scale**2)[annotator] * variance[item]
                + scale_variance[annotator] * square
            ) * weight
            pooled = squares.sum() / weight.sum()
            n = answers.by_annotator
            noise = np.sqrt(
                (answers.per_annotator(squares) + self.strength * pooled) / (n + self.strength)
            )
            there = n > 0
            seen = (bias**2 + bias_variance)[there].sum()
            annotators = RatingAnnotators(
                bias=bias,
                bias_error=np.sqrt(bias_variance),
                scale=scale,
                noise=np.maximum(noise, length * _LEAST),
                n_answers=n,
                centre=centre,
                spread=max(spread, length * _LEAST),
                typical_noise=float(max(np.sqrt(pooled), length * _LEAST)),
                typical_bias=float(np.sqrt((seen + _WIDTH * pooled / 4) / (there.sum() + _WIDTH))),
            )
            converged = bool(np.abs(mean - before).max(initial=0.0) < self.tol * length)
        return Learned(self._judge(answers, annotators), annotators, n_iter, converged)

    def _judge(self, answers: RatingAnswers, annotators: RatingAnnotators) -> Judged:
        # What is reported does not lean towards the centre: unanimous answers stand.
        mean = answers.per_item(answers.value) / np.maximum(answers.n_answers, 1)
        for _ in range(20):
            weight = self._weights(answers, annotators, mean)
            precision = weight / annotators.noise[answers.annotator] ** 2
            slope = annotators.scale[answers.annotator]
            offset = answers.value - annotators.centre - annotators.bias[answers.annotator]
            total = np.maximum(answers.per_item(precision * slope**2), 1e-300)
            mean = annotators.centre + answers.per_item(precision * slope * offset) / total
        share = precision * slope / total[answers.item]
        of_bias = (share * annotators.bias_error[answers.annotator]) ** 2
        return normal(answers, mean, np.sqrt(1 / total + answers.per_item(of_bias)))

    def _weights(
        self, answers: RatingAnswers, annotators: RatingAnnotators, mean: Floats
    ) -> Floats:
        """(n_answers,): 1, less for an answer more than ``huber`` noises from where it should be"""
        a = answers.annotator
        expected = annotators.centre + annotators.bias[a]
        expected = expected + annotators.scale[a] * (mean[answers.item] - annotators.centre)
        far = np.abs(answers.value - expected) / annotators.noise[a]
        return np.asarray(np.minimum(1.0, self.huber / np.maximum(far, 1e-12)))


def _items(
    answers: RatingAnswers, annotators: RatingAnnotators, weight: Floats
) -> tuple[Floats, Floats]:
    """(n_items,) mean and variance of each item, leaning towards the centre of all."""
    a = answers.annotator
    trust = weight / annotators.noise[a] ** 2
    slope = annotators.scale[a]
    variance = 1 / (1 / annotators.spread**2 + answers.per_item(trust * slope**2))
    rest = answers.value - annotators.centre - annotators.bias[a]
    return annotators.centre + variance * answers.per_item(trust * slope * rest), variance


def _start(answers: RatingAnswers, mean: Floats, least: float) -> RatingAnnotators:
    """No bias, one scale, everybody as noisy as all are about the items' means."""
    answered = answers.n_answers > 0
    noise = max(float((answers.value - mean[answers.item]).std()), least)
    n = answers.n_annotators
    return RatingAnnotators(
        bias=np.zeros(n),
        bias_error=np.full(n, noise / 2),
        scale=np.ones(n),
        noise=np.full(n, noise),
        n_answers=answers.by_annotator,
        centre=float(mean[answered].mean()),
        spread=max(float(mean[answered].std()), least),
        typical_noise=noise,
        typical_bias=noise / 2,
    )
