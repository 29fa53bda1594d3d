"""Answers of spans checked and coded once, so that the algorithms can be pure array arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.checked import Codes, codes, latest, same_length


@dataclass(frozen=True)
class SpanAnswers(Answered):
    """Who answered what, and which spans each answer holds; an answer may hold none.

    ``item``, ``annotator``: (n_answers,), sorted by item and annotator, one answer per pair.
    ``answer``, ``start``, ``end``, ``label``: (n_spans,), sorted by answer, start, end, label:
    the row of the answer, offsets in Unicode code points (end exclusive), and the class code.
    Spans of one answer may overlap or lie within each other; none is there twice.
    """

    item: Codes
    annotator: Codes
    answer: Codes
    start: Codes
    end: Codes
    label: Codes
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
        start: ArrayLike,
        end: ArrayLike,
        label: ArrayLike,
        n_items: int,
        n_annotators: int,
        n_classes: int,
    ) -> SpanAnswers:
        """Check everything; of an annotator's answers to one item keep the last.

        ``item``, ``annotator``: one entry per answer, in the order in which they came; the other
        four one entry per span. A span that its answer holds twice is kept once. Raises ValueError
        for codes out of range, numbers that are no integers, and a span that does not end after
        its start.
        """
        if n_classes < 1:
            raise ValueError(f"n_classes must be at least 1; got {n_classes}. Pass every label.")
        of_item = codes("item", item, 0, n_items)
        who = codes("annotator", annotator, 0, n_annotators)
        same_length(item=of_item, annotator=who)
        row = codes("answer", answer, 0, len(of_item))
        first = codes("start", start, 0, None)
        last = codes("end", end, 0, None)
        name = codes("label", label, 0, n_classes)
        same_length(answer=row, start=first, end=last, label=name)
        empty = np.flatnonzero(last <= first)
        if empty.size:
            where = int(empty[0])
            raise ValueError(
                "end must be greater than start (offsets in code points, end exclusive); got "
                f"start {first[where]} and end {last[where]} at position {where}. Leave such a "
                "span out."
            )
        kept = latest(of_item, who, n_annotators)
        new_row = np.full(len(of_item), -1, np.int64)
        new_row[kept] = np.arange(len(kept))
        spans = np.stack((new_row[row], first, last, name))
        spans = spans[:, spans[0] >= 0]
        spans = spans[:, np.lexsort(spans[::-1])]
        fresh = np.ones(spans.shape[1], dtype=bool)
        fresh[1:] = (spans[:, 1:] != spans[:, :-1]).any(axis=0)
        row, first, last, name = spans[:, fresh]
        return cls(
            of_item[kept], who[kept], row, first, last, name, n_items, n_annotators, n_classes
        )

    @classmethod
    def of_lists(
        cls,
        answers: Sequence[tuple[int, int, Sequence[tuple[int, int, int]]]],
        n_items: int,
        n_annotators: int,
        n_classes: int,
    ) -> SpanAnswers:
        """The same from one (item, annotator, [(start, end, label), ...]) per answer.

        Raises ValueError as ``of``, and for a span that is not three numbers.
        """
        item = [answer[0] for answer in answers]
        annotator = [answer[1] for answer in answers]
        row, start, end, label = _columns([held for _, _, held in answers])
        return cls.of(item, annotator, row, start, end, label, n_items, n_annotators, n_classes)

    def with_gold(self, gold: Mapping[int, Sequence[tuple[int, int, int]]]) -> SpanAnswers:
        """The same answers, and the known spans of some items as those of one more annotator, the
        last, who is always right. ValueError as from ``of``."""
        if not gold:
            return self
        row, start, end, label = _columns(list(gold.values()))
        found = SpanAnswers.of(
            np.concatenate((self.item, np.array(list(gold), np.int64))),
            np.concatenate((self.annotator, np.full(len(gold), self.n_annotators))),
            np.concatenate((self.answer, row + len(self.item))),
            np.concatenate((self.start, start)),
            np.concatenate((self.end, end)),
            np.concatenate((self.label, label)),
            self.n_items,
            self.n_annotators + 1,
            self.n_classes,
        )
        return replace(found, oracle=self.n_annotators)

    @property
    def span_item(self) -> Codes:
        """(n_spans,): the item of each span."""
        return self.item[self.answer]

    @property
    def span_annotator(self) -> Codes:
        """(n_spans,): the annotator of each span."""
        return self.annotator[self.answer]


def _columns(answers: Sequence[Sequence[tuple[int, int, int]]]) -> list[NDArray[Any]]:
    """The answer, start, end and label of every span, (n_spans,) each, with their own types."""
    spans = [(row, *span) for row, held in enumerate(answers) for span in held]
    for row, *span in spans:
        if len(span) != 3:
            raise ValueError(
                f"a span must be (start, end, label); got {tuple(span)} in answer {row}."
            )
    # An array of nothing would be of fractions.
    return [np.array(column) for column in zip(*spans, strict=True)] or [np.empty(0, np.int64)] * 4
