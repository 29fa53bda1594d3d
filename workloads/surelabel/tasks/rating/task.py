"""Rating: a number on a scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.ratings import METHODS, RatingAnswers, RoundedNormal
from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.rating.format import RatingFormat
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import Rating as Value

# Points by which somebody is off on average who is never right.
_OFF = 2.0


@dataclass(frozen=True)
class Rating(ValueTask[Value]):
    """How good, how strong, how many."""

    format: LabelFormat[Value] = field(default_factory=RatingFormat)
    takes_any_source: ClassVar[bool] = True
    methods: ClassVar[Mapping[str, Any]] = METHODS
    # How far apart two ratings are that are half as far apart as can be.
    unit: float = 1.0

    def disagreement(self, first: Value, second: Value) -> float:
        """See ``ValueTask``; d / (unit + d) of numbers d apart, which knows no end of the scale."""
        apart = abs(first.value - second.value)
        return apart / (self.unit + apart)

    def measured_on(self, values: Sequence[Value]) -> Rating:
        """See ``ValueTask``; the unit is how far apart any two of these ratings are on average.

        So stars and points of the same answers differ alike, and 1/2 is what chance would give; a
        mean and not a range, since one slip of the pen would stretch that. No job says what its
        scale is. Without two different ratings the unit is 1.
        """
        unit = _mean_difference([value.value for value in values])
        return replace(self, unit=unit or 1.0)

    def consolidate(
        self, answers: ValueAnswers[Value], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Value]]]:
        """See ``ValueTask``; the scale is that of the answers, for RoundedNormal in whole steps
        that go as far as known ratings."""
        if not answers.item:
            return
        values = np.array([value.value for value in answers.value])
        # Only this method needs to know the steps; for others the mean of whole numbers is none.
        needs_steps = self.methods[method] is RoundedNormal
        in_steps = needs_steps and bool((values == np.round(values)).all())
        known = np.array([truth.value for truth in answers.gold.values()])
        ends = np.concatenate((values, np.floor(known), np.ceil(known)))
        coded = RatingAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            values,
            answers.n_items,
            answers.n_annotators,
            low=float(ends.min()) if in_steps else None,
            high=max(float(ends.max()), float(ends.min()) + 1) if in_steps else None,
            step=float(in_steps),
        )
        gold = np.full(answers.n_items, np.nan)
        for item, truth in answers.gold.items():
            gold[item] = truth.value
        result = self.methods[method]().fit_predict(coded, gold=gold)
        for item, _ in answers.by_item():
            confidence = float(result.confidence[item])
            value = Value(round(float(result.value[item]), 6))
            yield item, Consolidated(value, confidence, (confidence,))
        answers.fit.note(result)

    def vary(self, truth: Value, accuracy: float, rng: Random, n_classes: int) -> Value:
        """See ``ValueTask``; off by some points, whole ones where the truth is whole."""
        value = truth.value + rng.normal(0, _OFF * (1 - accuracy))
        return Value(float(round(value)) if truth.value.is_integer() else round(value, 6))


def _mean_difference(ratings: Sequence[float]) -> float:
    """The mean of |x - y| over all pairs; 0 without a pair (C. Gini, "Variabilità e mutabilità",
    1912)."""
    n = len(ratings)
    if n < 2:
        return 0.0
    # Of sorted numbers, each is added as often as others are below it and taken away as often as
    # others are above.
    ordered = np.sort(np.array(ratings, np.float64))
    # From the least on, since the difference of large sums would lose digits.
    return float((2 * np.arange(n) - (n - 1)) @ (ordered - ordered[0]) * 2 / (n * (n - 1)))
