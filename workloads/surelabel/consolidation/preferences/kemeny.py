"""Kemeny's order: the one with the fewest pairs against the annotators' orders, weighed.

J. Kemeny, "Mathematics without Numbers", Daedalus 88 (1959); the likeliest order under Mallows'
model. Exact up to 7 options, by trying all; above that from Borda's order by moving one option at a
time while that helps (NP-hard: J. Bartholdi et al., 1989, doi:10.1007/BF00303169).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.preferences.ranking_base import (
    EXACT,
    Ranking,
    borda,
    margins,
    orders,
)
from surelabel.consolidation.preferences.rankings import RankingAnswers

_CHUNK = 2_000_000


@dataclass
class Kemeny(Ranking):
    """Ties between orders: the one nearer to Borda's. The score of an option is minus its place."""

    max_iter: int = 50

    def _scores(self, answers: RankingAnswers, weight: Floats) -> Floats:
        second = borda(answers, weight)
        found = np.zeros(int(answers.n_options.sum()))
        for m, (items, matrix) in margins(answers, weight).items():
            cells = answers.first_option[items][:, None] + np.arange(m)
            if m <= EXACT:
                best = _exact(matrix, second[cells], m)
            else:
                best = np.array([
                    _local(own, np.argsort(-score, kind="stable"))
                    for own, score in zip(matrix, second[cells], strict=True)
                ])  # fmt: skip
            places = np.argsort(best, axis=1)
            found[cells] = -places
        return found


def _exact(matrix: Floats, second: Floats, m: int) -> Codes:
    """(items, m): options from the best on."""
    all_, before = orders(m)
    best = np.empty((len(matrix), m), np.int64)
    size = max(_CHUNK // len(all_), 1)
    for start in range(0, len(matrix), size):
        rows = slice(start, start + size)
        worth = matrix[rows].reshape(-1, m * m) @ before.T
        # Borda's scores decide among the equally good; so little that they decide nothing else.
        worth -= 1e-7 * (second[rows] @ np.argsort(all_, axis=1).T)
        best[rows] = all_[np.round(worth, 10).argmax(axis=1)]
    return best


def _local(matrix: Floats, order: Codes) -> Codes:
    """(m,): ``order`` with options moved one at a time while that raises the worth."""
    order = order.copy()
    m = len(order)
    for _ in range(m * m):
        inner = matrix[np.ix_(order, order)]
        best, move = 1e-9, None
        for place in range(m):
            # Moved up past the options before it, or down past those after it.
            up = np.cumsum(inner[place, :place][::-1])
            down = np.cumsum(-inner[place, place + 1 :])
            for gain, target in ((up, -1), (down, 1)):
                if len(gain) and gain.max() > best:
                    step = int(gain.argmax()) + 1
                    best, move = float(gain.max()), (place, place + target * step)
        if move is None:
            break
        option = order[move[0]]
        order = np.insert(np.delete(order, move[0]), move[1], option)
    return order
