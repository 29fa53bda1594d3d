"""What task types share whose label is any number of marked objects, each with a class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects import (
    METHODS,
    Geometry,
    ObjectAnswers,
    ObjectResult,
    Objects,
)
from surelabel.consolidation.objects import disagreement as apart
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import ImageSize

V = TypeVar("V")
_Codes: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True)
class ObjectTask(ValueTask[V]):
    """Subclasses say what the marks of a value are, and how they become columns and back."""

    source_kind: Literal["text", "image"] = "image"
    methods: ClassVar[Mapping[str, type[Objects]]] = METHODS
    # On real boxes, objects were found no better by people who were known from before.
    remembers: ClassVar[int] = 0
    marks_classes: ClassVar[bool] = True

    @abstractmethod
    def marks(self, value: V) -> Sequence[Any]:
        """The objects of a value; each has a ``label``, the class code."""

    @abstractmethod
    def image(self, value: V) -> ImageSize | None:
        """The image's size, as far as the value tells."""

    @abstractmethod
    def geometry(self, values: Sequence[V]) -> Geometry:
        """The marks of all values, one after the other."""

    @abstractmethod
    def value(self, geometry: Any, labels: Sequence[int], image: ImageSize | None) -> V:
        """The value with these objects."""

    def disagreement(self, first: V, second: V) -> float:
        """See ``ValueTask``; 1 less an F1 in which a pair counts as much as it overlaps."""
        return self._apart(first, second, lambda labels: np.arange(len(labels)))

    def disagreement_about(self, first: V, second: V, label: int) -> float:
        """See ``ValueTask``."""
        if not any(mark.label == label for mark in chain(self.marks(first), self.marks(second))):
            return 0.0
        return self._apart(first, second, lambda labels: np.flatnonzero(labels == label))

    def consolidate(
        self, answers: ValueAnswers[V], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[V]]]:
        """See ``ValueTask``."""
        values = list(answers.value)
        n = len(values)
        # With what is known, since some answers alone may not show what kind of columns all need.
        every = [*values, *answers.gold.values()]
        geometry, labels = self.geometry(every), self._labels(every)
        ends = np.cumsum([0, *(len(self.marks(value)) for value in every)])
        people = np.arange(ends[n])
        coded = ObjectAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            np.repeat(np.arange(n), np.diff(ends[: n + 1])),
            geometry[people],
            labels[people],
            answers.n_items,
            max(answers.n_annotators, 1),
            max(len(answers.classes), 1),
        )
        known = np.split(np.arange(ends[n], ends[-1]), ends[n + 1 : -1] - ends[n])
        gold = {
            item: (geometry[rows], labels[rows])
            for item, rows in zip(answers.gold, known, strict=False)
        }
        result = self.methods[method]().fit_predict(
            coded, gold=gold, frozen_annotators=answers.known
        )
        for item, positions in answers.by_item():
            yield item, self._of_item(result, item, [values[p] for p in positions])
        answers.fit.note(result)

    def _apart(self, first: V, second: V, wanted: Callable[[_Codes], _Codes]) -> float:
        # Together, since one answer alone may not show what kind of columns both need.
        marks, labels = self.geometry([first, second]), self._labels([first, second])
        rows = wanted(labels)
        one, other = np.split(rows, [np.searchsorted(rows, len(self.marks(first)))])
        return apart(marks[one], labels[one], marks[other], labels[other])

    def _of_item(self, result: ObjectResult, item: int, given: list[V]) -> Consolidated[V]:
        rows = np.arange(*np.searchsorted(result.item, (item, item + 1)))
        sizes = (self.image(value) for value in given)
        image = next((size for size in sizes if size is not None), None)
        value = self.value(result.geometry[rows], result.label[rows].tolist(), image)
        confidences = tuple(result.confidence[rows].tolist())
        return Consolidated(value, float(result.item_confidence[item]), confidences)

    def _labels(self, values: Sequence[V]) -> _Codes:
        marks = chain.from_iterable(self.marks(value) for value in values)
        return np.array([mark.label for mark in marks], np.int64)


def outline_columns(
    chains: Sequence[Sequence[tuple[float, float]]],
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
    """Vertices, the mark of each, and how many marks, as ``Outlines.of`` takes them."""
    sizes = [len(points) for points in chains]
    vertices = np.array(list(chain.from_iterable(chains)), np.float64).reshape(-1, 2)
    return vertices, np.repeat(np.arange(len(sizes)), sizes), len(sizes)


def rounded(number: float) -> float:
    """A hundredth of a pixel is finer than any hand, and keeps manifests short."""
    return round(float(number), 2)
