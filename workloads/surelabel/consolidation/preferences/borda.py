"""Borda's count: options by the mean share of others that they are ranked before.

J.-C. de Borda, 1781; weighed by annotator, for partial orders and ties as in R. Fagin et al., 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.preferences.ranking_base import Ranking, borda
from surelabel.consolidation.preferences.rankings import RankingAnswers


@dataclass
class Borda(Ranking):
    """Scores from 0 (always last) to 1 (always first); 1/2 for what nobody ranked."""

    max_iter: int = 50

    def _scores(self, answers: RankingAnswers, weight: Floats) -> Floats:
        return borda(answers, weight)
