"""What consolidation of ratings returns, and the annotators' parameters that outlive it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays


@dataclass(frozen=True)
class RatingAnnotators(NamedAnnotators):
    """How each annotator rates: answer = centre + bias + scale * (truth - centre) + noise.

    ``bias``, ``scale``, ``noise`` (a standard deviation), ``n_answers``: (n_annotators,).
    ``bias_error``: (n_annotators,), how sure the bias is, a standard deviation. ``centre``,
    ``spread``: mean and standard deviation of the items. ``typical_noise``, ``typical_bias``: of
    an annotator that nothing is known about (whose bias is 0 give or take ``typical_bias``).
    """

    bias: Floats
    bias_error: Floats
    scale: Floats
    noise: Floats
    n_answers: Codes
    centre: float
    spread: float
    typical_noise: float
    typical_bias: float
    names: tuple[str, ...] = ()

    @property
    def reliability(self) -> Floats:
        """(n_annotators,): share of the variance of an annotator's answers that is the items'."""
        signal = (self.scale * self.spread) ** 2
        total = signal + self.noise**2
        return np.divide(signal, total, out=np.ones_like(total), where=total > 0)

    def for_annotators(self, names: Sequence[str]) -> RatingAnnotators:
        """The parameters in the order of ``names``; an unknown annotator is a typical one."""
        places = self.places_of(names)
        return replace(
            self,
            bias=places.take(self.bias, 0.0),
            bias_error=places.take(self.bias_error, self.typical_bias),
            scale=places.take(self.scale, 1.0),
            noise=places.take(self.noise, self.typical_noise),
            n_answers=places.take(self.n_answers, 0),
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "centre": self.centre,
            "spread": self.spread,
            "typicalNoise": self.typical_noise,
            "typicalBias": self.typical_bias,
            "annotators": [
                {
                    "name": self.names[code] if self.names else str(code),
                    "answers": int(self.n_answers[code]),
                    "bias": float(self.bias[code]),
                    "biasError": float(self.bias_error[code]),
                    "scale": float(self.scale[code]),
                    "noise": float(self.noise[code]),
                }
                for code in range(len(self.n_answers))
            ],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> RatingAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        rows = value["annotators"]

        def column(name: str) -> Floats:
            return np.array([row[name] for row in rows], float)

        return cls(
            bias=column("bias"),
            bias_error=column("biasError"),
            scale=column("scale"),
            noise=column("noise"),
            n_answers=np.array([row["answers"] for row in rows], np.int64),
            centre=value["centre"],
            spread=value["spread"],
            typical_noise=value["typicalNoise"],
            typical_bias=value["typicalBias"],
            names=tuple(row["name"] for row in rows),
        )


@dataclass(frozen=True)
class RatingResult(ReadOnlyArrays):
    """One number per item.

    ``value``, ``low``, ``high``, ``confidence``: (n_items,), nan where nobody answered; low to high
    holds the truth with a chance of 95 %; confidence is the chance that the value is within the
    answers' tolerance (half a step; a twentieth of a scale without steps) of the truth.
    ``support``: (n_items,), how many answered within that of the value. ``n_answers``: (n_items,).
    """

    value: Floats
    low: Floats
    high: Floats
    confidence: Floats
    support: Codes
    n_answers: Codes
    annotators: RatingAnnotators
    n_iter: int
    converged: bool
