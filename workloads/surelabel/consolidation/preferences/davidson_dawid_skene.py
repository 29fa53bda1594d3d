"""Each comparison by its own answers and by what other comparisons say of its objects.

What is true of a comparison (a, b or tie) is drawn from Davidson's model (1970) of the scores;
what people answer is drawn from that by a confusion matrix of their own, as in hierarchical
Dawid-Skene. So annotators are weighed, their preference for what stands first is learned, and
objects known from other comparisons need fewer answers. Where every comparison has objects of its
own the scores say nothing, and a and b are equally likely beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.base import Gold
from surelabel.consolidation.checked import Floats
from surelabel.consolidation.confusion import e_step
from surelabel.consolidation.preferences.davidson_fit import Strengths, fit_davidson, foretold
from surelabel.consolidation.preferences.pair_base import (
    Learned,
    Preference,
    confusions,
    is_told,
)
from surelabel.consolidation.preferences.pairs import PreferenceAnswers
from surelabel.consolidation.result import AnnotatorParameters
from surelabel.consolidation.wawa import weighted_vote


@dataclass
class DavidsonDawidSkene(Preference):
    """``max_iter``, ``tol``: converged when no chance moved by ``tol`` or more."""

    max_iter: int = 50
    tol: float = 1e-3

    def _learn(self, answers: PreferenceAnswers, gold: Gold) -> Learned:
        posterior = gold.clamp(np.asarray(answers.choices.vote_shares()))
        answered = is_told(answers, gold)[:, None]
        annotators = confusions(answers, posterior, gold)
        strengths: Strengths | None = None
        n_iter, converged = 0, False
        while strengths is None or (n_iter < self.max_iter and not converged):
            n_iter += 1
            before = posterior
            outcomes = posterior * answered
            strengths = fit_davidson(
                answers.first, answers.second, outcomes, answers.n_objects, start=strengths
            )
            prior = foretold(strengths, outcomes)
            own = _weighed(e_step(answers.choices, annotators), annotators, prior)
            posterior = gold.clamp(own)
            annotators = confusions(answers, posterior, gold)
            converged = bool(np.abs(posterior - before).max(initial=0.0) < self.tol)
        # Half and half with votes by agreement, as in hierarchical Dawid-Skene.
        found = (posterior + weighted_vote(answers.choices, annotators)) / 2
        found = gold.clamp(np.where(answered, found, posterior))
        return Learned(found, strengths, annotators, n_iter, converged)


def _weighed(posterior: Floats, annotators: AnnotatorParameters, prior: Floats) -> Floats:
    """``posterior`` with a prior per item in place of the annotators' one for all."""
    odds = posterior / annotators.prior * prior
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
