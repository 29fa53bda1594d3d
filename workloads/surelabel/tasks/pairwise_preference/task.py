"""PairwisePreference: which of two candidates is better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from surelabel.consolidation import METHODS
from surelabel.tasks.base import Random
from surelabel.tasks.chosen import consolidate_choices
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.pairwise_preference.format import PairwisePreferenceFormat
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
from surelabel.tasks.values import Preference

_CHOICES = tuple(Preference(choice) for choice in ("a", "b", "tie"))


@dataclass(frozen=True)
class PairwisePreference(ValueTask[Preference]):
    """a, b, or neither."""

    format: LabelFormat[Preference] = field(default_factory=PairwisePreferenceFormat)
    methods: ClassVar[Mapping[str, Any]] = METHODS

    def vary(self, truth: Preference, accuracy: float, rng: Random, n_classes: int) -> Preference:
        """See ``ValueTask``."""
        right, by = rng.random() < accuracy, int(rng.integers(1, len(_CHOICES)))
        code = _CHOICES.index(truth)
        return _CHOICES[code if right else (code + by) % len(_CHOICES)]

    def consolidate(
        self, answers: ValueAnswers[Preference], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Preference]]]:
        """See ``ValueTask``; a classification with three classes."""
        chosen = consolidate_choices(answers, _CHOICES.index, len(_CHOICES), method)
        for item, (code, confidence) in chosen.items():
            yield item, Consolidated(_CHOICES[code], confidence, (confidence,))
