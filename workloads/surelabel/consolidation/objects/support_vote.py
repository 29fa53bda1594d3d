"""An object is what enough of the people who looked have marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.objects.base import Objects
from surelabel.consolidation.objects.presence import Presence, rates_from, rates_of, seen_of
from surelabel.consolidation.objects.result import ObjectAnnotators
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import SupportCurve

# Shares are quotients of small integers; 2 of 4 is 1/2 in spite of rounding.
_ROUNDING = 1e-9


@dataclass
class SupportVote(Objects):
    """``min_support``: share of those who looked, empty answers included, that an object needs.

    1/2 is for precision, 1/3 for recall; at 1/2 a mark of one of two people is kept, with low
    confidence. ``threshold``: least mean similarity of marks that are one object; a lower one joins
    more. The chance that an object is real is taken to be its support.
    """

    min_support: float = 0.5
    threshold: float = 0.4

    def _presence(self, sites: Sites, annotators: ObjectAnnotators | None) -> Presence:
        share = sites.held(sites.support / np.maximum(sites.n_seen, 1))
        kept = share >= self.min_support - _ROUNDING
        if annotators is None:
            return Presence(share, kept, rates_of(sites, seen_of(sites, share)), SupportCurve())
        return Presence(share, kept, rates_from(annotators), annotators.curve)
