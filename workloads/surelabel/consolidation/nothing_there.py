"""How sure it is that there is nothing, where nobody marked anything.

That nobody marked anything says the less, the fewer people looked, the more often people miss
everything elsewhere, and the rarer items are that have nothing. Refuses to know what a mark is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats

# Pseudo-answers, so that few answers make nobody perfect: missed, and all.
_MISSED, _ANSWERS = 1.0, 4.0
# People miss the same items: what one person missed, a second one misses about half of the time.
# On 1,448 pictures with seven annotators each (Branson, Van Horn, Perona 2017, pedestrians) one,
# two, three, five, seven of them missed everything in 5.6, 3.1, 1.5, 0.7, 0.4 % of the pictures
# that have something; a beta distribution of this total has 5.6, 3.0, 2.0, 1.3, 1.0 %.
_CONCENTRATION = 1.0


def chance_of_nothing(
    item: Codes, marked: NDArray[np.bool_], empty: NDArray[np.bool_], *, learn: bool = True
) -> Floats:
    """(n_items,): the chance that an item has nothing, as far as those tell who marked nothing.

    ``item``, ``marked``: (n_answers,), and whether the answer marks anything. ``empty``:
    (n_items,), where the label has nothing. Bayes' rule: the prior of an item is the share of the
    *other* items that have nothing (Laplace); that all miss what is there is beta-binomial, with a
    mean of what people miss in items that somebody else found something in. Without ``learn`` the
    prior is one half and the mean one quarter, so that every item stands for itself. An item that
    nobody saw gets its prior.
    """
    n_items = len(empty)
    saw = np.bincount(item, minlength=n_items)
    found = np.bincount(item, weights=marked, minlength=n_items).astype(np.int64)
    missed = saw - found
    answered = saw > 0
    prior, miss = np.full(n_items, 0.5), _MISSED / _ANSWERS
    if learn:
        nothing = empty & answered
        prior = (nothing.sum() - nothing + 1) / (answered.sum() - answered + 2)
        # Only where somebody else found something: nobody's own mark shows that he finds all.
        misses = missed[~empty & (found >= 1)].sum()
        hits = found[~empty & (found >= 2)].sum()
        miss = (misses + _MISSED) / (misses + hits + _ANSWERS)
    place = np.arange(int(missed.max(initial=0)))
    each = (_CONCENTRATION * miss + place) / (_CONCENTRATION + place)
    missed_by_all = np.concatenate(([1.0], np.cumprod(each)))[missed]
    chance: Floats = prior / (prior + (1 - prior) * missed_by_all)
    return chance
