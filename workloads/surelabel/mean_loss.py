"""Upper bounds of a region's mean loss from a uniform sample of it, for losses between 0 and 1.

Where a label is not right or wrong but off by some share (a mask, a set of boxes), the
hypergeometric bound of ``certify`` does not apply. Two bounds do, both valid for a sample without
replacement:

- Hoeffding-Bentkus: S. Bates, A. Angelopoulos, L. Lei, J. Malik and M. Jordan,
  "Distribution-Free, Risk-Controlling Prediction Sets", Journal of the ACM 68 (2021),
  doi:10.1145/3478535. Without replacement sums are no more spread than with it (W. Hoeffding,
  "Probability Inequalities for Sums of Bounded Random Variables", 1963, theorem 4).
- Betting: I. Waudby-Smith and A. Ramdas, "Confidence sequences for sampling without replacement",
  NeurIPS 2020. Whoever bets that losses are below a mean grows rich unless it is true.

Which of the two is used must be committed with the sample: the smaller of both, looked up
afterwards, keeps no promise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

Floats = NDArray[np.float64]

# Means are found to a billionth; what is as good as equal to the risk is not refuted.
_STEPS = 60
_ROUNDING = 1e-9
# Bets stay below 1, so that no loss ruins the bettor whatever mean is tested.
_LARGEST_BET = 0.99


class LossError(ValueError):
    """Losses that no bound can be computed from; the message names the rule and the value."""


def hoeffding_bentkus(n_region: int, losses: ArrayLike, risk: float) -> float:
    """The largest mean of all ``n_region`` losses that these do not refute at ``risk``.

    ``losses``: (n,), each from 0 to 1, a uniform sample without replacement in any order.
    P(bound < mean) <= ``risk``. LossError for no losses, more than the region has, or others.
    """
    loss = _checked(n_region, losses)
    n, mean = len(loss), float(loss.mean())
    # A sum that is whole but for rounding must not be counted as the next larger one.
    most = int(np.ceil(n * mean - _ROUNDING))

    def chance(of: float) -> float:
        tail = float(np.e * binom.cdf(most, n, of))
        return min(float(np.exp(-n * _relative_entropy(min(mean, of), of))), tail)

    return _largest(lambda of: chance(of) > risk * (1 - _ROUNDING), mean)


def betting(n_region: int, losses: ArrayLike, risk: float, target: float) -> float:
    """The same by betting against ``target``, the mean that the sample is to refute.

    ``losses``: (n,) in the random order in which they were drawn. ``target``: fixed before the
    draw, from 0 to 1; the bound holds whatever it is, and is tightest near it. The bound holds at
    every moment of the sample at once, so that stopping early is allowed. LossError as there.
    """
    loss = _checked(n_region, losses)
    bet = _bets(loss, target)
    before = np.concatenate(([0.0], np.cumsum(loss)[:-1]))
    left = n_region - np.arange(len(loss), dtype=np.float64)

    def wealth(of: float) -> float:
        """The most that the bettor ever had; it grows with ``of`` at every moment."""
        expected = (of * n_region - before) / left
        growth = 1 + bet * (expected - loss)
        ruined = growth <= 0
        logarithm = np.log(np.where(ruined, 1.0, growth))
        # A mean below the losses found is impossible; nothing is won after that.
        end = int(ruined.argmax()) if ruined.any() else len(loss)
        return float(np.cumsum(logarithm[:end]).max(initial=0.0))

    needed = -np.log(risk)
    return _largest(lambda of: wealth(of) < needed + _ROUNDING, float(loss.sum()) / n_region)


def _bets(loss: Floats, target: float) -> Floats:
    """(n,): what is bet on each loss, from those before it alone.

    The stake that makes wealth grow fastest if the losses go on as so far and ``target`` is their
    mean under test: gap / (variance + gap^2). Two made-up losses stand before the first.
    """
    # One of nothing and one of the whole target: neither bold nor timid at the start.
    count = np.arange(len(loss)) + 2.0
    total = np.concatenate(([0.0], np.cumsum(loss)[:-1])) + target
    square = np.concatenate(([0.0], np.cumsum(loss * loss)[:-1])) + target * target
    mean = total / count
    variance = np.maximum(square / count - mean * mean, 0.0)
    gap = np.maximum(target - mean, 0.0)
    spread = variance + gap * gap
    stake = np.divide(gap, spread, out=np.full_like(gap, 0.0), where=spread > 0)
    return np.asarray(np.clip(stake, 0.0, _LARGEST_BET))


def _largest(likely: Callable[[float], bool], low: float) -> float:
    """The supremum of what is likely, from ``low`` (which is) to 1, by halving."""
    high = 1.0
    if likely(high):
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if likely(middle) else (low, middle)
    # The end that is refuted: rounding errs to the safe side.
    return high


def _relative_entropy(a: float, b: float) -> float:
    """h(a, b) of two chances, with 0 log 0 = 0; infinite where b makes a impossible."""
    with np.errstate(divide="ignore"):
        first = a * np.log(a / b) if a > 0 else 0.0
        second = (1 - a) * (np.log1p(-a) - np.log1p(-b)) if a < 1 else 0.0
    return float(first + second)


def _checked(n_region: int, losses: ArrayLike) -> Floats:
    loss = np.asarray(losses, dtype=np.float64)
    if loss.ndim != 1 or not 0 < len(loss) <= n_region:
        raise LossError(f"a sample needs 1 to {n_region} losses (the region); got {loss.shape}.")
    wrong = np.flatnonzero(~((loss >= 0) & (loss <= 1)))
    if len(wrong):
        raise LossError(f"a loss must be from 0 to 1; got {loss[wrong[0]]} at {wrong[0]}.")
    return loss
