"""Dawid-Skene for label sets, all labels at once: who is careful is careful with every label.

A. P. Dawid and A. M. Skene, 1979, doi:10.2307/2346806, with a prior of ours:
A yes or no to each label is a binary answer. For one label alone there are few of them, most are
"no", and an annotator's habits cannot be learned. Here the sensitivity and specificity of a pair
(annotator, label) are drawn towards that of the annotator over all labels and that of the label
over all annotators, added on the logit scale. Blended with weighted votes as in
``HierarchicalDawidSkene``.

Time and memory follow the labels that somebody chose, not items x labels: where nobody chose a
label, everybody who answered is taken to be right about that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.multi_label.answers import MultiLabelAnswers
from surelabel.consolidation.multi_label.base import (
    Learned,
    MultiLabel,
    blended,
    e_step,
    vote_share,
)
from surelabel.consolidation.multi_label.result import MultiLabelAnnotators

# Pseudo-answers: behind an annotator's rate, a label's, that of the pair, and a label's frequency.
# With fewer behind a label's rate, one that nearly all items have is taken for a rare one that all
# annotators imagine.
_ANNOTATOR, _LABEL, _PAIR, _PRIOR = 8.0, 50.0, 8.0, 5.0
# Right and wrong pseudo-answers behind the rate of all.
_RIGHT, _WRONG = 6.0, 2.0
_LEAST, _MOST = 0.02, 0.999


@dataclass
class JointDawidSkene(MultiLabel):
    """``max_iter``, ``tol``: converged when no chance moved by ``tol`` or more."""

    max_iter: int = 100
    tol: float = 1e-3

    def _learn(self, answers: MultiLabelAnswers) -> Learned:
        probability = answers.clamped(vote_share(answers))
        annotators = m_step(answers, probability)
        cell = answers.cells.of_row
        for n_iter in range(1, self.max_iter + 1):
            before = probability
            probability = answers.clamped(
                e_step(
                    answers,
                    annotators.cell_sensitivity[cell],
                    annotators.cell_specificity[cell],
                    annotators.prior,
                )
            )
            if np.abs(probability - before).max(initial=0.0) < self.tol:
                return Learned(blended(answers, annotators, probability), annotators, n_iter)
            annotators = m_step(answers, probability)
        found = blended(answers, annotators, probability)
        return Learned(found, annotators, self.max_iter, False)


def m_step(answers: MultiLabelAnswers, probability: Floats) -> MultiLabelAnnotators:
    """Annotators and labels from the (n_candidates,) chances that the labels apply."""
    rows = answers.yes_or_no
    w, k = answers.n_annotators, answers.n_classes
    label = answers.candidates.label
    pairs, pair, asked = answers.cells
    # Nobody chose the label there: so many right "no" of each annotator, of each label, and both.
    quiet_annotator = answers.by_annotator * k - _sums(pairs // k, asked, w)
    quiet_label = len(answers.item) - _sums(pairs % k, asked, k)
    quiet_pair = answers.by_annotator[pairs // k] - asked

    applies = probability[rows.item]
    said = rows.label == 1
    sensitivity = _rates(
        pairs, k, _sums(pair, applies * said, len(pairs)), _sums(pair, applies, len(pairs)),
        np.zeros(w), np.zeros(k), np.zeros(len(pairs)),
    )  # fmt: skip
    specificity = _rates(
        pairs, k, _sums(pair, (1 - applies) * ~said, len(pairs)),
        _sums(pair, 1 - applies, len(pairs)), quiet_annotator, quiet_label, quiet_pair,
    )  # fmt: skip

    n_items = (answers.n_answers > 0).sum()
    times = _sums(label, probability, k)
    overall = (times.sum() + 1) / (n_items * k + 2)
    return MultiLabelAnnotators(
        sensitivity=sensitivity[0],
        specificity=specificity[0],
        agreement=rows.majority_agreement,
        n_answers=answers.by_annotator,
        label_sensitivity=sensitivity[1],
        label_specificity=specificity[1],
        prior=(times + _PRIOR * overall) / (n_items + _PRIOR),
        overall=(sensitivity[3], specificity[3]),
        cell=pairs,
        cell_sensitivity=sensitivity[2],
        cell_specificity=specificity[2],
    )


def _rates(
    pairs: Codes,
    k: int,
    right: Floats,
    asked: Floats,
    quiet_annotator: Floats,
    quiet_label: Floats,
    quiet_pair: Floats | Codes,
) -> tuple[Floats, Floats, Floats, float]:
    """Shares of right answers by annotator, by label, by pair, and overall, each shrunk."""
    who, what = pairs // k, pairs % k
    w = len(quiet_annotator)
    of_annotator = _sums(who, asked, w) + quiet_annotator
    right_annotator = _sums(who, right, w) + quiet_annotator
    overall = (right_annotator.sum() + _RIGHT) / (of_annotator.sum() + _RIGHT + _WRONG)
    own = (right_annotator + _ANNOTATOR * overall) / (of_annotator + _ANNOTATOR)
    right_label = _sums(what, right, k) + quiet_label
    by_label = (right_label + _LABEL * overall) / (_sums(what, asked, k) + quiet_label + _LABEL)
    both = expit(logit(own)[who] + logit(by_label)[what] - logit(overall))
    expected = np.clip(both, _LEAST, _MOST)
    by_pair = (right + quiet_pair + _PAIR * expected) / (asked + quiet_pair + _PAIR)
    return own, by_label, by_pair, float(overall)


def _sums(place: Codes, values: Floats | Codes, n: int) -> Floats:
    return np.asarray(np.bincount(place, weights=values, minlength=n))
