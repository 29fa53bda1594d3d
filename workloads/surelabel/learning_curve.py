"""How often models were wrong, by the labels that they had learned from, and where that leads.

A point comes from uniformly drawn items alone, each scored by a model that never saw its label:
what people were asked for being hard says nothing about the rest.

The errors of a model fall like a power of the labels that it learned from; a plateau is a power
near 0. Followed: H. Qiu, K. Chintalapudi and R. Govindan, "MCAL: Minimum Cost Human-Machine Active
Labeling", ICLR 2023, who fit a line to the logarithms; with some 50 uniform items and few errors
among them a line would be noise, so here every power and level is weighed by how well it explains
the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from surelabel_contract.model import Record

Floats = NDArray[np.float64]

# What is known of the power before any count: as ``proposing.LEARNING``, and wide.
_USUAL, _SPREAD = 0.7, 0.35
_POWERS = np.linspace(0.0, 2.0, 41)
_LEVELS = np.geomspace(1e-4, 0.95, 80)
_MOST, _LEAST = 0.98, 1e-6


class LearningPoint(Record):
    """A trained model: ``wrong`` of ``items`` uniform items, after learning from ``labels``."""

    round: int
    labels: int
    items: int
    wrong: int


class LearningCurve(Record):
    """One point for each model of the job, oldest first."""

    schema_version: Literal[1] = 1
    points: tuple[LearningPoint, ...] = ()


@dataclass(frozen=True)
class PowerLaw:
    """Error = level * (labels / here) ^ -power, with a weight for each pair of the two.

    ``level``, ``power``, ``weight``: (m,) each; weights sum to 1. ``here``: labels of the last
    model, whose error the level is.
    """

    level: Floats
    power: Floats
    weight: Floats
    here: int
    # How many models the law was learned from.
    models: int

    def error(self, labels: int, share: float) -> float:
        """The error after so many labels; with this probability it is not above it."""
        value = np.minimum(self.level * (labels / self.here) ** -self.power, _MOST)
        order = np.argsort(value, kind="stable")
        reached = np.cumsum(self.weight[order])
        # Sums of weights may end a rounding error below 1.
        position = min(int(np.searchsorted(reached, share)), len(order) - 1)
        return float(value[order][position])


def fit_power_law(points: Sequence[LearningPoint]) -> PowerLaw:
    """The power laws that explain the points; without any the usual power.

    All points look at much the same items, so together they weigh as much as their largest one:
    taken for independent, five looks at 50 items would pass for 250 items.
    """
    known = [point for point in points if point.items > 0]
    here = max((point.labels for point in points), default=1) or 1
    # Without a count any level will do: it is the power that says what labels bring.
    levels = _LEVELS if known else _LEVELS[:1]
    power, level = (each.ravel() for each in np.meshgrid(_POWERS, levels))
    log_weight = -0.5 * ((power - _USUAL) / _SPREAD) ** 2
    share = max((p.items for p in known), default=0) / max(sum(p.items for p in known), 1)
    for point in known:
        error = np.clip(level * (max(point.labels, 1) / here) ** -power, _LEAST, _MOST)
        likelihood = point.wrong * np.log(error) + (point.items - point.wrong) * np.log1p(-error)
        log_weight = log_weight + share * likelihood
    weight = np.exp(log_weight - log_weight.max())
    return PowerLaw(level, power, weight / weight.sum(), here, len(known))
