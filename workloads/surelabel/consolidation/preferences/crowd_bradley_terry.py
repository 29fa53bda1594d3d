"""Crowd Bradley-Terry: some annotators answer at random, or the wrong way round.

X. Chen, P. N. Bennett, K. Collins-Thompson and E. Horvitz, "Pairwise Ranking Aggregation in a
Crowdsourced Setting", WSDM 2013, doi:10.1145/2433396.2433420: an annotator answers as the model
says with a chance eta, else the other way. By expectation maximisation in place of the paper's
gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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

    def _learn(self, answers: PreferenceAnswers) -> Learned:
        choices = answers.choices
        item, annotator = choices.item, choices.annotator
        said = np.where(choices.label == TIE, 0.5, choices.label == A)
        eta = np.full(choices.n_annotators, _RIGHT / (_RIGHT + _WRONG))
        as_said = np.full(len(item), _RIGHT / (_RIGHT + _WRONG))
        lead, n_iter, converged = np.zeros(choices.n_items), 0, False
        strengths: Strengths | None = None
        while strengths is None or (n_iter < self.max_iter and not converged):
            n_iter += 1
            for_a = as_said * said + (1 - as_said) * (1 - said)
            strengths = fit_davidson(
                answers.first, answers.second, _outcomes(choices.n_items, item, for_a),
                answers.n_objects, with_ties=False, start=strengths,
            )  # fmt: skip
            p = wins(strengths.lead)[item]
            fits = said * p + (1 - said) * (1 - p)
            own = eta[annotator]
            as_said = own * fits / (own * fits + (1 - own) * (1 - fits))
            right = np.bincount(annotator, as_said, choices.n_annotators) + _RIGHT
            eta = right / (choices.by_annotator + _RIGHT + _WRONG)
            converged = bool(np.abs(strengths.lead - lead).max(initial=0.0) < self.tol)
            lead = strengths.lead
        self.eta_ = eta
        posterior = chances(strengths.lead, 0.0)
        annotators = confusions(answers, posterior)
        return Learned(posterior, strengths, annotators, n_iter, converged)


def _outcomes(n_items: int, item: Codes, for_a: Floats) -> Floats:
    a, b = np.bincount(item, for_a, n_items), np.bincount(item, 1 - for_a, n_items)
    return np.stack([a, b, np.zeros(n_items)], axis=1)
