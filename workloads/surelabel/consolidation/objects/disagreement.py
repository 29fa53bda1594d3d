"""How far two answers to one item differ: for agreement, and as the loss of a certificate."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from surelabel.consolidation.objects.answers import ObjectAnswers
from surelabel.consolidation.objects.geometry import Codes, Floats, Geometry


def disagreement(geometry: Geometry, label: Codes, other: Geometry, other_label: Codes) -> float:
    """1 - 2 sum(similarity of matched marks) / (marks of both), in [0, 1] and symmetric.

    ``label``, ``other_label``: (n_marks,), the class of each mark of the one and the other.

    Marks of equal label are matched one to one for the greatest sum. It is one less the panoptic
    quality of the two (A. Kirillov et al., CVPR 2019, doi:10.1109/CVPR.2019.00963) without its
    bound on IoU: an unmatched mark counts as a similarity of 0 for half a pair. Two empty answers
    do not differ (0), one empty answer differs from any mark in all (1). Marks without extent are
    like nothing, so an answer of such a mark alone differs even from its copy.
    """
    total = len(label) + len(other_label)
    if total == 0:
        return 0.0
    rows, columns = np.nonzero(label[:, None] == other_label[None])
    if not len(rows):
        return 1.0
    table = np.zeros((len(label), len(other_label)))
    table[rows, columns] = geometry.similarity(rows, other, columns)
    matched = linear_sum_assignment(table, maximize=True)
    return float(np.clip(1 - 2 * table[matched].sum() / total, 0.0, 1.0))


def disagreements(answers: ObjectAnswers, first: Codes, second: Codes) -> Floats:
    """(n_pairs,): ``disagreement`` of the answers of rows ``first`` and ``second``.

    Rows are those of ``answers``; they may be of different items, as chance agreement needs it.
    """
    member = np.argsort(answers.answer, kind="stable")
    size = np.bincount(answers.answer, minlength=len(answers.item))
    starts = np.concatenate(([0], np.cumsum(size)))
    found = np.empty(len(first))
    for pair, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        mine = member[starts[one] : starts[one + 1]]
        theirs = member[starts[other] : starts[other + 1]]
        found[pair] = disagreement(
            answers.geometry[mine],
            answers.label[mine],
            answers.geometry[theirs],
            answers.label[theirs],
        )
    return found
