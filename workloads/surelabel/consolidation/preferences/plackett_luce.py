"""Plackett-Luce: an order is made by choosing the best of what is left, again and again.

R. L. Plackett, 1975, doi:10.2307/2346567. By the MM algorithm of D. R. Hunter, "MM Algorithms for
Generalized Bradley-Terry Models", 2004, doi:10.1214/aos/1079120141. Tied options are each chosen
from all that are not before them (Breslow's treatment, as in Cox regression).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.preferences.ranking_base import Ranking
from surelabel.consolidation.preferences.rankings import RankingAnswers

# Wins and losses against an option of strength 1, which keep strengths finite.
_PRIOR = 0.5


@dataclass
class PlackettLuce(Ranking):
    """Scores are log strengths.

    ``max_iter``: turns of orders and annotators' weights. ``mm_iter``, ``tol``: of the strengths of
    one item, done when none moved by that part.
    """

    max_iter: int = 50
    mm_iter: int = 200
    tol: float = 1e-5

    def _scores(self, answers: RankingAnswers, weight: Floats) -> Floats:
        n = int(answers.n_options.sum())
        order = np.lexsort((answers.rank, answers.answer))
        answer, rank = answers.answer[order], answers.rank[order]
        option = answers.first_option[answers.item[answer]] + answers.option[order]
        own = np.maximum(weight, 1e-6)[answer]
        size = np.bincount(answer, minlength=len(answers.item))
        end = np.cumsum(size)[answer]
        # The first mark of each group of equal rank, and whether anything stands behind the group.
        new = np.ones(len(order), bool)
        new[1:] = (answer[1:] != answer[:-1]) | (rank[1:] != rank[:-1])
        group = np.cumsum(new) - 1
        first = np.flatnonzero(new)[group] if len(order) else group
        group_size = np.bincount(group) if len(order) else group
        last = first + group_size[group] == end if len(order) else new
        # The last option alone is chosen from nothing but itself.
        chosen = np.where(last & (group_size[group] == 1), 0.0, own) if len(order) else own
        won = np.bincount(option, chosen, n) + _PRIOR
        strength = np.ones(n)
        for _ in range(self.mm_iter):
            before = strength
            behind = np.append(np.cumsum(strength[option][::-1])[::-1], 0.0)
            left = behind[first] - behind[end]
            share = chosen / np.maximum(left, 1e-300)
            # Each option is among those left at its own choice and at all before it, ties included.
            running = np.append(0.0, np.cumsum(share))
            start = end - size[answer]
            until = first + group_size[group] if len(order) else first
            total = np.bincount(option, running[until] - running[start], n)
            strength = won / (total + 2 * _PRIOR / (1 + strength))
            if np.abs(strength / before - 1).max(initial=0.0) < self.tol:
                break
        return np.asarray(np.log(strength))
