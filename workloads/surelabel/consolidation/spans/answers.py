"""Answers of spans checked and coded once, so that the algorithms can be pure array arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpanAnswers:
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
        of_item = _codes("item", item, 0, n_items)
        who = _codes("annotator", annotator, 0, n_annotators)
        _same_length(("item", "annotator"), (of_item, who))
        row = _codes("answer", answer, 0, len(of_item))
        first = _codes("start", start, 0, None)
        last = _codes("end", end, 0, None)
        name = _codes("label", label, 0, n_classes)
        _same_length(("answer", "start", "end", "label"), (row, first, last, name))
        empty = np.flatnonzero(last <= first)
        if empty.size:
            where = int(empty[0])
            raise ValueError(
                "end must be greater than start (offsets in code points, end exclusive); got "
                f"start {first[where]} and end {last[where]} at position {where}. Leave such a "
                "span out."
            )
        order = np.lexsort((np.arange(len(of_item)), who, of_item))
        pairs = np.stack((of_item[order], who[order]))
        newest = np.ones(len(order), dtype=bool)
        newest[:-1] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
        kept = order[newest]
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
        """The same from one (item, annotator, [(start, end, label), ...]) per answer."""
        spans = [(row, *span) for row, (_, _, held) in enumerate(answers) for span in held]
        columns = np.array(spans, dtype=np.int64).reshape(-1, 4).T
        item = np.array([answer[0] for answer in answers], dtype=np.int64)
        annotator = np.array([answer[1] for answer in answers], dtype=np.int64)
        row, start, end, label = columns
        return cls.of(item, annotator, row, start, end, label, n_items, n_annotators, n_classes)

    def with_gold(self, gold: Mapping[int, Sequence[tuple[int, int, int]]]) -> SpanAnswers:
        """The same answers, and the known spans of some items as those of one more annotator, the
        last, who is always right. ValueError as from ``of``."""
        if not gold:
            return self
        held = [(row, *span) for row, item in enumerate(gold) for span in gold[item]]
        row, start, end, label = np.array(held, np.int64).reshape(-1, 4).T
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
    def n_answers(self) -> Codes:
        """(n_items,): how many answered each item, empty answers included."""
        return np.bincount(self.item, minlength=self.n_items)

    @property
    def span_item(self) -> Codes:
        """(n_spans,): the item of each span."""
        return self.item[self.answer]

    @property
    def span_annotator(self) -> Codes:
        """(n_spans,): the annotator of each span."""
        return self.annotator[self.answer]


def _codes(name: str, values: ArrayLike, low: int, high: int | None) -> Codes:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension; got shape {array.shape}.")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must hold integers; got {array.dtype}. Round or leave out what is none "
            "(nan and infinity included)."
        )
    array = array.astype(np.int64)
    outside = np.flatnonzero((array < low) | (array >= high if high is not None else False))
    if outside.size:
        where = int(outside[0])
        rule = f"lie in {low} .. {high - 1}" if high is not None else f"be at least {low}"
        raise ValueError(f"{name} must {rule}; got {array[where]} at position {where}.")
    return array


def _same_length(names: Sequence[str], arrays: Sequence[Codes]) -> None:
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"{', '.join(names)} must have the same length; got {lengths}.")
