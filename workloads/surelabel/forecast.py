"""What going on with models is predicted to save, and whether another round can pay at all.

Nothing here can break the promise, and stopping too early costs more than a round too many: people
then label everything by hand that a model could have had. So a round does not pay only where even
the good end of the forecast saves next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.certify import Account
from surelabel.learning_curve import PowerLaw
from surelabel.proposing import MIN_SAVING, people_needed

Floats = NDArray[np.float64]

# The ends of the forecast's interval: 90 % of what the learning curve leaves possible.
_GOOD, _LIKELY, _BAD = 0.05, 0.5, 0.95
# With fewer models the curve has no slope of its own yet, and nothing is concluded from it.
_LEAST_MODELS = 3
_TINY = 1e-9


@dataclass(frozen=True)
class Saving:
    """Items that people need not label if models go on, of those without a label.

    ``likely``, and from ``low`` to ``high`` with a probability of 90 %; 0 where nothing is saved.
    """

    likely: int
    low: int
    high: int
    # Models that the learning curve knows.
    models: int

    def may_pay(self, n_items: int) -> bool:
        """Whether more than a trifle of ``n_items``, all of the job's, may be saved."""
        return self.models < _LEAST_MODELS or self.high > MIN_SAVING * n_items


def predicted_saving(
    error: Floats,
    account: Account,
    curve: PowerLaw,
    *,
    n_labeled: int,
    batch: int,
    rounds_left: int | None = None,
) -> Saving:
    """The most that is saved by certifying after some more batches, or at once.

    ``error``: (n_pool,), the predicted chance of a wrong label. ``batch``: items of a round;
    ``rounds_left``: None for any number. A batch takes the items that are most in doubt; what it
    teaches, the curve says.
    """
    ranked = np.sort(error)
    # What the last model gets wrong already stands in ``error``: the curve says how that changes.
    now = max(curve.error(n_labeled, _LIKELY), _TINY)

    def saved(asked: int, share: float) -> int:
        left = ranked[: len(ranked) - asked]
        factor = curve.error(n_labeled + asked, share) / now
        needed = people_needed(np.minimum(left * factor, 1.0), account)
        return 0 if needed is None else max(0, int(len(left) - needed))

    horizons = _horizons(len(error), batch, rounds_left)
    good = {asked: saved(asked, _GOOD) for asked in horizons}
    # A forecast takes most of a second, so the others are made for the best moment and for now.
    moments = {0, max(good, key=lambda asked: (good[asked], -asked))}
    likely = max(saved(asked, _LIKELY) for asked in moments)
    low = max(saved(asked, _BAD) for asked in moments)
    # The chances are those of single moments, and the best of them may cross.
    return Saving(likely, min(low, likely), max(*good.values(), likely), curve.models)


def _horizons(n_pool: int, batch: int, rounds_left: int | None) -> list[int]:
    """Items that people are asked about before the attempt, from none to a few batches."""
    most = n_pool // batch if batch > 0 else 0
    if rounds_left is not None:
        most = min(most, rounds_left)
    found = [0]
    while 2 ** (len(found) - 1) <= most:
        found.append(2 ** (len(found) - 1))
    return [number * batch for number in found]
