"""Answers checked and coded once, so that the algorithms can be pure array arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.checked import codes, latest, same_length
from surelabel.consolidation.result import Floats

Codes = NDArray[np.int64]

# Cells of a table of items and classes that is worked on at a time: 8 MB of numbers.
_CELLS = 1 << 20


@dataclass(frozen=True)
class Answers(Answered):
    """The answers that count: sorted by item and annotator, at most one per pair.

    ``item``, ``annotator``, ``label``: (n_annotations,), coded from 0. ``known``: (n_items,),
    labels that are known, -1 where none is; annotators agree with these, then.
    """

    item: Codes
    annotator: Codes
    label: Codes
    n_items: int
    n_annotators: int
    n_classes: int
    known: Codes | None = None

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        label: ArrayLike,
        n_items: int,
        n_annotators: int,
        n_classes: int,
    ) -> Answers:
        """Without abstentions (-1), and with the last answer of each (item, annotator).

        ``item``, ``annotator``, ``label``: (n_annotations,), in the order in which they came. An
        abstention that comes later takes an earlier answer back. ValueError for codes out of range
        and columns of unequal length.
        """
        if n_classes < 1:
            raise ValueError(f"n_classes must be at least 1; got {n_classes}.")
        i = codes("item", item, 0, n_items)
        a = codes("annotator", annotator, 0, n_annotators)
        label_ = codes("label", label, -1, n_classes)
        same_length(item=i, annotator=a, label=label_)
        kept = latest(i, a, n_annotators)
        kept = kept[label_[kept] >= 0]
        return cls(i[kept], a[kept], label_[kept], n_items, n_annotators, n_classes)

    def only_items(self, first: int, last: int) -> Answers:
        """The answers to the items ``first`` to ``last - 1``, which are renumbered from 0."""
        if first == 0 and last == self.n_items:
            return self
        rows = slice(self.starts[first], self.starts[last])
        return Answers(
            self.item[rows] - first,
            self.annotator[rows],
            self.label[rows],
            last - first,
            self.n_annotators,
            self.n_classes,
            None if self.known is None else self.known[first:last],
        )

    def at_items(self, rows: Codes) -> Answers:
        """The answers to the items ``rows`` (ascending), which are renumbered from 0."""
        place = np.full(self.n_items, -1, np.int64)
        place[rows] = np.arange(rows.size)
        kept = place[self.item] >= 0
        return Answers(
            place[self.item[kept]],
            self.annotator[kept],
            self.label[kept],
            rows.size,
            self.n_annotators,
            self.n_classes,
            None if self.known is None else self.known[rows],
        )

    def knowing(self, rows: Codes, label: Codes) -> Answers:
        """The same answers where the labels of the items ``rows`` are known."""
        if not len(rows) or self.known is not None:
            return self
        known = np.full(self.n_items, -1, np.int64)
        known[rows] = label
        return replace(self, known=known)

    def in_parts(self) -> Iterator[tuple[int, Answers]]:
        """The first item of each part, and its answers: all items, in order.

        For what would be large as a table of all items and classes. A single part is ``self``.
        """
        for first, last in parts(self.n_items, self.n_classes):
            yield first, self.only_items(first, last)

    @cached_property
    def votes(self) -> Floats:
        """(n_items, n_classes): how many answered each class."""
        return self.weighted_votes(np.ones(len(self.item)))

    @cached_property
    def one_hot(self) -> sparse.csr_matrix:
        """(n_items, n_annotators * n_classes): 1 at (item, annotator and observed label)."""
        column = self.annotator * self.n_classes + self.label
        shape = (self.n_items, self.n_annotators * self.n_classes)
        return sparse.csr_matrix((np.ones(len(column)), column, self.starts), shape=shape)

    @cached_property
    def one_hot_transposed(self) -> sparse.csr_matrix:
        """``one_hot.T`` laid out by rows, since the M step reads it every iteration."""
        return self.one_hot.T.tocsr()

    def weighted_votes(self, weight: Floats) -> Floats:
        """(n_items, n_classes): votes with ``weight``, (n_annotations,), per answer."""
        cell = self.item * self.n_classes + self.label
        counted = np.bincount(cell, weights=weight, minlength=self.n_items * self.n_classes)
        return counted.astype(np.float64).reshape(self.n_items, self.n_classes)

    def vote_shares(self) -> Floats:
        """(n_items, n_classes): votes over the number of answers; uniform where nobody answered."""
        return normalised(self.votes)

    @cached_property
    def majority_agreement(self) -> Floats:
        """(n_annotators,): share of answers that match the majority; nan without answers.

        A majority shared by m classes gives 1/m to each of them. A known label is the majority.
        """
        return agreement(self.with_majority, self.by_annotator)

    @cached_property
    def with_majority(self) -> Codes:
        """(n_annotators, m): answers that match a majority shared by 1, 2, ... m classes.

        Whole numbers, so that those of several parts add up to the same in any order.
        """
        widest = max(min(self.n_classes, int(self.n_answers.max(initial=0))), 1)
        found = np.zeros(self.n_annotators * widest, np.int64)
        for _, part in self.in_parts():
            votes = part.votes
            winner = votes == votes.max(axis=1, keepdims=True, initial=0)
            if part.known is not None:
                told = np.flatnonzero(part.known >= 0)
                winner[told] = False
                winner[told, part.known[told]] = True
            matches = winner[part.item, part.label]
            shared = winner.sum(axis=1)[part.item[matches]]
            cell = part.annotator[matches] * widest + shared - 1
            found += np.bincount(cell, minlength=len(found))
        return found.reshape(self.n_annotators, widest)

    def gold_rows(self, gold: ArrayLike | None) -> tuple[Codes, Codes]:
        """(n_gold,) each: items with a known label, ascending, and that label.

        ``gold``: (n_items,), the known label or -1; ValueError for other codes or another length.
        """
        if gold is None:
            empty = np.empty(0, np.int64)
            return empty, empty
        known = codes("gold", gold, -1, self.n_classes)
        if len(known) != self.n_items:
            raise ValueError(
                f"gold must have {self.n_items} entries (n_items); got {len(known)}. Put -1 where "
                "no label is known."
            )
        rows = np.flatnonzero(known >= 0)
        return rows, known[rows]


def parts(n_items: int, n_classes: int) -> Iterator[tuple[int, int]]:
    """First and last item (exclusive) of what is worked on at a time; nothing depends on it."""
    step = max(_CELLS // n_classes, 1)
    for first in range(0, n_items, step):
        yield first, min(first + step, n_items)


def thinned(rows: Codes, most: int) -> Codes:
    """About ``most`` of the rows, spread evenly; all of them if they are no more than that."""
    if rows.size <= most:
        return rows
    # Golden steps fall in with no period that a manifest may have.
    golden: Floats = np.modf(np.arange(rows.size) * (np.sqrt(5) - 1) / 2)[0]
    return np.asarray(rows[golden < most / rows.size])


def agreement(with_majority: Codes, by_annotator: Codes) -> Floats:
    """(n_annotators,): the mean credit of an answer; nan without answers."""
    total = (with_majority / np.arange(1, with_majority.shape[1] + 1)).sum(axis=1)
    unknown = np.full(len(total), np.nan)
    return np.asarray(np.divide(total, by_annotator, out=unknown, where=by_annotator > 0))


def normalised(weights: Floats) -> Floats:
    """Rows that sum to 1; a row of zeros becomes uniform."""
    total = weights.sum(axis=1, keepdims=True)
    uniform = np.full_like(weights, 1 / weights.shape[1])
    return np.asarray(np.divide(weights, total, out=uniform, where=total > 0))


def clamped(posterior: Floats, rows: Codes, label: Codes) -> Floats:
    """``posterior`` with certainty where the label is known; changes it in place."""
    posterior[rows] = 0.0
    posterior[rows, label] = 1.0
    return posterior
