"""Objects by weighted support, read off a curve that the answers themselves give.

Support counts each annotator by how much a mark of theirs says; what a share of it is worth is
learned from how often candidates have which support: a mixture of two beta-binomials (J. G.
Skellam, 1948, doi:10.1111/j.2517-6161.1948.tb00014.x), one of real objects and one of false ones.
Weights and mixture are found in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.objects.base import Objects
from surelabel.consolidation.objects.presence import (
    Presence,
    Turn,
    rates_from,
    rates_of,
    rates_on_gold,
    turn,
)
from surelabel.consolidation.objects.result import ObjectAnnotators
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import SupportCurve

# Looks at candidates from which compiling the loops pays.
_MANY = 250_000


@dataclass
class BetaBinomial(Objects):
    """An object is a candidate that is real rather than not.

    ``max_iter``, ``tol``: converged when no candidate's chance moved by ``tol`` or more.
    ``threshold``: least mean similarity of marks that are one object.
    """

    max_iter: int = 20
    tol: float = 1e-3
    threshold: float = 0.4

    def _presence(self, sites: Sites, annotators: ObjectAnnotators | None) -> Presence:
        if annotators is not None:
            rates, curve = rates_from(annotators), annotators.curve
            posterior = turn(sites, curve)(rates.weight).posterior
            return Presence(posterior, posterior >= 0.5, rates, curve)
        curve = SupportCurve.fit(sites.support, sites.n_seen, sites.truth)
        turned = _turn_of(sites, curve)
        # At first everybody is worth the same, unless gold tells better.
        on_gold = rates_on_gold(sites)
        found = turned(np.ones(sites.n_annotators) if on_gold is None else on_gold.weight)
        rates, n_iter, converged = rates_of(sites, found), 0, False
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            before, found = found.posterior, turned(rates.weight)
            rates = rates_of(sites, found)
            converged = bool(np.abs(found.posterior - before).max(initial=0.0) < self.tol)
        posterior = found.posterior
        return Presence(posterior, posterior >= 0.5, rates, curve, n_iter, converged)


def _turn_of(sites: Sites, curve: SupportCurve) -> Turn:
    if len(sites.site) <= _MANY:
        return turn(sites, curve)
    from surelabel.consolidation.objects.presence_kernels import compiled_turn

    return compiled_turn(sites, curve)
