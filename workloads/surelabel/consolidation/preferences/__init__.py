"""Pairwise preferences (one choice per comparison, one score per object) and rankings of options.

Every method has ``fit_predict(answers, *, frozen_annotators=None, gold=...)``. None changes its
input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.preferences.borda import Borda
from surelabel.consolidation.preferences.bradley_terry import BradleyTerry, Davidson, MajorityVote
from surelabel.consolidation.preferences.crowd_bradley_terry import CrowdBradleyTerry
from surelabel.consolidation.preferences.davidson_dawid_skene import DavidsonDawidSkene
from surelabel.consolidation.preferences.kemeny import Kemeny
from surelabel.consolidation.preferences.pair_base import Preference
from surelabel.consolidation.preferences.pairs import (
    CHOICES,
    PreferenceAnswers,
    PreferenceResult,
    choice_codes,
    disagreement,
    position_bias,
)
from surelabel.consolidation.preferences.plackett_luce import PlackettLuce
from surelabel.consolidation.preferences.ranking_base import Ranking
from surelabel.consolidation.preferences.rankings import (
    RankingAnnotators,
    RankingAnswers,
    RankingResult,
)
from surelabel.consolidation.preferences.rankings import disagreement as ranking_disagreement

# Every algorithm for comparisons, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Preference]] = {
    "Auto": DavidsonDawidSkene,
    "MajorityVote": MajorityVote,
    "BradleyTerry": BradleyTerry,
    "Davidson": Davidson,
    "CrowdBradleyTerry": CrowdBradleyTerry,
    "DavidsonDawidSkene": DavidsonDawidSkene,
}
# The same for rankings.
RANKING_METHODS: dict[str, type[Ranking]] = {
    "Auto": Kemeny,
    "Borda": Borda,
    "Kemeny": Kemeny,
    "PlackettLuce": PlackettLuce,
}

__all__ = [
    "CHOICES",
    "METHODS",
    "RANKING_METHODS",
    "Borda",
    "BradleyTerry",
    "CrowdBradleyTerry",
    "Davidson",
    "DavidsonDawidSkene",
    "Kemeny",
    "MajorityVote",
    "PlackettLuce",
    "Preference",
    "PreferenceAnswers",
    "PreferenceResult",
    "Ranking",
    "RankingAnnotators",
    "RankingAnswers",
    "RankingResult",
    "choice_codes",
    "disagreement",
    "position_bias",
    "ranking_disagreement",
]
