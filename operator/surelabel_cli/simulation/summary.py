"""What many repetitions of one variation came to, with how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, t

from surelabel_cli.simulation.outcome import Outcome

_RISK = 0.05


@dataclass(frozen=True)
class Mean:
    """A mean over repetitions with its 95 % interval (Student's t); the interval of one is nan."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Mean | None:
        """Of those that are there; None: of none."""
        known = np.array([value for value in values if value is not None], np.float64)
        if not len(known):
            return None
        mean, n = float(known.mean()), len(known)
        if n == 1:
            return cls(mean, np.nan, np.nan, 1)
        half = float(t.isf(_RISK / 2, n - 1) * known.std(ddof=1) / np.sqrt(n))
        return cls(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Rate:
    """``count`` of ``n`` with its 95 % interval (C. Clopper and E. Pearson, 1934)."""

    count: int
    n: int

    @property
    def low(self) -> float:
        """Lower end."""
        return (
            float(beta.ppf(_RISK / 2, self.count, self.n - self.count + 1)) if self.count else 0.0
        )

    @property
    def high(self) -> float:
        """Upper end."""
        if self.count == self.n:
            return 1.0
        return float(beta.isf(_RISK / 2, self.count + 1, self.n - self.count))


@dataclass(frozen=True)
class Summary:
    """All repetitions of one variation; None where no repetition has such a figure."""

    title: str
    repetitions: int
    human_labels: Mean | None
    human_share: Mean | None
    machine_share: Mean | None
    answers: Mean | None
    cost: Mean | None
    currency: str | None
    wrong_by_people: Mean | None
    wrong_in_truth: Mean | None
    wrong_of_all: Mean | None
    rounds: Mean | None
    attempts: Mean | None
    # Jobs whose promise was broken, of those that made one.
    broken: Rate | None

    @classmethod
    def of(cls, title: str, outcomes: Sequence[Outcome]) -> Summary:
        """The summary of at least one outcome."""
        promised = [outcome.kept for outcome in outcomes if outcome.kept is not None]
        return cls(
            title=title,
            repetitions=len(outcomes),
            human_labels=Mean.of([o.human_labels for o in outcomes]),
            human_share=Mean.of([o.human_labels / o.items for o in outcomes]),
            machine_share=Mean.of([o.machine_labels / o.items for o in outcomes]),
            answers=Mean.of([o.answers for o in outcomes]),
            cost=Mean.of([o.cost for o in outcomes]),
            currency=outcomes[0].currency,
            wrong_by_people=Mean.of([o.wrong_by_people for o in outcomes]),
            wrong_in_truth=Mean.of([o.wrong_in_truth for o in outcomes]),
            wrong_of_all=Mean.of([o.wrong_of_all for o in outcomes]),
            rounds=Mean.of([o.rounds for o in outcomes]),
            attempts=Mean.of([o.attempts for o in outcomes]),
            broken=Rate(promised.count(False), len(promised)) if promised else None,
        )
