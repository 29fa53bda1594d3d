"""Hierarchical Dawid-Skene with its blend of votes, on each label by itself.

The algorithm is that of ``surelabel.consolidation.HierarchicalDawidSkene``, with its papers
(A. P. Dawid and A. M. Skene, 1979; S. Paun et al., 2018) and two classes: the label applies, or
not. Only items for which somebody chose the label are iterated over; where nobody did, everybody is
taken to be right, which adds known counts. So 10,000 labels of which an item has a few cost what
the few cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Gold
from surelabel.consolidation.base import Learned as LearnedClasses
from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.confusion import Counts
from surelabel.consolidation.confusion import m_step as confusion_m_step
from surelabel.consolidation.evidence import evidence_of
from surelabel.consolidation.expectation_maximisation import iterate
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene as Binary
from surelabel.consolidation.hierarchical_dawid_skene import blend
from surelabel.consolidation.multi_label.answers import MultiLabelAnswers
from surelabel.consolidation.multi_label.base import Learned, MultiLabel
from surelabel.consolidation.multi_label.joint_dawid_skene import m_step
from surelabel.consolidation.result import AnnotatorParameters


@dataclass
class HierarchicalDawidSkene(MultiLabel):
    """``max_iter``, ``tol``, ``strength``: those of the binary problem of each label.

    ``n_iter_`` is the most that a label needed. Frozen annotators judge as ``JointDawidSkene``.
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 5.0

    def _learn(self, answers: MultiLabelAnswers) -> Learned:
        probability = np.empty(len(answers.candidates.item))
        known = answers.clamped(np.full(len(probability), np.nan))
        n_iter, converged = 0, True
        rates: list[tuple[Codes, Floats, Floats]] = []
        for label, rows, binary in _by_label(answers):
            learned = self._one_label(answers, binary, _gold(known[rows]))
            probability[rows] = blend(binary, learned.annotators)[:, 1]
            n_iter = max(n_iter, learned.n_iter)
            converged = converged and learned.converged
            there = np.unique(binary.annotator)
            confusion = learned.annotators.confusion[there]
            cell = there * answers.n_classes + label
            rates.append((cell, confusion[:, 1, 1], confusion[:, 0, 0]))
        annotators = m_step(answers, answers.clamped(probability))
        if rates:
            cell, yes, no = (np.concatenate(column) for column in zip(*rates, strict=True))
            order = np.argsort(cell)
            annotators = replace(
                annotators, cell_sensitivity=yes[order], cell_specificity=no[order]
            )
        return Learned(probability, annotators, n_iter, converged)

    def _one_label(self, answers: MultiLabelAnswers, binary: Answers, gold: Gold) -> LearnedClasses:
        model = Binary(self.max_iter, self.tol, self.strength)
        quiet = (answers.by_annotator - binary.by_annotator).astype(float)
        n_quiet = (answers.n_answers > 0).sum() - binary.n_items

        def pseudo(counts: Floats) -> Floats:
            # [annotator, observed, true]: a right "no" to each item where nobody said yes.
            known = np.zeros_like(counts)
            known[:, 0, 0] = quiet
            return np.asarray(model.pseudo_counts(counts + known) + known)

        def m(counts: Counts) -> AnnotatorParameters:
            found = confusion_m_step(counts, pseudo, binary)
            applies = counts.classes[1]
            class_counts = np.array([binary.n_items - applies + n_quiet, applies]) + 1
            return replace(found, prior=class_counts / class_counts.sum())

        return iterate(evidence_of(binary, gold), m, self.max_iter, self.tol, None)


def _gold(known: Floats) -> Gold:
    """The candidates of a label of which it is known whether it applies (nan elsewhere)."""
    rows = np.flatnonzero(~np.isnan(known))
    return Gold(rows, known[rows].astype(np.int64))


def _by_label(answers: MultiLabelAnswers) -> list[tuple[int, Codes, Answers]]:
    """Each label that somebody chose, its candidates, and the yes and no to them."""
    if not len(answers.candidates.label):
        return []
    whole = answers.yes_or_no
    label = answers.candidates.label
    by_label = np.argsort(label, kind="stable")
    labels, first = np.unique(label[by_label], return_index=True)
    n_rows = whole.n_answers
    starts = np.cumsum(n_rows) - n_rows
    found = []
    for code, candidates in zip(labels.tolist(), np.split(by_label, first[1:]), strict=True):
        sizes = n_rows[candidates]
        local = np.repeat(np.arange(len(candidates)), sizes)
        within = np.arange(len(local)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = starts[candidates][local] + within
        binary = Answers(
            local, whole.annotator[rows], whole.label[rows], len(candidates),
            answers.n_annotators, 2,
        )  # fmt: skip
        found.append((int(code), candidates, binary))
    return found
