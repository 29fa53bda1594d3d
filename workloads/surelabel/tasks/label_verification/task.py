"""LabelVerification: a judgement of an earlier label, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, ClassVar

from surelabel.consolidation import METHODS
from surelabel.tasks.base import Random
from surelabel.tasks.chosen import consolidate_choices
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.label_verification.format import LabelVerificationFormat
from surelabel.tasks.people import other_class
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
from surelabel.tasks.values import Verification


@dataclass(frozen=True)
class LabelVerification(ValueTask[Verification]):
    """A class such as good or bad; the label has the comments of all annotators."""

    format: LabelFormat[Verification] = field(default_factory=LabelVerificationFormat)
    methods: ClassVar[Mapping[str, Any]] = METHODS
    marks_classes: ClassVar[bool] = True

    def disagreement(self, first: Verification, second: Verification) -> float:
        """See ``ValueTask``; comments are never the same and do not count."""
        return float(first.label != second.label)

    def disagreement_about(self, first: Verification, second: Verification, label: int) -> float:
        """See ``ValueTask``; 1 where one says so and the other does not."""
        return float((first.label == label) != (second.label == label))

    def vary(
        self, truth: Verification, accuracy: float, rng: Random, n_classes: int
    ) -> Verification:
        """See ``ValueTask``."""
        right, by = rng.random() < accuracy, int(rng.integers(1, max(n_classes, 2)))
        return truth if right else replace(truth, label=other_class(truth.label, by, n_classes))

    def consolidate(
        self, answers: ValueAnswers[Verification], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Verification]]]:
        """See ``ValueTask``."""
        n_classes = len(answers.classes)
        chosen = consolidate_choices(answers, lambda value: value.label, n_classes, method)
        for item, positions in answers.by_item():
            code, confidence = chosen[item]
            comments = tuple(chain(*(answers.value[p].comments for p in positions)))
            yield item, Consolidated(Verification(code, comments), confidence, (confidence,))
