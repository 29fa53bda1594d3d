"""Rating: a number on a scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.ratings import METHODS, RatingAnswers, RoundedNormal
from surelabel.tasks.base import Random
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.rating.format import RatingFormat
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
from surelabel.tasks.values import Rating as Value

# Points by which somebody is off on average who is never right.
_OFF = 2.0


@dataclass(frozen=True)
class Rating(ValueTask[Value]):
    """How good, how strong, how many."""

    format: LabelFormat[Value] = field(default_factory=RatingFormat)
    methods: ClassVar[Mapping[str, Any]] = METHODS

    def disagreement(self, first: Value, second: Value) -> float:
        """See ``ValueTask``; d / (1 + d) of numbers d apart, since the scale is not known here."""
        apart = abs(first.value - second.value)
        return apart / (1 + apart)

    def consolidate(
        self, answers: ValueAnswers[Value], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Value]]]:
        """See ``ValueTask``; the scale is that of the answers, in whole steps for RoundedNormal."""
        if not answers.item:
            return
        values = np.array([value.value for value in answers.value])
        # Only this method needs to know the steps; for others the mean of whole numbers is none.
        needs_steps = self.methods[method] is RoundedNormal
        in_steps = needs_steps and bool((values == np.round(values)).all())
        coded = RatingAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            values,
            answers.n_items,
            answers.n_annotators,
            high=max(float(values.max()), float(values.min()) + 1) if in_steps else None,
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
