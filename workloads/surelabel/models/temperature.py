"""Temperature scaling (Guo et al. 2017): how sure a model may be, learned out of sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]

_SHARPNESS = np.geomspace(0.05, 20, 61)
_NOISE = (0.002, 0.005, 0.007, 0.01, 0.014, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
# log of a probability that is 0.
FLOOR = 1e-9


@dataclass(frozen=True)
class Temperature:
    """(1 - noise) softmax(sharpness * log p) + noise / n_seen: one over the temperature, and what
    people get wrong themselves."""

    sharpness: float = 1.0
    noise: float = 0.002

    @classmethod
    def of(cls, left_out: Floats, position: NDArray[np.int64]) -> Temperature:
        """What fits best. ``left_out``: (n_items, n_seen), of models that never saw the item's
        label; ``position``: (n_items,), the column of each item's label."""
        rows = np.arange(len(position))
        logs = np.log(np.maximum(left_out, FLOOR))
        best = (np.inf, 1.0, _NOISE[0])
        for sharpness in _SHARPNESS:
            own = softmax(sharpness * logs, axis=1)[rows, position]
            # A weak pull to the model's own word, for where a handful of labels says nothing.
            prior = np.log(sharpness) ** 2 / 2
            for noise in _NOISE:
                mixed = (1 - noise) * own + noise / left_out.shape[1]
                # Lognormal around 1 %: some noise there always is, much of it must be shown.
                wrong = (np.log(noise / 0.01) / 0.4) ** 2 / 2
                loss = float(prior + wrong - np.log(mixed).sum())
                best = min(best, (loss, float(sharpness), noise))
        return cls(best[1], best[2])

    def __call__(self, proba: Floats) -> Floats:
        """(n_items, n_seen): probabilities."""
        sharp = softmax(self.sharpness * np.log(np.maximum(proba, FLOOR)), axis=1)
        mixed: Floats = (1 - self.noise) * sharp + self.noise / proba.shape[1]
        return mixed
