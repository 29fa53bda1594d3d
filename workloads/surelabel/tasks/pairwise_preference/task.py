"""PairwisePreference: which of two candidates is better."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from surelabel.tasks.base import Random
from surelabel.tasks.chosen import ChoiceTask
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.pairwise_preference.format import PairwisePreferenceFormat
from surelabel.tasks.values import Preference

_CHOICES = tuple(Preference(choice) for choice in ("a", "b", "tie"))
_TIE = 2


@dataclass(frozen=True)
class PairwisePreference(ChoiceTask[Preference]):
    """a, b, or neither: which side is preferred, each pair by itself."""

    format: LabelFormat[Preference] = field(default_factory=PairwisePreferenceFormat)
    takes_any_source: ClassVar[bool] = True

    def choices(self, classes: Classes, named: Collection[int]) -> tuple[str, ...]:
        """See ``Choosing``; a tie only where somebody said so, since many forms do not offer it."""
        known = _CHOICES if _TIE in named else _CHOICES[:_TIE]
        return tuple(each.choice for each in known)

    def code_of(self, value: Preference) -> int:
        """See ``Choosing``."""
        return _CHOICES.index(value)

    def value_from(self, code: int, said: Sequence[Preference]) -> Preference:
        """See ``ChoiceTask``."""
        return _CHOICES[code]

    def vary(self, truth: Preference, accuracy: float, rng: Random, n_classes: int) -> Preference:
        """See ``ValueTask``."""
        right, by = rng.random() < accuracy, int(rng.integers(1, len(_CHOICES)))
        code = _CHOICES.index(truth)
        return _CHOICES[code if right else (code + by) % len(_CHOICES)]
