"""How sure it is that there is nothing, where nobody marked anything.

Nobody's marks say as little as the people who looked are likely to miss, and as few of the other
items as have nothing. Without either it is what one answer of an unknown person is worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
# Of a person of whom nothing is known; and for one item, how many have nothing.
_UNKNOWN = 0.5
# Nobody finds everything, nor misses everything.
_LEAST_MISSED = 0.01


def chance_of_nothing(
    item: Codes, annotator: Codes, hit_rate: Floats, empty: NDArray[np.bool_], *, learn: bool = True
) -> Floats:
    """(n_items,): the chance that an item has nothing, given that all who saw it marked nothing.

    ``item``, ``annotator``: (n_answers,), coded from 0. ``hit_rate``: (n_annotators,), the chance
    to mark what is there, nan where it is not known. ``empty``: (n_items,), where the label has
    nothing. Bayes' rule for one thing that may be there: the prior of an item is the share of the
    *other* items that have nothing (Laplace); without ``learn`` one half, so that every item stands
    for itself. An item that nobody saw gets its prior.
    """
    miss = 1 - np.where(np.isnan(hit_rate), _UNKNOWN, hit_rate)
    miss = np.clip(miss, _LEAST_MISSED, 1 - _LEAST_MISSED)
    n_items = len(empty)
    missed_by_all = np.exp(np.bincount(item, weights=np.log(miss)[annotator], minlength=n_items))
    answered = np.bincount(item, minlength=n_items) > 0
    prior = np.full(n_items, _UNKNOWN)
    if learn:
        others = int(answered.sum()) - answered
        prior = (int((empty & answered).sum()) - (empty & answered) + 1) / (others + 2)
    chance: Floats = prior / (prior + (1 - prior) * missed_by_all)
    return chance
