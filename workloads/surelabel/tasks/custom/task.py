"""Custom: whatever a form of one's own asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from surelabel.tasks.base import Random
from surelabel.tasks.custom.format import CustomFormat
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.valued import ValueTask
from surelabel.tasks.values import Custom as Value


@dataclass(frozen=True)
class Custom(ValueTask[Value]):
    """Answers that are equal or are not: the label is the one that most people gave."""

    format: LabelFormat[Value] = field(default_factory=CustomFormat)
    takes_any_source: ClassVar[bool] = True

    def vary(self, truth: Value, accuracy: float, rng: Random, n_classes: int) -> Value:
        """See ``ValueTask``; who errs hands in an empty form, since nobody knows what it means."""
        return truth if rng.random() < accuracy else Value({})
