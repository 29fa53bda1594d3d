"""Bradley-Terry, and Davidson's form with ties: everybody's answers count alike.

R. A. Bradley and M. E. Terry, "Rank Analysis of Incomplete Block Designs", Biometrika 39 (1952),
doi:10.1093/biomet/39.3-4.324; R. R. Davidson, "On Extending the Bradley-Terry Model to Accommodate
Ties in Paired Comparison Experiments", Journal of the American Statistical Association 65 (1970),
doi:10.1080/01621459.1970.10481082.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.base import Gold
from surelabel.consolidation.checked import Floats
from surelabel.consolidation.preferences.davidson_fit import chances, fit_davidson
from surelabel.consolidation.preferences.pair_base import (
    Learned,
    Preference,
    confusions,
    votes_and_gold,
)
from surelabel.consolidation.preferences.pairs import PreferenceAnswers
from surelabel.consolidation.result import AnnotatorParameters


@dataclass
class Davidson(Preference):
    """A comparison goes as the scores of its objects say, whatever was answered to it itself."""

    def _learn(self, answers: PreferenceAnswers, gold: Gold) -> Learned:
        strengths = fit_davidson(
            answers.first, answers.second, votes_and_gold(answers, gold), answers.n_objects,
            with_ties=self._with_ties,
        )  # fmt: skip
        posterior = gold.clamp(chances(strengths.lead, strengths.ties))
        return Learned(posterior, strengths, confusions(answers, posterior, gold))

    @property
    def _with_ties(self) -> bool:
        return True


@dataclass
class BradleyTerry(Davidson):
    """The same with a tie taken for half a win of both; it never answers "tie" of its own."""

    @property
    def _with_ties(self) -> bool:
        return False


@dataclass
class MajorityVote(Preference):
    """Each comparison by its own answers; the scores are Davidson's."""

    def _learn(self, answers: PreferenceAnswers, gold: Gold) -> Learned:
        votes = votes_and_gold(answers, gold)
        strengths = fit_davidson(answers.first, answers.second, votes, answers.n_objects)
        posterior = gold.clamp(np.asarray(answers.choices.vote_shares()))
        return Learned(posterior, strengths, confusions(answers, posterior, gold))

    def _judge(self, answers: PreferenceAnswers, annotators: AnnotatorParameters) -> Floats:
        return np.asarray(answers.choices.vote_shares())
