"""Crowd Bradley-Terry: some annotators answer at random, or the wrong way round.

X. Chen, P. N. Bennett, K. Collins-Thompson and E. Horvitz, "Pairwise Ranking Aggregation in a
Crowdsourced Setting", WSDM 2013, doi:10.1145/2433396.2433420: an annotator answers as the model
says with a chance eta, else the other way. By expectation maximisation in place of the paper's
gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.base import Gold
from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.preferences.davidson_fit import (
    Strengths,
    chances,
    fit_davidson,
    wins,
)
from surelabel.consolidation.preferences.pair_base import Learned, Preference, confusions
from surelabel.consolidation.preferences.pairs import TIE, A, PreferenceAnswers

# The paper's prior on eta, in pseudo-answers as the model says and the other way.
_RIGHT, _WRONG = 10.0, 1.0


@dataclass
class CrowdBradleyTerry(Preference):
    """``eta_``: (n_annotators,), the chance to answer as the scores say. A tie is half of both."""

    max_iter: int = 100
    tol: float = 1e-4

    eta_ = np.empty(0)

    def _learn(self, answers: PreferenceAnswers, gold: Gold) -> Learned:
        choices = answers.choices
        item, annotator = choices.item, choices.annotator
        said = np.where(choices.label == TIE, 0.5, choices.label == A)
        eta = np.full(choices.n_annotators, _RIGHT / (_RIGHT + _WRONG))
        as_said = np.full(len(item), _RIGHT / (_RIGHT + _WRONG))
        # Of a known comparison it is known who answers as he should.
        known = np.full(choices.n_items, np.nan)
        known[gold.item] = np.where(gold.label == TIE, 0.5, gold.label == A)
        lead, n_iter, converged = np.zeros(choices.n_items), 0, False
        strengths: Strengths | None = None
        while strengths is None or (n_iter < self.max_iter and not converged):
            n_iter += 1
            for_a = as_said * said + (1 - as_said) * (1 - said)
            outcomes = _outcomes(choices.n_items, item, for_a, known)
            strengths = fit_davidson(
                answers.first, answers.second, outcomes, answers.n_objects,
                with_ties=False, start=strengths,
            )  # fmt: skip
            p = np.where(np.isnan(known), wins(strengths.lead), known)[item]
            fits = said * p + (1 - said) * (1 - p)
            own = eta[annotator]
            as_said = own * fits / (own * fits + (1 - own) * (1 - fits))
            right = np.bincount(annotator, as_said, choices.n_annotators) + _RIGHT
            eta = right / (choices.by_annotator + _RIGHT + _WRONG)
            converged = bool(np.abs(strengths.lead - lead).max(initial=0.0) < self.tol)
            lead = strengths.lead
        self.eta_ = eta
        posterior = gold.clamp(chances(strengths.lead, 0.0))
        annotators = confusions(answers, posterior, gold)
        return Learned(posterior, strengths, annotators, n_iter, converged)


def _outcomes(n_items: int, item: Codes, for_a: Floats, known: Floats) -> Floats:
    """(n_items, 3): wins of a and b; those of a known comparison, one at least, as it is known."""
    a, b = np.bincount(item, for_a, n_items), np.bincount(item, 1 - for_a, n_items)
    n, told = np.maximum(a + b, 1), ~np.isnan(known)
    a = np.where(told, n * known, a)
    b = np.where(told, n * (1 - known), b)
    return np.stack([a, b, np.zeros(n_items)], axis=1)
