"""What support is worth: a mixture of two beta-binomials, real candidates and false ones.

Of the people who look at a real object most mark it, yet some objects are missed by many: they are
small or hidden. Hits are therefore not independent, and a model that takes them so (hit and false
rates alone) is far too sure. A beta-binomial has a rate of its own for every candidate. Only
candidates that somebody marked are seen, so both are truncated at zero. Beta-binomial: J. G.
Skellam, Journal of the Royal Statistical Society B 10 (1948),
doi:10.1111/j.2517-6161.1948.tb00014.x.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, expit, logit

from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.groups import distinct

# How strongly few candidates leave the parameters where they start, on the scale of log odds.
_PRIOR = 2.5
# Of the slope of the loss.
_STEP = 1e-6
# Greatest log odds of a parameter, .999: near 0 and 1 the beta function is lost to rounding.
_MOST = 6.9
# A weighted count may fall below one mark; the curve is not meant for much less.
LEAST = 0.2
# Candidates from which a table of so many entries pays.
_MANY, _TABLE = 20_000, 4096


class SupportCurve(NamedTuple):
    """``real``: share of candidates that are. ``hit``, ``false``: mean rates, above and below 1/2.

    ``hit_spread``, ``false_spread``: how much rates differ between candidates (the correlation of
    two annotators' marks), in (0, 1). The defaults are what few candidates leave as it is.
    """

    real: float = 0.75
    hit: float = 0.9
    hit_spread: float = 0.25
    false: float = 0.25
    false_spread: float = 0.1

    @classmethod
    def fit(cls, support: Codes, seen: Codes, truth: Floats | None = None) -> SupportCurve:
        """The curve of candidates that ``support`` of ``seen`` marked, both (n_sites,).

        ``truth``: (n_sites,), 1 or 0 for candidates that are known, nan for others. What nobody
        marked is a candidate only if it is known, and tells nothing of the others.
        """
        marked = support > 0
        support, seen = support[marked], seen[marked]
        if not len(support):
            return cls()
        known = np.full(len(support), np.nan) if truth is None else truth[marked]
        cell, place = distinct(seen * (seen.max() + 1) + support)
        n, k = np.divmod(cell, seen.max() + 1)
        unknown, is_real, is_false = (
            np.bincount(place[chosen], minlength=len(cell))
            for chosen in (np.isnan(known), known == 1, known == 0)
        )
        start = cls()._free()

        def loss(free: Floats) -> tuple[float, Floats]:
            """The loss and its slope, all steps at once."""
            tried = free + np.vstack((np.zeros(len(free)), _STEP * np.eye(len(free))))
            real, false = cls._of(tried.T[:, :, None])._log_likelihoods(k.astype(float), n)
            prior = _PRIOR * ((tried - start) ** 2).sum(axis=1)
            values = prior - np.logaddexp(real, false) @ unknown
            values -= real @ is_real + false @ is_false
            return float(values[0]), (values[1:] - values[0]) / _STEP

        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_MOST, _MOST)] * len(start),
            options={"ftol": 1e-6},
        )
        return cls(*map(float, cls._of(found.x)))

    def log_odds(self, support: Floats, seen: Codes) -> Floats:
        """(n_sites,): log odds that a candidate is real; ``support`` may be a weighted count.

        Of many candidates read off a table, to within 1e-4.
        """
        support = np.clip(support, LEAST, seen)
        if len(support) <= _MANY:
            return self._log_odds(support, seen)
        found = np.empty(len(support))
        for n in np.flatnonzero(np.bincount(seen)):
            rows = np.flatnonzero(seen == n)
            found[rows] = np.interp(support[rows], *self.table(int(n)))
        return found

    def table(self, seen: int) -> tuple[Floats, Floats]:
        """Evenly spaced supports from ``LEAST`` to ``seen``, and their log odds."""
        support = np.linspace(LEAST, seen, _TABLE)
        return support, self._log_odds(support, np.full(_TABLE, seen))

    def _log_odds(self, support: Floats, seen: Codes) -> Floats:
        real, false = self._log_likelihoods(support, seen)
        return real - false

    def _log_likelihoods(self, k: Floats, n: Codes) -> tuple[Floats, Floats]:
        """Of being real, and of being false, with the chance of each before."""
        return (
            np.log(self.real) + _beta_binomial(k, n, self.hit, self.hit_spread),
            np.log1p(-self.real) + _beta_binomial(k, n, self.false, self.false_spread),
        )

    def _free(self) -> Floats:
        """The parameters as log odds, where they may be anything."""
        return np.asarray(
            logit([self.real, 2 * self.hit - 1, self.hit_spread, 2 * self.false, self.false_spread])
        )

    @classmethod
    def _of(cls, free: Floats) -> SupportCurve:
        real, hit, hit_spread, false, false_spread = expit(free)
        return cls(real, 0.5 + 0.5 * hit, hit_spread, 0.5 * false, false_spread)


def _beta_binomial(k: Floats, n: Codes, mean: float, spread: float) -> Floats:
    """Log chance of k of n, given at least one; without the binomial coefficient."""
    size = 1 / spread - 1
    a, b = mean * size, (1 - mean) * size
    log_none = betaln(a, n + b) - betaln(a, b)
    found: Floats = betaln(k + a, n - k + b) - betaln(a, b) - np.log(-np.expm1(log_none))
    return found
