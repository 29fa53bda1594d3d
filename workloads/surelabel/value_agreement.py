"""How far people agree whose answers are no classes: all of them, about one class, each of them.

With one another: Krippendorff's alpha with the task type's own distance, with bootstrap intervals
over items. An answer is compared as a whole, or in the marks of one class alone. With the labels:
the mean of each annotator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from surelabel.agreement import Agreement, alpha_by_distance, alpha_of_annotator_by_distance
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask

# Pairs of answers that tell what chance would give: of all annotators together, and of each; the
# same of all classes and of each.
_PAIRS, _PAIRS_EACH = 20_000, 100


def agreement_of_values(task: ValueTask[Any], answers: ValueAnswers[Any]) -> Agreement:
    """Alpha of the answers as they are; nan where no item has two."""
    measured = task.measured_on(answers.value)
    return alpha_by_distance(answers.item, _by_row(answers, measured.disagreement))


def agreement_of_classes(task: ValueTask[Any], answers: ValueAnswers[Any]) -> list[Agreement]:
    """(n_classes): alpha over the marks of each class alone; [] for a type without such marks.

    Two answers without a mark of the class agree, as those do that say of an item it is none. nan
    for a class that nobody marked, and where no item has two answers.
    """
    if not task.marks_classes:
        return []
    n = len(answers.classes)

    def of_class(label: int) -> Agreement:
        def apart(first: Any, second: Any) -> float:
            return task.disagreement_about(first, second, label)

        pairs = _share_of_pairs(n)
        return alpha_by_distance(answers.item, _by_row(answers, apart), max_pairs=pairs)

    return [of_class(label) for label in range(n)]


def agreement_of_people(task: ValueTask[Any], answers: ValueAnswers[Any]) -> list[Agreement]:
    """(n_annotators): alpha of each annotator with all others; nan for who shares no item."""
    measured = task.measured_on(answers.value)
    distance = _by_row(answers, measured.disagreement)
    return [
        alpha_of_annotator_by_distance(
            answers.item,
            answers.annotator,
            who,
            distance,
            max_pairs=_share_of_pairs(answers.n_annotators),
        )
        for who in range(answers.n_annotators)
    ]


class AnnotatorAgreement:
    """How far each annotator agrees with the labels: the mean of 1 less the disagreement.

    In the unit of the answers, see ``ValueTask.measured_on``.
    """

    def __init__(self, task: ValueTask[Any], answers: ValueAnswers[Any]) -> None:
        self._task = task.measured_on(answers.value)
        self._answers = answers
        self._positions = dict(answers.by_item())
        self._shares: list[list[float]] = [[] for _ in range(answers.n_annotators)]

    def add(self, item: int, label: Consolidated[Any]) -> None:
        """The item's label."""
        positions, value = self._positions[item], self._answers.value
        apart = label.apart or [
            self._task.disagreement(value[position], label.value) for position in positions
        ]
        for position, each in zip(positions, apart, strict=True):
            self._shares[self._answers.annotator[position]].append(1 - each)

    def means(self) -> list[tuple[int, float | None]]:
        """Answers and mean of each annotator; None without answers."""
        return [(len(s), sum(s) / len(s) if s else None) for s in self._shares]


def _share_of_pairs(n: int) -> int:
    return max(_PAIRS // n, _PAIRS_EACH)


def _by_row(
    answers: ValueAnswers[Any], apart: Callable[[Any, Any], float]
) -> Callable[[int, int], float]:
    def distance(first: int, second: int) -> float:
        return apart(answers.value[first], answers.value[second])

    return distance
