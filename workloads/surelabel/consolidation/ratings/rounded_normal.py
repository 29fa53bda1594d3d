"""Ratings of a few steps: what people mean is normal about the truth, what they give is a step.

P(step l | truth t, annotator) is the mass of a normal with mean t + bias and the annotator's noise
that rounds to l, the ends of the scale taking what lies beyond them (an ordered probit with equal
thresholds; R. D. McKelvey and W. Zavoina, 1975, doi:10.1080/0022250X.1975.9989847), mixed with some
answers at random. Bias, noise and carelessness are on a grid, and how common each grid point is
among annotators is learned with everything else (N. Laird, "Nonparametric Maximum Likelihood
Estimation of a Mixing Distribution", 1978, doi:10.1080/01621459.1978.10480103), so that an
annotator with few answers is taken for one of the crowd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, softmax

from surelabel.consolidation.answers import clamped
from surelabel.consolidation.checked import Codes, Floats, NotApplicableError
from surelabel.consolidation.ratings.answers import RatingAnswers
from surelabel.consolidation.ratings.base import Gold, Judged, Learned, Rating
from surelabel.consolidation.ratings.bias_and_noise import BiasAndNoise
from surelabel.consolidation.ratings.result import RatingAnnotators

# In steps: biases, noises; and shares of answers at random.
_BIASES = (-2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_NOISES = (0.25, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.0)
_RANDOM = (0.01, 0.1, 0.4)
# Pseudo-annotators spread over the grid, pseudo-items over the steps.
_SPREAD, _STEPS = 1.0, 2.0
# Share of the votes in what is reported: the posterior alone, whose annotators were learned from
# the same answers, is too sure of itself.
_VOTES = 0.25
MAX_STEPS, _MAX_CELLS = 25, 20_000_000


@dataclass
class RoundedNormal(Rating):
    """For a scale of 2 to 25 steps; ValueError for any other.

    The label is the likeliest step (ties: the one nearer to the mean, then the lower), confidence
    its posterior. Converged when no posterior moved by ``tol`` or more.
    """

    max_iter: int = 100
    tol: float = 1e-3

    def _learn(self, answers: RatingAnswers, gold: Gold) -> Learned:
        k = _steps(answers)
        known = _known_steps(answers, gold)
        given = _given(answers)
        table = _confusions(k)
        log_table = np.log(table).reshape(len(table), -1)
        grid = len(table)
        seat = answers.item * k + given
        votes = np.bincount(seat, minlength=answers.n_items * k).reshape(-1, k) + 1 / k
        posterior: Floats = votes / votes.sum(axis=1, keepdims=True)
        posterior = clamped(posterior, gold.item, known)
        common = np.full(grid, 1 / grid)
        belief = np.full((answers.n_annotators, grid), 1 / grid)
        prior = np.full(k, 1 / k)
        n_iter, converged = 0, False
        while n_iter < self.max_iter and not converged:
            n_iter += 1
            before = posterior
            # Expected counts [annotator, given, true], then how well each grid point explains them.
            counts = np.zeros((answers.n_annotators * k, k))
            np.add.at(counts, answers.annotator * k + given, posterior[answers.item])
            fits = counts.reshape(-1, k * k) @ log_table.T
            belief = softmax(fits + np.log(common), axis=1)
            there = answers.by_annotator > 0
            common = (belief[there].sum(axis=0) + _SPREAD / grid) / (there.sum() + _SPREAD)
            answered = answers.n_answers > 0
            prior = posterior[answered].sum(axis=0) + _STEPS / k
            prior /= prior.sum()
            posterior = _posterior(answers, given, belief, table, prior)
            posterior = clamped(posterior, gold.item, known)
            converged = bool(np.abs(posterior - before).max(initial=0.0) < self.tol)
        annotators = _parameters(answers, belief, common, prior)
        return Learned(_judged(answers, given, posterior), annotators, n_iter, converged)

    def _judge(self, answers: RatingAnswers, annotators: RatingAnnotators) -> Judged:
        k = _steps(answers)
        step = answers.step
        # Known only by bias and noise: a normal for each, with the usual few random answers.
        own = _rounded(k, annotators.bias / step, np.maximum(annotators.noise / step, 0.2))
        table = (1 - _RANDOM[0]) * own + _RANDOM[0] / k
        centre = (annotators.centre - answers.low) / step
        prior = _rounded(k, np.zeros(1), np.array([max(annotators.spread / step, 0.2)]), centre)
        belief = np.eye(answers.n_annotators)
        flat = 0.99 * prior[0, :, 0] + 0.01 / k
        given = _given(answers)
        return _judged(answers, given, _posterior(answers, given, belief, table, flat))


@dataclass
class Auto(Rating):
    """``RoundedNormal`` for a scale of up to 25 steps, ``BiasAndNoise`` for any other."""

    max_iter: int = 200

    def _learn(self, answers: RatingAnswers, gold: Gold) -> Learned:
        return self._chosen(answers)._learn(answers, gold)

    def _judge(self, answers: RatingAnswers, annotators: RatingAnnotators) -> Judged:
        return self._chosen(answers)._judge(answers, annotators)

    def _chosen(self, answers: RatingAnswers) -> Rating:
        k = answers.n_steps
        fits = 2 <= k <= MAX_STEPS and answers.n_annotators * k * k <= _MAX_CELLS
        return RoundedNormal(self.max_iter) if fits else BiasAndNoise(self.max_iter)


def _steps(answers: RatingAnswers) -> int:
    if not 2 <= answers.n_steps <= MAX_STEPS:
        raise NotApplicableError(
            f"step must divide low .. high into 2 to {MAX_STEPS} ratings; got step "
            f"{answers.step:g} for {answers.low:g} .. {answers.high:g}. Use BiasAndNoise."
        )
    return answers.n_steps


def _known_steps(answers: RatingAnswers, gold: Gold) -> Codes:
    """(n_gold,): the step of each known rating, from 0."""
    steps = np.round((gold.value - answers.low) / answers.step).astype(np.int64)
    off = np.abs(answers.low + steps * answers.step - gold.value) > answers.step * 1e-6
    wrong = np.flatnonzero(off | (steps < 0) | (steps >= answers.n_steps))
    if wrong.size:
        at = int(wrong[0])
        raise NotApplicableError(
            f"gold must be a step of the scale {answers.low:g} .. {answers.high:g}; got "
            f"{gold.value[at]:g} for item {gold.item[at]}. Use BiasAndNoise."
        )
    return steps


def _given(answers: RatingAnswers) -> Codes:
    """(n_answers,): the step of each answer, from 0."""
    return np.round((answers.value - answers.low) / answers.step).astype(np.int64)


def _rounded(k: int, bias: Floats, noise: Floats, centre: float | None = None) -> Floats:
    """[parameters, given, true]: mass of each normal that rounds to a step."""
    truth = np.arange(k)[None, None, :] if centre is None else np.full((1, 1, 1), centre)
    edge = np.concatenate(([-np.inf], np.arange(k - 1) + 0.5, [np.inf]))[None, :, None]
    below = ndtr((edge - truth - bias[:, None, None]) / noise[:, None, None])
    return np.asarray(np.diff(below, axis=1))


def _grid() -> tuple[Floats, Floats, Floats]:
    bias, noise, random = np.meshgrid(_BIASES, _NOISES, _RANDOM, indexing="ij")
    return bias.ravel(), noise.ravel(), random.ravel()


def _confusions(k: int) -> Floats:
    """[grid point, given, true], strictly positive."""
    bias, noise, random = _grid()
    mixed = random[:, None, None]
    return np.asarray((1 - mixed) * _rounded(k, bias, noise) + mixed / k)


def _posterior(
    answers: RatingAnswers,
    given: Codes,
    belief: Floats,
    table: Floats,
    prior: Floats,
) -> Floats:
    """(n_items, k): chance of each step, by the expected confusion of each annotator."""
    k = len(prior)
    expected = np.log(belief @ table.reshape(len(table), -1)).reshape(-1, k)
    rows = expected[answers.annotator * k + given]
    total = np.tile(np.log(prior), (answers.n_items, 1))
    np.add.at(total, answers.item, rows)
    return np.asarray(softmax(total, axis=1))


def _judged(answers: RatingAnswers, given: Codes, posterior: Floats) -> Judged:
    k = posterior.shape[1]
    votes = np.bincount(answers.item * k + given, minlength=posterior.size).reshape(-1, k)
    shares = votes / np.maximum(answers.n_answers, 1)[:, None]
    posterior = np.asarray((1 - _VOTES) * posterior + _VOTES * shares)
    mean = posterior @ np.arange(k)
    best = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    far = np.where(best, np.abs(np.arange(k) - mean[:, None]), np.inf)
    label = (far <= far.min(axis=1, keepdims=True) + 1e-9).argmax(axis=1)
    up_to = posterior.cumsum(axis=1)
    low, high = (up_to > 0.025).argmax(axis=1), (up_to >= 0.975 - 1e-12).argmax(axis=1)
    low, high = np.minimum(low, label), np.maximum(high, label)
    ends = (answers.low + answers.step * column for column in (label, low, high))
    value, low_, high_ = ends
    return Judged(value, low_, high_, posterior[np.arange(len(label)), label])


def _parameters(
    answers: RatingAnswers, belief: Floats, common: Floats, prior: Floats
) -> RatingAnnotators:
    """In the units of the ratings; noise counts the random answers too."""
    bias, noise, random = _grid()
    k = len(prior)
    variance = (1 - random) * noise**2 + random * (k**2 - 1) / 6
    step = answers.step
    own = belief @ bias
    steps = np.arange(k)
    centre = float(prior @ steps)
    typical = float(common @ bias)
    return RatingAnnotators(
        bias=step * own,
        bias_error=step * np.sqrt(np.maximum(belief @ bias**2 - own**2, 0)),
        scale=np.ones(len(own)),
        noise=step * np.sqrt(belief @ variance),
        n_answers=answers.by_annotator,
        centre=answers.low + step * centre,
        spread=step * float(np.sqrt(prior @ (steps - centre) ** 2)),
        typical_noise=step * float(np.sqrt(common @ variance)),
        typical_bias=step * float(np.sqrt(np.maximum(common @ bias**2 - typical**2, 0.0))),
    )
