"""Task types whose label is one of a few choices and whose answers the loop keeps as values.

Their answers or manifests say more than a class, or other than one of the job's; the algorithms
for classes label them all the same, see ``Choosing``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from surelabel.consolidation import METHODS, ConsolidationResult
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask

V = TypeVar("V")


@dataclass(frozen=True)
class ChoiceTask(ValueTask[V]):
    """A value that is one of a few choices, and perhaps more than that."""

    methods: ClassVar[Mapping[str, Any]] = METHODS

    # -- what a type brings

    def choices(self, classes: Classes, named: Collection[int]) -> tuple[str, ...]:
        """See ``Choosing``; the classes of the job, unless a type has choices of its own."""
        return classes.names

    def code_of(self, value: V) -> int:
        """See ``Choosing``."""
        raise NotImplementedError

    def value_from(self, code: int, said: Sequence[V]) -> V:
        """The label of an item with this choice, whose answers are ``said``."""
        raise NotImplementedError

    # -- what follows from it

    def disagreement(self, first: V, second: V) -> float:
        """See ``ValueTask``; 1 for two choices, whatever else was said."""
        return float(self.code_of(first) != self.code_of(second))

    def fitted(self, answers: ValueAnswers[V], method: str) -> ConsolidationResult:
        """What the method makes of the answers, whose codes are ``code_of``."""
        gold = np.full(answers.n_items, -1, np.int64)
        for item, value in answers.gold.items():
            gold[item] = self.code_of(value)
        label = np.array([self.code_of(value) for value in answers.value], np.int64)
        choices = self.choices(answers.classes, {*label.tolist(), *gold.tolist()})
        result = METHODS[method]().fit_predict(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            label,
            answers.n_items,
            answers.n_annotators,
            len(choices),
            gold=gold,
            frozen_annotators=answers.known,
            label_names=choices,
        )
        answers.fit.note(result)
        return result

    def consolidate(
        self, answers: ValueAnswers[V], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[V]]]:
        """See ``ValueTask``."""
        result = self.fitted(answers, method)
        labels, confidences = result.label.tolist(), result.confidence.tolist()
        for item, rows in answers.by_item():
            label = self.value_from(labels[item], [answers.value[row] for row in rows])
            yield item, Consolidated(label, confidences[item], (confidences[item],))
