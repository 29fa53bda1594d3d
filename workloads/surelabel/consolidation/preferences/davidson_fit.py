"""Strengths of objects from comparisons: Bradley-Terry's model with Davidson's ties.

P(a) : P(b) : P(tie) = exp(d/2) : exp(-d/2) : nu, d = score of a - score of b.
R. A. Bradley and M. E. Terry, 1952, doi:10.1093/biomet/39.3-4.324; R. R. Davidson, 1970,
doi:10.1080/01621459.1970.10481082 (nu = 0 without ties). Newton's method on the penalised
likelihood: a normal prior on scores keeps those finite that never lost, or never met the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import expit

from surelabel.consolidation.checked import Codes, Floats

# Up to so many objects a full matrix is solved faster, and its inverse is found at all.
_SMALL, _DENSE = 200, 1500
_MAX_STEP = 2.0


@dataclass(frozen=True)
class Strengths:
    """``score``, ``error``: (n_objects,), mean 0. ``ties``: nu. ``lead``: (n_comparisons,), d."""

    score: Floats
    error: Floats
    ties: float
    lead: Floats
    # (n_comparisons,): variance of the lead, and its value had the comparison not been made.
    variance: Floats
    lead_without: Floats


def chances(lead: Floats, ties: float) -> Floats:
    """(n, 3): probabilities of a, b and tie."""
    # Relative to the favourite, so that nothing overflows.
    half = np.exp(-np.abs(lead) / 2)
    a, b = np.where(lead >= 0, 1.0, half**2), np.where(lead >= 0, half**2, 1.0)
    weights = np.stack([a, b, ties * half], axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fit_davidson(
    first: Codes,
    second: Codes,
    outcomes: Floats,
    n_objects: int,
    *,
    with_ties: bool = True,
    spread: float = 2.0,
    start: Strengths | None = None,
    max_iter: int = 100,
) -> Strengths:
    """Scores that explain ``outcomes``, (n_comparisons, 3): how often a, b and neither won.

    Numbers of wins need not be whole. Without ``with_ties`` a tie is half a win for both.
    ``spread``: standard deviation of the prior on scores. ``start``: a fit to similar outcomes,
    from which fewer steps are needed. Without comparisons all objects are equal.
    """
    if not len(first):
        none, unknown = np.empty(0), np.full(n_objects, spread)
        ties = 0.5 if with_ties else 0.0
        return Strengths(np.zeros(n_objects), unknown, ties, none, none, none)
    if not with_ties:
        half = outcomes[:, 2] / 2
        outcomes = np.stack([outcomes[:, 0] + half, outcomes[:, 1] + half, 0 * half], axis=1)
    n = outcomes.sum(axis=1)
    score, ties = np.zeros(n_objects), 0.5 if with_ties else 0.0
    if start is not None:
        score, ties = start.score, start.ties
    rows = np.concatenate([first, second, first, second])
    columns = np.concatenate([first, second, second, first])
    prior = np.full(n_objects, 1 / spread**2)
    for _ in range(max_iter):
        p = chances(score[first] - score[second], ties)
        pull = (outcomes[:, 0] - outcomes[:, 1] - n * (p[:, 0] - p[:, 1])) / 2
        weight = n * (p[:, 0] + p[:, 1] - (p[:, 0] - p[:, 1]) ** 2) / 4
        gradient = np.bincount(first, pull, n_objects) - np.bincount(second, pull, n_objects)
        gradient -= score * prior
        cells = np.concatenate([weight, weight, -weight, -weight])
        shape = (n_objects, n_objects)
        information = sparse.csc_matrix((cells, (rows, columns)), shape=shape)
        information += sparse.diags(prior, format="csc")
        if n_objects <= _SMALL:
            step = np.linalg.solve(information.toarray(), gradient)
        else:
            step = np.asarray(spsolve(information, gradient)).reshape(n_objects)
        score = score + np.clip(step, -_MAX_STEP, _MAX_STEP)
        settled = np.abs(step).max(initial=0.0) < 1e-7
        if with_ties:
            # At a maximum there are as many ties as expected; half a tie among n keeps nu above 0.
            expected = n @ p[:, 2] / ties
            old = ties
            ties = float(np.clip((outcomes[:, 2].sum() + 0.5) / (expected + 1), 1e-4, 1e4))
            settled = settled and abs(ties - old) < 1e-7 * old
        if settled:
            break
    score = score - score.mean() if n_objects else score
    lead = score[first] - score[second]
    if n_objects <= _DENSE:
        inverse = np.linalg.inv(information.toarray()) if n_objects else np.empty((0, 0))
        diagonal = np.diagonal(inverse)
        variance = diagonal[first] + diagonal[second] - 2 * inverse[first, second]
    else:
        diagonal = 1 / information.diagonal()
        variance = diagonal[first] + diagonal[second]
    leverage = np.minimum(weight * variance, 0.999)
    without = lead - variance * pull / (1 - leverage)
    return Strengths(score, np.sqrt(diagonal), ties, lead, variance / (1 - leverage), without)


def foretold(strengths: Strengths, outcomes: Floats) -> Floats:
    """(n_comparisons, 3): chances of each comparison by all others, not by itself.

    The lead is drawn in as far as it is unsure (D. MacKay, "The Evidence Framework Applied to
    Classification Networks", 1992, doi:10.1162/neco.1992.4.5.720). Then fewer objects seem to
    differ, so ties are made as common as they are in ``outcomes``.
    """
    lead = strengths.lead_without / np.sqrt(1 + np.pi * strengths.variance / 8)
    n = outcomes.sum(axis=1)
    wanted, ties = outcomes[:, 2].sum() + 0.5, strengths.ties
    for _ in range(20):
        ties = float(np.clip(ties * wanted / (n @ chances(lead, ties)[:, 2] + 0.5), 1e-6, 1e6))
    return chances(lead, ties)


def wins(lead: Floats) -> Floats:
    """P(a beats b) without ties."""
    return np.asarray(expit(lead))
