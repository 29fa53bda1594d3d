"""How the others answer, and what they say of items, in a crowd that one annotator has left.

Who is judged by a crowd has a word in it, and a copy of him has a second one: together they make
the labels by which both are found right. Leaving takes the word out of the labels and out of what
the labels teach of everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers, Codes, clamped
from surelabel.consolidation.confusion import (
    Counts,
    coin_m_step,
    e_step,
    expected_counts,
    m_step,
)
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.result import AnnotatorParameters, Floats

# The labels of one annotator's items stand soon; with more cells than these (annotators x
# classes^2) each step would take a tenth of a second, and everybody has one accuracy instead.
_STEPS, _TOL, _MAX_CELLS = 15, 1e-2, 200_000


@dataclass(frozen=True)
class Others:
    """The crowd without one, on the items that he answered.

    ``item``: (n_items,), their codes in the whole crowd, ascending. ``annotator``: (n_others,),
    the codes there of those who answered them too, ascending; ``annotators`` has theirs, in this
    order. ``posterior``: (n_items, n_classes), by them alone.
    """

    item: Codes
    annotator: Codes
    annotators: AnnotatorParameters
    posterior: Floats

    def table_of(self, annotator: int) -> Floats:
        """His confusion, (n_classes, n_classes) or (1, 1)."""
        table: Floats = self.annotators.confusion[np.searchsorted(self.annotator, annotator)]
        return table


@dataclass(frozen=True)
class _Size:
    """As much of a crowd as the M step asks for."""

    by_annotator: Codes
    majority_agreement: Floats


class WholeCrowd:
    """Answers and a posterior of theirs, from which one annotator after another is taken out.

    ``known``: (n_items,), labels that are known, or -1.
    """

    def __init__(self, answers: Answers, posterior: Floats, known: Codes) -> None:
        self._answers, self._posterior, self._known = answers, posterior, known
        self._by_annotator = np.argsort(answers.annotator, kind="stable")
        self._ends = np.cumsum(answers.by_annotator)

    def items_of(self, annotator: int) -> Codes:
        """(n,): the items that he answered, ascending."""
        return self._answers.item[self._answers_of(annotator)]

    def _answers_of(self, annotator: int) -> Codes:
        end = self._ends[annotator]
        return self._by_annotator[end - self._answers.by_annotator[annotator] : end]

    def without(self, annotator: int) -> Others:
        """Everybody else on his items, learned anew from the shares of their votes there, and from
        the posterior on all other items."""
        whole, item = self._answers, self.items_of(annotator)
        n = whole.n_answers[item]
        place = np.repeat(np.arange(len(item)), n)
        row = np.arange(n.sum()) + np.repeat(whole.starts[item] - np.cumsum(n) + n, n)
        others = whole.annotator[row] != annotator
        row, place = row[others], place[others]
        who, code = np.unique(whole.annotator[row], return_inverse=True)
        part = Answers(place, code, whole.label[row], len(item), len(who), whole.n_classes)
        known = self._known[item]
        rows = np.flatnonzero(known >= 0)
        elsewhere = self._elsewhere(part, who, item)
        size = _Size(whole.by_annotator[who], np.full(len(who), np.nan))
        learn = HierarchicalDawidSkene().pseudo_counts

        posterior = clamped(part.vote_shares(), rows, known[rows])
        for _ in range(_STEPS):
            counts = _added(elsewhere, _counts(part, posterior))
            tables = counts.answers.shape[1] == whole.n_classes
            annotators = m_step(counts, learn, size) if tables else coin_m_step(counts, size)
            before, posterior = posterior, clamped(e_step(part, annotators), rows, known[rows])
            if np.abs(posterior - before).max(initial=0.0) < _TOL:
                break
        return Others(item, who, annotators, posterior)

    def _elsewhere(self, part: Answers, who: Codes, item: Codes) -> Counts:
        """What the answers of ``who`` to all other items count."""
        whole = self._answers
        row = np.concatenate([self._answers_of(each) for each in who.tolist()] or [who])
        row = row[~np.isin(whole.item[row], item)]
        items, place = np.unique(whole.item[row], return_inverse=True)
        code = np.searchsorted(who, whole.annotator[row])
        order = np.lexsort((code, place))
        rest = Answers(
            place[order], code[order], whole.label[row][order], len(items), len(who),
            whole.n_classes,
        )  # fmt: skip
        return _counts(rest, self._posterior[items])


def _counts(answers: Answers, posterior: Floats) -> Counts:
    if answers.n_annotators * answers.n_classes**2 <= _MAX_CELLS:
        return expected_counts(answers, posterior, np.empty(0, np.int64))
    right = posterior[answers.item, answers.label]
    counted = np.bincount(answers.annotator, right, minlength=answers.n_annotators)
    return Counts(counted.astype(np.float64).reshape(-1, 1, 1), posterior.sum(axis=0))


def _added(one: Counts, other: Counts) -> Counts:
    return Counts(one.answers + other.answers, one.classes + other.classes)
