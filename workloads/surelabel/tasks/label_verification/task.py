"""LabelVerification: a judgement of an earlier label, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import ClassVar

from surelabel.tasks.base import Random
from surelabel.tasks.chosen import ChoiceTask
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.label_verification.format import LabelVerificationFormat
from surelabel.tasks.people import other_class
from surelabel.tasks.values import Verification


@dataclass(frozen=True)
class LabelVerification(ChoiceTask[Verification]):
    """A class such as good or bad; the label has the comments of all annotators."""

    format: LabelFormat[Verification] = field(default_factory=LabelVerificationFormat)
    marks_classes: ClassVar[bool] = True

    def code_of(self, value: Verification) -> int:
        """See ``Choosing``; comments are never the same and do not count."""
        return value.label

    def value_from(self, code: int, said: Sequence[Verification]) -> Verification:
        """See ``ChoiceTask``."""
        return Verification(code, tuple(chain(*(each.comments for each in said))))

    def disagreement_about(self, first: Verification, second: Verification, label: int) -> float:
        """See ``ValueTask``; 1 where one says so and the other does not."""
        return float((first.label == label) != (second.label == label))

    def vary(
        self, truth: Verification, accuracy: float, rng: Random, n_classes: int
    ) -> Verification:
        """See ``ValueTask``."""
        right, by = rng.random() < accuracy, int(rng.integers(1, max(n_classes, 2)))
        return truth if right else replace(truth, label=other_class(truth.label, by, n_classes))
