"""From scores to probabilities, learned from scores of items that the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]

# Sharpness is sought in units of the median lead, so that scores may have any scale.
_SHARPNESS = np.geomspace(0.3, 40, 36)
_NOISE = (0.002, 0.005, 0.007, 0.01, 0.014, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)


@dataclass(frozen=True)
class Calibration:
    """From scores to probabilities: (1 - noise) softmax(sharpness * scores) + noise / n_seen.

    The second part is what people get wrong themselves; without it a handful of wrong labels
    makes the model look unsure of everything.
    """

    sharpness: float
    noise: float
    # Mean loss of a left out item, with the prior's share: what choices are made by.
    loss: float = 0.0

    @classmethod
    def of(cls, left_out: Floats, position: NDArray[np.int64]) -> Calibration:
        """What fits the labels best. ``position``: (n_items,), the column of each item's label.

        One pseudo-item with a wrong label keeps both finite where all scores are right.
        """
        rows = np.arange(len(position))
        wrong = np.zeros(left_out.shape[1])
        wrong[0] = _median_lead(left_out)
        best = (np.inf, 1.0, 0.0)
        for sharpness in _SHARPNESS / wrong[0]:
            own = softmax(sharpness * left_out, axis=1)[rows, position]
            pseudo = softmax(sharpness * wrong)[1]
            for noise in _NOISE:
                mixed = (1 - noise) * np.append(own, pseudo) + noise / left_out.shape[1]
                # Lognormal around 1 %: some noise there always is, much of it must be shown.
                prior = (np.log(noise / 0.01) / 0.4) ** 2 / 2
                loss = float(prior - np.log(mixed).sum())
                best = min(best, (loss, float(sharpness), noise))
        return cls(best[1], best[2], best[0] / (len(position) + 1))

    def __call__(self, scores: Floats) -> Floats:
        """(n_items, n_seen): probabilities."""
        sharp: Floats = softmax(self.sharpness * scores, axis=1)
        mixed: Floats = (1 - self.noise) * sharp + self.noise / scores.shape[1]
        return mixed


def _median_lead(scores: Floats) -> float:
    """How far the first class is ahead of the second, in the median; 1 where nothing leads."""
    top = np.partition(scores, -2, axis=1)[:, -2:]
    lead = float(np.median(top[:, 1] - top[:, 0]))
    return lead if lead > 1e-12 else 1.0
