"""Answers that mark objects, checked and coded once; who answered is kept apart from the marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.checked import codes, latest, same_length
from surelabel.consolidation.objects.geometry import Codes, Geometry
from surelabel.consolidation.objects.groups import starts_of

# The known objects of items, by item: their geometry, and (n_objects,) their classes.
Gold = Mapping[int, tuple[Geometry, ArrayLike]]


@dataclass(frozen=True)
class ObjectAnswers(Answered):
    """The answers that count: at most one per item and annotator, sorted by both.

    ``item``, ``annotator``: (n_answers,); an answer without marks is there too. ``answer``,
    ``label``: (n_marks,), the row of the answer that each mark belongs to, and its class.
    ``geometry``: the marks. Marks are sorted by item, then by their coordinates. ``row``:
    (n_marks,), where each mark was in the input.
    """

    item: Codes
    annotator: Codes
    answer: Codes
    geometry: Geometry
    label: Codes
    row: Codes
    n_items: int
    n_annotators: int
    n_classes: int
    # Somebody among the annotators who is always right; see ``with_gold``.
    oracle: int | None = None

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        answer: ArrayLike,
        geometry: Geometry,
        label: ArrayLike,
        n_items: int,
        n_annotators: int,
        n_classes: int,
    ) -> ObjectAnswers:
        """Check everything, and keep the last answer of each (item, annotator) with its marks.

        ``item``, ``annotator``: (n_answers,), coded from 0, in the order in which the answers
        came. ``answer``: (n_marks,), the answer that each mark belongs to. An answer that has no
        mark says that there is nothing. Codes out of range raise ValueError.
        """
        if n_classes < 1:
            raise ValueError(f"n_classes must be at least 1; got {n_classes}.")
        i = codes("item", item, 0, n_items)
        a = codes("annotator", annotator, 0, n_annotators)
        same_length(item=i, annotator=a)
        of_answer = codes("answer", answer, 0, len(i))
        label_ = codes("label", label, 0, n_classes)
        if not len(of_answer) == len(label_) == len(geometry):
            raise ValueError(
                "answer, geometry and label must have the same length; "
                f"got {len(of_answer)}, {len(geometry)} and {len(label_)}."
            )
        kept = latest(i, a, n_annotators)
        place = np.full(len(i), -1, np.int64)
        place[kept] = np.arange(len(kept))
        counts = place[of_answer] >= 0
        # Annotators' codes are no key, since a result must not depend on them.
        by = np.lexsort((label_, *geometry.order(), i[of_answer]))
        row = by[counts[by]]
        return cls(
            i[kept],
            a[kept],
            place[of_answer[row]],
            geometry[row],
            label_[row],
            row,
            n_items,
            n_annotators,
            n_classes,
        )

    def with_gold(self, gold: Gold) -> ObjectAnswers:
        """The same answers, and the known objects of some items as those of one more annotator, the
        last, who is always right. ValueError as from ``of``."""
        if not gold:
            return self
        marks = [geometry for geometry, _ in gold.values()]
        labels = [np.asarray(label, np.int64) for _, label in gold.values()]
        for item, geometry, label in zip(gold, marks, labels, strict=True):
            if type(geometry) is not type(self.geometry):
                raise TypeError(
                    f"gold must be {type(self.geometry).__name__} as the answers are; got "
                    f"{type(geometry).__name__} for item {item}. Convert it."
                )
            if label.shape != (len(geometry),):
                raise ValueError(
                    f"gold must have one label for each object; got {len(geometry)} objects and "
                    f"labels of shape {label.shape} for item {item}."
                )
        row = len(self.item) + np.repeat(np.arange(len(gold)), [len(each) for each in marks])
        found = ObjectAnswers.of(
            np.concatenate((self.item, np.array(list(gold), np.int64))),
            np.concatenate((self.annotator, np.full(len(gold), self.n_annotators))),
            np.concatenate((self.answer, row)),
            self.geometry.joined(*marks),
            np.concatenate((self.label, *labels)),
            self.n_items,
            self.n_annotators + 1,
            self.n_classes,
        )
        return replace(found, oracle=self.n_annotators)

    @cached_property
    def by_people(self) -> NDArray[np.bool_]:
        """(n_marks,): which marks are people's, and not what is known."""
        if self.oracle is None:
            return np.ones(len(self.answer), dtype=bool)
        return np.not_equal(self.mark_annotator, self.oracle)

    @property
    def people(self) -> slice | NDArray[np.bool_]:
        """``by_people`` as an index, which copies nothing where all marks are people's."""
        return slice(None) if self.oracle is None else self.by_people

    @cached_property
    def mark_item(self) -> Codes:
        """(n_marks,): the item of each mark."""
        return self.item[self.answer]

    @cached_property
    def mark_annotator(self) -> Codes:
        """(n_marks,): who made each mark."""
        return self.annotator[self.answer]

    @cached_property
    def mark_starts(self) -> Codes:
        """(n_items + 1,): where each item's marks begin."""
        return starts_of(self.mark_item, self.n_items)
