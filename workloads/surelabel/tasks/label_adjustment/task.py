"""LabelAdjustment: people correct an earlier label, which is of any kind that can be drawn."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from surelabel.frames import Frame
from surelabel.tasks.base import Random
from surelabel.tasks.bounding_box.task import BoundingBox
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.formats import ADJUSTMENT_FORMAT
from surelabel.tasks.instance_segmentation.task import InstanceSegmentation
from surelabel.tasks.keypoint.task import Keypoint
from surelabel.tasks.label_adjustment.format import Adjustable
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.polygon.task import Polygon
from surelabel.tasks.polyline.task import Polyline
from surelabel.tasks.semantic_segmentation.task import SemanticSegmentation
from surelabel.tasks.valued import OnDemand, ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import Adjustment

# Of those who do not get it right, how many take the earlier label as it is: what is there already
# looks right. The others correct it, and err on the way as who draws it anew.
_ACCEPTED = 0.5

_TASKS: dict[str, ValueTask[Any]] = {
    task.name: task
    for task in (
        BoundingBox(),
        Polygon(),
        Polyline(),
        Keypoint(),
        SemanticSegmentation(),
        InstanceSegmentation(),
    )
}


@dataclass(frozen=True)
class LabelAdjustment(ValueTask[Adjustment]):
    """The label is what people's corrections become, as they would without an earlier label.

    It counts as adjusted if at least one person has changed the earlier one.
    """

    format: LabelFormat[Adjustment] = ADJUSTMENT_FORMAT
    source_kind: Literal["text", "image"] = "image"
    # Masks are large, and objects are judged as well without what was said of others.
    remembers: ClassVar[int] = 0
    marks_classes: ClassVar[bool] = True
    kinds: tuple[Adjustable, ...] = field(default=ADJUSTMENT_FORMAT.adjustable)

    def disagreement(self, first: Adjustment, second: Adjustment) -> float:
        """See ``ValueTask``; that of the corrected labels, 1 for labels of two kinds."""
        if type(first.value) is not type(second.value):
            return 1.0
        return self._task(first).disagreement(first.value, second.value)

    def disagreement_about(self, first: Adjustment, second: Adjustment, label: int) -> float:
        """See ``ValueTask``; that of the corrected labels, 1 for labels of two kinds."""
        if type(first.value) is not type(second.value):
            return 1.0
        return self._task(first).disagreement_about(first.value, second.value, label)

    def vary(self, truth: Adjustment, accuracy: float, rng: Random, n_classes: int) -> Adjustment:
        """See ``ValueTask``; without an earlier label nobody says whether it was changed."""
        return replace(truth, value=self._task(truth).vary(truth.value, accuracy, rng, n_classes))

    def vary_shown(
        self, truth: Adjustment, shown: Any, accuracy: float, rng: Random, n_classes: int
    ) -> Adjustment:
        """See ``ValueTask``; who errs takes the earlier label as it is, or errs correcting it."""
        errs, accepts = rng.random() > accuracy, rng.random() < _ACCEPTED
        if errs and accepts:
            return Adjustment(shown, adjusted=False)
        told = self._task(truth).vary(truth.value, accuracy, rng, n_classes)
        if not errs and self.disagreement(truth, Adjustment(shown)) == 0:
            # Nothing is wrong with it, so nobody touches it.
            return Adjustment(shown, adjusted=False)
        return Adjustment(told, adjusted=True)

    def consolidate(
        self, answers: ValueAnswers[Adjustment], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Adjustment]]]:
        """See ``ValueTask``; all answers to an item are of one kind."""
        by_item = dict(answers.by_item())
        kind = {item: self._kind(answers.value[rows[0]]) for item, rows in by_item.items()}
        parts = (
            self._of_kind(
                _TASKS[each.form.name],
                answers.of_items([kind.get(i) == each for i in range(answers.n_items)]),
                method,
            )
            for each in dict.fromkeys(kind.values())
        )
        yield from heapq.merge(*parts, key=lambda pair: pair[0])

    def frame(self, value: Adjustment) -> Frame:
        """See ``ValueTask``; the kind of label, and what labels of that kind have in common."""
        inner = self._task(value).frame(value.value)
        return Frame(self._kind(value).key, None if inner is None else inner.size)

    def stored(
        self, value: Adjustment, classes: Classes, write: Callable[[str, bytes], str]
    ) -> Adjustment:
        """See ``ValueTask``."""
        return replace(value, value=self._task(value).stored(value.value, classes, write))

    def _of_kind(
        self, task: ValueTask[Any], answers: ValueAnswers[Adjustment], method: str
    ) -> Iterator[tuple[int, Consolidated[Adjustment]]]:
        rows_of = dict(answers.by_item())
        gold: dict[int, Any] = {
            item: truth.value for item, truth in answers.gold.items() if item in rows_of
        }
        adjusted: dict[int, bool | None] = {}

        def corrected(row: int) -> Any:
            # What else an answer says is noted on the way: masks are slow to decode.
            said = answers.value[row]
            adjusted[row] = said.adjusted
            return said.value

        inner = replace(answers, value=OnDemand[Any](len(answers.item), corrected), gold=gold)
        for item, found in task.consolidate(inner, method):
            known = [said for row in rows_of[item] if (said := adjusted[row]) is not None]
            value = Adjustment(found.value, any(known) if known else None)
            yield item, Consolidated(value, found.confidence, found.confidences, found.apart)

    def _kind(self, value: Adjustment) -> Adjustable:
        return next(each for each in self.kinds if isinstance(value.value, each.value_type))

    def _task(self, value: Adjustment) -> ValueTask[Any]:
        return _TASKS[self._kind(value).form.name]


def read_earlier_label(value: Any, metadata: Any, labels: Sequence[str]) -> Any:
    """The value of a label that can be corrected, of whatever kind it is; LabelError.

    Masks are not read: see ``with_mask``.
    """
    return ADJUSTMENT_FORMAT.read_label(value, metadata, classes_of(tuple(labels))).value.value
