"""What every consolidation of objects returns, and the annotators that outlive it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.objects.geometry import Codes, Floats, Geometry
from surelabel.consolidation.objects.support_curve import SupportCurve
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.result import AnnotatorParameters

Number = TypeVar("Number", bound=np.generic)
# With fewer answers nobody is flagged.
_LEAST_ANSWERS = 10
# A crowd of equals has a deviation of nearly 0, and nobody in it is an outlier.
_LEAST_DEVIATION = 0.02
# Median absolute deviations, scaled to a normal deviation, that make an outlier.
_FAR = 3 * 1.4826


@dataclass(frozen=True)
class ObjectAnnotators(NamedAnnotators):
    """How each annotator marks; all arrays have a row per annotator, in the order of the codes.

    ``hit_rate``: chance to mark a real object. ``false_rate``: chance to mark a candidate that is
    not real (candidates are what at least one person marked). ``sigma``: error of the geometry
    relative to the object's size. ``bias``: (n_annotators, errors), mean signed errors relative to
    the object's size, as ``error_names`` has them; nan where nothing shows. ``n_answers``,
    ``n_marks``: how much there was. ``n_measured``: marks whose error shows. ``n_real``: real
    objects that the annotator saw, expected. ``pooled``: hit rate, false rate and sigma of
    everybody, for whoever has no history. ``labels``: how they name classes, None for one class.
    """

    hit_rate: Floats
    false_rate: Floats
    sigma: Floats
    bias: Floats
    n_answers: Codes
    n_marks: Codes
    n_measured: Codes
    n_real: Floats
    pooled: tuple[float, float, float]
    curve: SupportCurve
    error_names: tuple[str, ...] = ()
    labels: AnnotatorParameters | None = None
    names: tuple[str, ...] = ()

    def flags(self) -> list[tuple[str, ...]]:
        """Of each annotator: Misses, Invents, Imprecise, in this order.

        Far from the others (3 scaled median absolute deviations from their median, at least .02
        each) in hit rate, false rate or sigma, with 10 answers, real objects or measured marks at
        least. A flag is a reason for a person to look; nothing is deleted.
        """
        misses = _far(-self.hit_rate, self.n_real >= _LEAST_ANSWERS)
        invents = _far(self.false_rate, self.n_answers >= _LEAST_ANSWERS)
        imprecise = _far(self.sigma, self.n_measured >= _LEAST_ANSWERS)
        named = {"Misses": misses, "Invents": invents, "Imprecise": imprecise}
        return [
            tuple(name for name, there in named.items() if there[code])
            for code in range(len(self.hit_rate))
        ]

    def named(self, names: Sequence[str]) -> ObjectAnnotators:
        """The same with a name for every annotator, in the order of the codes.

        ValueError unless there are as many names as annotators.
        """
        labels = self.labels.named(names) if self.labels is not None else None
        return replace(super().named(names), labels=labels)

    def for_annotators(self, names: Sequence[str]) -> ObjectAnnotators:
        """The parameters in the order of ``names``; an unknown annotator gets the pooled ones."""
        places = self.places_of(names)
        hit, false, sigma = self.pooled
        return replace(
            self,
            hit_rate=places.take(self.hit_rate, hit),
            false_rate=places.take(self.false_rate, false),
            sigma=places.take(self.sigma, sigma),
            bias=places.take(self.bias, np.nan),
            n_answers=places.take(self.n_answers, 0),
            n_marks=places.take(self.n_marks, 0),
            n_measured=places.take(self.n_measured, 0),
            n_real=places.take(self.n_real, 0.0),
            labels=self.labels.for_annotators(names) if self.labels is not None else None,
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "pooled": list(self.pooled),
            "curve": list(self.curve),
            "errorNames": list(self.error_names),
            "labels": json.loads(self.labels.to_json()) if self.labels is not None else None,
            "annotators": [
                {
                    "name": self.names[code] if self.names else str(code),
                    "answers": int(self.n_answers[code]),
                    "marks": int(self.n_marks[code]),
                    "measured": int(self.n_measured[code]),
                    "real": float(self.n_real[code]),
                    "hitRate": float(self.hit_rate[code]),
                    "falseRate": float(self.false_rate[code]),
                    "sigma": float(self.sigma[code]),
                    "bias": [None if np.isnan(b) else float(b) for b in self.bias[code]],
                }
                for code in range(len(self.hit_rate))
            ],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> ObjectAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        rows, errors, labels = value["annotators"], value["errorNames"], value["labels"]

        def floats(key: str) -> Floats:
            return np.array([row[key] for row in rows], dtype=np.float64)

        def counts(key: str) -> Codes:
            return np.array([row[key] for row in rows], dtype=np.int64)

        hit, false, sigma = value["pooled"]
        bias = [[np.nan if b is None else b for b in row["bias"]] for row in rows]
        return cls(
            hit_rate=floats("hitRate"),
            false_rate=floats("falseRate"),
            sigma=floats("sigma"),
            bias=np.array(bias, dtype=np.float64).reshape(len(rows), len(errors)),
            n_answers=counts("answers"),
            n_marks=counts("marks"),
            n_measured=counts("measured"),
            n_real=floats("real"),
            pooled=(hit, false, sigma),
            curve=SupportCurve(*value["curve"]),
            error_names=tuple(errors),
            labels=None
            if labels is None
            else AnnotatorParameters.from_json(json.dumps(labels).encode()),
            names=tuple(row["name"] for row in rows),
        )


@dataclass(frozen=True)
class ObjectResult(ReadOnlyArrays):
    """The objects of every item, sorted by item.

    ``item``, ``label``, ``confidence``, ``support``, ``out_of``: (n_objects,): confidence is the
    chance that there is such an object, with this label, and that its place is right (IoU with the
    truth of at least 1/2 for areas); ``support`` of ``out_of`` people who looked marked it.
    ``geometry``: the objects. ``spread``: (n_objects,), mean similarity of the marks to the object.
    ``mark_object``: (n_marks,), the object that each mark of the answers (in their order there)
    stands behind, -1 for none. ``item_confidence``: (n_items,), the F1 that the item's objects are
    expected to have, or the chance that there is none where none is; nan where nobody answered.
    ``n_answers``: (n_items,), how many looked. Known objects have confidence 1, and so have their
    items; ``spread`` is nan where nobody marked one.
    """

    item: Codes
    geometry: Geometry
    label: Codes
    confidence: Floats
    support: Codes
    out_of: Codes
    spread: Floats
    mark_object: Codes
    item_confidence: Floats
    n_answers: Codes
    annotators: ObjectAnnotators
    n_iter: int
    converged: bool


def _far(values: Floats, enough: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which values are far above the median of those that have ``enough`` behind them."""
    known = values[enough]
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    middle = np.median(known)
    deviation = max(float(np.median(np.abs(known - middle))) * _FAR, 3 * _LEAST_DEVIATION)
    return enough & (values > middle + deviation)
