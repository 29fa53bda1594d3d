"""Answers that each choose any number of labels, none included, checked and coded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.checked import Codes, Floats, codes, latest, same_length


class Cells(NamedTuple):
    """Every (annotator, label) with a yes or no: ``pair``, (n_cells,), ascending annotator *
    n_classes + label; ``of_row``, the cell of each row of ``yes_or_no``; ``asked``, (n_cells,),
    its rows."""

    pair: Codes
    of_row: Codes
    asked: Codes


class Candidates(NamedTuple):
    """Every (item, label) that somebody chose or gold has, by item and label; (n_candidates,).

    ``support``: how many chose it.
    """

    item: Codes
    label: Codes
    support: Codes


@dataclass(frozen=True)
class MultiLabelAnswers(Answered):
    """Who answered what, and the labels that each answer chose.

    ``item``, ``annotator``: (n_answers,), by item and annotator, at most one per pair. ``answer``,
    ``label``: (n_marks,), the answer (a row of these) that chose the label; by answer and label,
    none twice. An answer without a mark says that no label applies. ``gold_item``: items whose
    labels are known, ascending, (n_gold_items,); ``gold_pair``: those labels as item * n_classes +
    label, ascending, (n_gold_labels,); see ``with_gold``.
    """

    item: Codes
    annotator: Codes
    answer: Codes
    label: Codes
    n_items: int
    n_annotators: int
    n_classes: int
    gold_item: Codes = field(default_factory=lambda: np.empty(0, np.int64))
    gold_pair: Codes = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        answer: ArrayLike,
        label: ArrayLike,
        n_items: int,
        n_annotators: int,
        n_classes: int,
    ) -> MultiLabelAnswers:
        """Checked: codes from 0, answers in the order in which they came.

        Of an annotator's answers to one item the last counts, and a label counts once. A label of
        -1 makes its whole answer an abstention ("can't tell"), which also takes an earlier answer
        back. Codes out of range and columns of unequal length raise ValueError.
        """
        if n_classes < 1:
            raise ValueError(f"n_classes must be at least 1; got {n_classes}.")
        i = codes("item", item, 0, n_items)
        a = codes("annotator", annotator, 0, n_annotators)
        same_length(item=i, annotator=a)
        row = codes("answer", answer, 0, len(i))
        label_ = codes("label", label, -1, n_classes)
        same_length(answer=row, label=label_)
        kept = latest(i, a, n_annotators)
        abstained = np.zeros(len(i), dtype=bool)
        abstained[row[label_ < 0]] = True
        kept = kept[~abstained[kept]]
        place = np.full(len(i), -1, np.int64)
        place[kept] = np.arange(len(kept))
        counts = place[row] >= 0
        mark = np.unique(place[row[counts]] * n_classes + label_[counts])
        return cls(
            i[kept],
            a[kept],
            mark // n_classes,
            mark % n_classes,
            n_items,
            n_annotators,
            n_classes,
        )

    def with_gold(self, gold: Mapping[int, Sequence[int]]) -> MultiLabelAnswers:
        """The same answers where the labels of some items are known, by item.

        Every known label is a candidate, though nobody may have chosen it. ValueError for codes out
        of range.
        """
        item = codes("gold item", np.array(sorted(gold), np.int64), 0, self.n_items)
        pairs = [(each, label) for each in item.tolist() for label in gold[each]]
        owner, chosen = np.array(pairs, np.int64).reshape(-1, 2).T
        label = codes("gold label", chosen, 0, self.n_classes)
        return replace(self, gold_item=item, gold_pair=np.unique(owner * self.n_classes + label))

    def clamped(self, probability: Floats) -> Floats:
        """``probability``, (n_candidates,), with certainty where an item's labels are known."""
        if not len(self.gold_item):
            return probability
        candidates = self.candidates
        pair = candidates.item * self.n_classes + candidates.label
        known = np.isin(candidates.item, self.gold_item)
        return np.where(known, np.isin(pair, self.gold_pair), probability)

    @cached_property
    def candidates(self) -> Candidates:
        """What somebody chose, or is known to apply.

        There are never more of these than marks and known labels, however many labels there are.
        """
        pair = self.item[self.answer] * self.n_classes + self.label
        found, count = np.unique(np.concatenate((pair, self.gold_pair)), return_counts=True)
        support = count - np.isin(found, self.gold_pair)
        return Candidates(found // self.n_classes, found % self.n_classes, support)

    @cached_property
    def yes_or_no(self) -> Answers:
        """Each candidate as an item of its own, which every answer to its item affirms (1) or not.

        As many rows as candidates have answers, so an item's annotators times its candidates.
        """
        candidates = self.candidates
        n_rows = self.n_answers[candidates.item]
        candidate = np.repeat(np.arange(len(n_rows)), n_rows)
        within = np.arange(len(candidate)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
        answer = self.starts[candidates.item][candidate] + within
        # Both sides are ascending in (candidate, answer) once sorted; a mark is one such pair.
        marked = self._candidate_of_mark * len(self.item) + self.answer
        said = np.isin(candidate * len(self.item) + answer, marked).astype(np.int64)
        known = None
        if len(self.gold_item):
            known = self.clamped(np.full(len(n_rows), -1.0)).astype(np.int64)
        who = self.annotator[answer]
        return Answers(candidate, who, said, len(n_rows), self.n_annotators, 2, known)

    @cached_property
    def cells(self) -> Cells:
        """Who said yes or no to which label. Found once, since every iteration needs it."""
        rows = self.yes_or_no
        label = self.candidates.label[rows.item]
        pair, of_row, asked = np.unique(
            rows.annotator * self.n_classes + label, return_inverse=True, return_counts=True
        )
        return Cells(pair, of_row, asked)

    @cached_property
    def _candidate_of_mark(self) -> Codes:
        candidates = self.candidates
        pair = candidates.item * self.n_classes + candidates.label
        return np.searchsorted(pair, self.item[self.answer] * self.n_classes + self.label)
