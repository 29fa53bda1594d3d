"""When to try to label a region, which one, and with how large a sample.

Nothing here can break the promise: whatever is proposed, ``certify`` tests it. A poor forecast
only wastes answers. Items are ranked by the model's score; how often the model is wrong at a score
is learned from uniformly drawn items that were scored out of fold, never from queried ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, logit

from surelabel.certify import Account, attempt_risk

Floats = NDArray[np.float64]

# Why a region that would pass is not proposed yet.
WAITS = "AnotherBatchSavesMore"
# Only when the predicted chance to pass is at least this.
MIN_CHANCE = 0.8
# A saving below this share of all items is not worth an attempt.
MIN_SAVING = 0.01
# How far the forecast of a region's errors may be off: its logarithm's standard deviation.
SPREAD = 0.3
# What a refusal costs, in samples: the next one is larger, since it has less of the risk.
RETRY = 1.5
# No region is planned for as if it were better than this share of the target: people disagree
# among themselves, and a sample that is too small for that is lost.
_FLOOR = 0.2
# Error falls like (labels)^-LEARNING while the training set grows.
LEARNING = 0.7
_REGION_STEPS = 40
_SAMPLE_STEPS = 40
_MAX_SAMPLE = 5_000
_MAX_ERRORS = 40
# Five-point Gauss-Hermite rule for a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


@dataclass(frozen=True)
class Plan:
    """A region and a sample size that are likely to pass.

    ``position``: (N,), ascending, into the pool. ``people``: items that people label from now on
    if it passes: the sample, and the pool outside the region.
    """

    position: NDArray[np.int64]
    n_sample: int
    chance: float
    people: int
    # (N,): of several thresholds the nested region in which an item is first, strictest 0.
    level: NDArray[np.int8] | None = None
    # The predicted class, where each has a promise of its own.
    label: int | None = None


@dataclass(frozen=True)
class Advice:
    """``plan``: what to propose now, if anything. ``best``: the plan that was considered."""

    plan: Plan | None
    reason: str


def score_of(probability: Floats) -> Floats:
    """(n,): the chance that the likeliest class is right, as the model sees it."""
    return np.asarray(probability.max(axis=1))


def fit_errors(score: Floats, wrong: NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    """P(wrong) as a function of the score, learned from uniform items scored out of fold.

    logit P = a + b logit(1 - score), drawn towards the model's own word (a = 0, b = 1), so that
    a handful of items does no harm.
    """
    x = _doubt(score)
    y = np.asarray(wrong, dtype=np.float64)
    theta = np.array([0.0, 1.0])
    prior_mean, prior_precision = theta.copy(), np.array([3.0, 30.0])
    design = np.stack((np.ones_like(x), x), axis=1)
    for _ in range(50):
        p = expit(design @ theta)
        gradient = design.T @ (y - p) - prior_precision * (theta - prior_mean)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(prior_precision)
        step = np.linalg.solve(curvature, gradient)
        theta = theta + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    a, b = theta
    # A score that says "wrong when sure" must not turn the ranking round.
    slope = max(b, 0.05)
    return lambda scores: expit(a + slope * _doubt(scores))


def advise(
    score: Floats,
    error: Floats,
    account: Account,
    *,
    n_labeled: int,
    next_batch: int,
    item_ids: list[str] | None = None,
) -> Advice:
    """Propose now, or ask people another batch first.

    ``score``, ``error``: (n_pool,), the ranking and the predicted chance of a wrong label.
    ``n_labeled``: items that trained the model; ``next_batch``: items of another round (0: there
    is none). Few, late attempts: it waits while another batch is predicted to save more than it
    costs.
    """
    order = np.argsort(-score, kind="stable")
    expected = np.cumsum(error[order])
    now = _best(expected, account)
    if now is None:
        return Advice(None, "NoRegionWouldPass")
    n_region, n_sample, chance = now
    people = n_sample + len(score) - n_region
    price = _cost(now, len(score))
    worth = MIN_SAVING * (n_labeled + account.machine_labels + len(score))
    if n_region - n_sample <= n_sample + worth:
        return Advice(None, "SavesLessThanItsSample")
    later = _people_later(error[order], account, n_labeled, next_batch)
    if later is not None and later < price:
        return Advice(None, WAITS)
    position = _top(score, n_region, item_ids)
    return Advice(Plan(position, n_sample, chance, people), "Proposed")


def people_needed(error: Floats, account: Account) -> float | None:
    """Items that people label from here on with the best region; None: none is likely to pass.

    ``error``: (n_pool,), the predicted chance of a wrong label, the surest item first.
    """
    best = _best(np.cumsum(error), account)
    return None if best is None else _cost(best, len(error))


def _best(expected: Floats, account: Account) -> tuple[int, int, float] | None:
    """(region, sample, chance) with the fewest people among those likely to pass."""
    best: tuple[int, int, float] | None = None
    n_pool = len(expected)
    if n_pool == 0:
        return None
    # Finer towards the whole pool, where leaving out a few doubtful items gains most.
    left_out = np.linspace(0, 1, _REGION_STEPS, endpoint=False) ** 2
    sizes = np.unique((n_pool * (1 - left_out)).astype(int))[::-1]
    for size in sizes.tolist():
        if best is not None and n_pool - size >= _cost(best, n_pool):
            break
        found = _sample_size(size, float(expected[size - 1]), account)
        if found is not None:
            candidate = (size, *found)
            if best is None or _cost(candidate, n_pool) < _cost(best, n_pool):
                best = candidate
    return best


def _cost(plan: tuple[int, int, float], n_pool: int) -> float:
    """Items that people label from here on, with what a refusal is likely to cost."""
    n_region, n_sample, chance = plan
    return n_sample + n_pool - n_region + (1 - chance) * RETRY * n_sample


def _sample_size(n_region: int, errors: float, account: Account) -> tuple[int, float] | None:
    """The sample size (of a grid) that is cheapest among those likely to pass, and its chance.

    ``errors``: how many of the region's labels are probably wrong.
    """
    largest = min(n_region // 2, _MAX_SAMPLE)
    if largest < 1:
        return None
    sample = np.unique(np.geomspace(min(20, largest), largest, _SAMPLE_STEPS).astype(np.int64))
    most = _most_errors(n_region, sample, account)
    errors = max(errors, _FLOOR * account.target_error_permille / 1000 * n_region)
    counts = np.minimum(np.round(errors * np.exp(SPREAD * _NODES)), n_region)
    passing = _distribution(most[:, None], n_region, counts[None, :], sample[:, None])
    chance = passing @ _WEIGHTS / _WEIGHTS.sum()
    cost = np.where(chance >= MIN_CHANCE, sample * (1 + RETRY * (1 - chance)), np.inf)
    best = int(cost.argmin())
    return (int(sample[best]), float(chance[best])) if np.isfinite(cost[best]) else None


def _most_errors(n_region: int, sample: NDArray[np.int64], account: Account) -> NDArray[np.int64]:
    """For each sample size the most errors with which the region passes; -1: not even none.

    The bound is at most k + room exactly if k errors would be too few for k + room + 1, so no
    bound has to be searched.
    """
    risk = attempt_risk(account.next_attempt, account.risk_permille)
    total = account.machine_labels + n_region - sample
    room = account.target_error_permille * total // 1000 - account.charged_errors
    # The bound grows with the errors found, so the last count that passes is found by halving.
    low, high = np.full(len(sample), -1), np.full(len(sample), _MAX_ERRORS - 1)
    while np.any(low < high):
        errors = (low + high + 1) // 2
        refuted = room + errors + 1
        chance = _distribution(errors, n_region, refuted, sample)
        passes = (room >= 0) & ((chance <= risk) | (refuted > n_region - sample + errors))
        low, high = np.where(passes, errors, low), np.where(passes, high, errors - 1)
    return np.asarray(low)


def _distribution(errors: ArrayLike, n_region: int, wrong: ArrayLike, sample: ArrayLike) -> Floats:
    """P(at most ``errors`` wrong in the sample), all arguments broadcast.

    Quick sums for many forecasts at once; the test itself uses SciPy's own distribution.
    """
    k, bad, n = np.broadcast_arrays(errors, np.minimum(wrong, n_region), sample)
    # More than the most that is asked about adds nothing to the sum.
    found = np.arange(max(int(np.max(k, initial=0)), 0) + 1).reshape((-1,) + (1,) * k.ndim)
    log_probability = (
        _log_choose(bad, found)
        + _log_choose(n_region - bad, n - found)
        - _log_choose(np.full(k.shape, n_region), n)
    )
    return np.asarray(np.where(found <= k, np.exp(log_probability), 0.0).sum(axis=0))


def _log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    n_, k_ = np.broadcast_arrays(np.asarray(n, np.int64), np.asarray(k, np.int64))
    possible = (k_ >= 0) & (k_ <= n_)
    inside = np.where(possible, k_, 0)
    # Of whole numbers a table has it: thousands of forecasts ask for the same few.
    table = _log_factorials(_up_to(int(np.max(n_, initial=0))))
    value = table[n_] - table[inside] - table[np.maximum(n_ - inside, 0)]
    return np.asarray(np.where(possible, value, -np.inf))


def _up_to(n: int) -> int:
    """The next power of two, so that a shrinking pool needs few tables."""
    return int(1 << max(n, 1).bit_length())


@lru_cache(maxsize=4)
def _log_factorials(n: int) -> Floats:
    """(n + 1,): log 0!, ..., log n!."""
    return np.asarray(gammaln(np.arange(n + 1) + 1.0))


def _people_later(error: Floats, account: Account, n_labeled: int, next_batch: int) -> float | None:
    """People's items, the next batch included, if the attempt is made after that batch."""
    if next_batch <= 0 or n_labeled <= 0 or len(error) <= next_batch:
        return None
    gain = (n_labeled / (n_labeled + next_batch)) ** LEARNING
    # The batch takes the least certain items out of the pool.
    # What the surest items still get wrong is people's noise: no batch teaches that away.
    noise = float(np.quantile(error, 0.1))
    left = error[: len(error) - next_batch]
    expected = np.cumsum(noise + (left - noise) * gain)
    plan = _best(expected, account)
    return None if plan is None else next_batch + _cost(plan, len(expected))


def _top(score: Floats, n: int, item_ids: list[str] | None) -> NDArray[np.int64]:
    """Positions of the n highest scores, ascending; ties at the border by a hash of the id."""
    border = -np.partition(-score, n - 1)[n - 1]
    sure = np.flatnonzero(score > border)
    tied = np.flatnonzero(score == border).tolist()

    def key(position: int) -> bytes:
        name = item_ids[position] if item_ids is not None else str(position)
        return hashlib.sha256(name.encode()).digest()

    chosen = sorted(tied, key=key)[: n - sure.size]
    return np.sort(np.concatenate((sure, np.array(chosen, dtype=np.int64))))


def _doubt(score: Floats) -> Floats:
    return np.asarray(logit(np.clip(1 - score, 1e-6, 1 - 1e-6)))
