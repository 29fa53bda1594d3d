"""GLAD: annotators differ in ability, items in difficulty.

J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma and J. Movellan, "Whose Vote Should Count More: Optimal
Integration of Labels from Labelers of Unknown Expertise", NIPS 2009. An answer is right with
probability sigmoid(ability x ease); mistakes are spread evenly over the other classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, softmax

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import e_step, expected_counts, m_step
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Steps of the optimiser in an M step; the next M step goes on from there.
_STEPS = 10


@dataclass
class GLAD(Classification):
    """Abilities and logs of ease have normal priors with mean 1 and variance 1, as in the paper.

    Classes count as equally common, as in the paper. The M step is limited-memory BFGS over all
    parameters at once. Frozen annotators judge an item by their confusion: its difficulty is
    learned from answers only.
    """

    max_iter: int = 50
    tol: float = 1e-3

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        first = answers.vote_shares() if start is None else e_step(answers, start)
        posterior = gold.clamp(first)
        parameters = np.ones(answers.n_annotators + answers.n_items)
        n_iter, converged = 0, False
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            right = posterior[answers.item, answers.label]
            parameters = minimize(
                _loss,
                parameters,
                (answers, right),
                method="L-BFGS-B",
                jac=True,
                options={"maxiter": _STEPS},
            ).x
            before = posterior
            posterior = gold.clamp(_e_step(answers, parameters, before))
            converged = bool(np.abs(posterior - before).max(initial=0.0) < self.tol)
        counts = expected_counts(answers, posterior, gold.item)
        annotators = m_step(counts, lambda c: np.full_like(c, 0.01), answers)
        return Learned(annotators, n_iter, converged, posterior)


def _logit(answers: Answers, parameters: Floats) -> tuple[Floats, Floats]:
    """(n_annotations,) each: ability x ease, and ease."""
    ability = parameters[: answers.n_annotators][answers.annotator]
    # The exponent is bounded: no answers can show more than that.
    ease = np.exp(np.clip(parameters[answers.n_annotators :], -6, 6))[answers.item]
    return ability * ease, ease


def _loss(parameters: Floats, answers: Answers, right: Floats) -> tuple[float, Floats]:
    """Negative expected log-likelihood and log-prior, and their gradient."""
    product, ease = _logit(answers, parameters)
    likelihood = right * log_expit(product) + (1 - right) * log_expit(-product)
    slope = right - expit(product)
    by_annotator = np.bincount(
        answers.annotator, weights=slope * ease, minlength=answers.n_annotators
    )
    by_item = np.bincount(answers.item, weights=slope * product, minlength=answers.n_items)
    off = parameters - 1
    loss = -likelihood.sum() + (off @ off) / 2
    return float(loss), off - np.concatenate([by_annotator, by_item])


def _e_step(answers: Answers, parameters: Floats, posterior: Floats) -> Floats:
    k = answers.n_classes
    if not answers.n_items:
        return posterior
    product, _ = _logit(answers, parameters)
    # Against a mistake of any one other class, which every class is given.
    gain = log_expit(product) - log_expit(-product) + np.log(max(k - 1, 1))
    found: Floats = softmax(answers.weighted_votes(gain), axis=1)
    return found
