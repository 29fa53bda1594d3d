"""Objects by hit and false rates of each annotator, all marks independent given the truth.

S. Branson, G. Van Horn and P. Perona, "Lean Crowdsourcing: Combining Humans and Machines in an
Online System", CVPR 2017, doi:10.1109/CVPR.2017.647, without its computer vision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from surelabel.consolidation.objects.base import Objects
from surelabel.consolidation.objects.geometry import Floats
from surelabel.consolidation.objects.presence import (
    Presence,
    Rates,
    rates_from,
    rates_of,
    rates_on_gold,
    seen_of,
)
from surelabel.consolidation.objects.result import ObjectAnnotators
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import SupportCurve


@dataclass
class HitRates(Objects):
    """Expectation maximisation, from each candidate's support; far too sure of itself.

    ``threshold``: least mean similarity of marks that are one object.
    """

    max_iter: int = 100
    tol: float = 1e-3
    threshold: float = 0.4

    def _presence(self, sites: Sites, annotators: ObjectAnnotators | None) -> Presence:
        if annotators is not None:
            rates = rates_from(annotators)
            posterior = _e_step(sites, rates, annotators.curve.real)
            return Presence(posterior, posterior >= 0.5, rates, annotators.curve)
        posterior = sites.held(sites.support / np.maximum(sites.n_seen, 1))
        rates = rates_on_gold(sites) or rates_of(sites, seen_of(sites, posterior))
        real, n_iter, converged = 0.5, 0, False
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            real = (float(posterior.sum()) + 1) / (len(sites) + 2)
            before, posterior = posterior, _e_step(sites, rates, real)
            rates = rates_of(sites, seen_of(sites, posterior))
            converged = bool(np.abs(posterior - before).max(initial=0.0) < self.tol)
        curve = SupportCurve(real=real)
        return Presence(posterior, posterior >= 0.5, rates, curve, n_iter, converged)


def _e_step(sites: Sites, rates: Rates, real: float) -> Floats:
    """(n_sites,): the chance that each candidate is real."""
    marked = np.log(rates.hit / rates.false)
    passed = np.log((1 - rates.hit) / (1 - rates.false))
    said = np.where(sites.hit, marked[sites.annotator], passed[sites.annotator])
    odds = np.bincount(sites.site, weights=said, minlength=len(sites))
    posterior: Floats = expit(odds + np.log(real / (1 - real)))
    return sites.held(posterior)
