"""How annotators find objects: hit and false rates, from candidates that are real to some degree.

S. Branson, G. Van Horn and P. Perona, "Lean Crowdsourcing: Combining Humans and Machines in an
Online System", CVPR 2017, doi:10.1109/CVPR.2017.647, has such rates for boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from surelabel.consolidation.objects.geometry import Floats
from surelabel.consolidation.objects.result import ObjectAnnotators
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import SupportCurve

# Pseudo-candidates that draw an annotator's rates towards everybody's.
_PRIOR = 10.0


class Rates(NamedTuple):
    """(n_annotators,) each: P(marks | real), P(marks | not real), and everybody's as a number.

    ``n_real``: (n_annotators,), real candidates that each annotator saw, expected.
    """

    hit: Floats
    false: Floats
    pooled_hit: float
    pooled_false: float
    n_real: Floats

    @classmethod
    def of(cls, hits: Floats, seen: Floats, false: Floats, absent: Floats) -> Rates:
        """Shrunk towards everybody's. (n_annotators,) each: of ``seen`` real candidates how many
        each annotator marked, of ``absent`` that are not real how many."""
        pooled_hit = (hits.sum() + 1) / (seen.sum() + 2)
        pooled_false = (false.sum() + 1) / (absent.sum() + 2)
        return cls(
            (hits + _PRIOR * pooled_hit) / (seen + _PRIOR),
            (false + _PRIOR * pooled_false) / (absent + _PRIOR),
            float(pooled_hit),
            float(pooled_false),
            seen,
        )

    @property
    def weight(self) -> Floats:
        """(n_annotators,): how much a word of each says, as a difference of log odds; positive."""
        odds = np.log(self.hit / (1 - self.hit)) - np.log(self.false / (1 - self.false))
        # Whoever marks what is not there is worth little, but no division by nothing.
        worth: Floats = np.maximum(odds, 0.1)
        return worth


@dataclass(frozen=True)
class Presence:
    """Which candidates are objects.

    ``posterior``: (n_sites,), the chance of each; ``kept``: (n_sites,), those that become labels.
    """

    posterior: Floats
    kept: NDArray[np.bool_]
    rates: Rates
    curve: SupportCurve
    n_iter: int = 0
    converged: bool = True


def rates_from(annotators: ObjectAnnotators) -> Rates:
    """The rates of annotators that are known."""
    hit, false, _ = annotators.pooled
    return Rates(annotators.hit_rate, annotators.false_rate, hit, false, annotators.n_real)


class Seen(NamedTuple):
    """``posterior``: (n_sites,), the chance of each candidate. ``hits``, ``seen``: (n_annotators,),
    real candidates, expected, that each annotator marked, and saw."""

    posterior: Floats
    hits: Floats
    seen: Floats


# What follows from the worth of the annotators, (n_annotators,).
Turn = Callable[[Floats], Seen]


def turn(sites: Sites, curve: SupportCurve) -> Turn:
    """How weighted support says, by the curve, which candidates are real."""

    def turned(weight: Floats) -> Seen:
        # Nobody need have looked at what is known.
        seen = np.maximum(sites.n_seen, 1)
        odds = curve.log_odds(sites.share(weight) * seen, seen)
        return seen_of(sites, sites.held(expit(odds)))

    return turned


def seen_of(sites: Sites, posterior: Floats) -> Seen:
    """What annotators marked and saw of candidates that are real by these chances."""
    n, real = sites.n_annotators, posterior[sites.site]

    def count(weight: Floats) -> Floats:
        return np.bincount(sites.annotator, weights=weight, minlength=n).astype(np.float64)

    return Seen(posterior, count(real * sites.hit), count(real))


def rates_on_gold(sites: Sites) -> Rates | None:
    """Each annotator's rates by what is known alone; None where nothing is.

    Where they begin decides whom an iteration believes in the end.
    """
    if np.isnan(sites.truth).all():
        return None
    known = sites.known
    return rates_of(known, seen_of(known, known.held(np.zeros(len(sites)))))


def rates_of(sites: Sites, found: Seen) -> Rates:
    """Each annotator's rates, shrunk towards everybody's."""
    _, hits, seen = found
    # Rounding may leave a little less than nothing.
    false = np.maximum(sites.n_hits - hits, 0.0)
    absent = np.maximum(sites.n_views - seen, false)
    return Rates.of(hits, seen, false, absent)
