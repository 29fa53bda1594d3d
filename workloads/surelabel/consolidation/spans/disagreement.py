"""How far two answers to one item differ: 1 - F1 of their spans, exact or relaxed.

Exact: a span counts if the other answer has the same start, end and label. Relaxed, as Nguyen et
al. (2017), doi:10.18653/v1/P17-1028, and Simpson and Gurevych (2019), doi:10.18653/v1/D19-1101,
score spans: precision is the mean over one answer's spans of the share of their code points that
spans of the same label in the other cover, recall the same the other way round. Both are symmetric
in the two answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.overlap import Marks, covered
from surelabel.consolidation.spans.units import ranges

Span = tuple[int, int, int]


class SpanScore(NamedTuple):
    """Precision, recall and their harmonic mean; nan where there is nothing to judge by."""

    precision: float
    recall: float
    f1: float


def disagreement(first: Sequence[Span], second: Sequence[Span], *, relaxed: bool = False) -> float:
    """In [0, 1], 0 for equal; spans are (start, end, label).

    Two empty answers agree fully (0), an empty one and one with spans not at all (1).
    """
    one, other = _marks(first), _marks(second)
    if not len(one.start) and not len(other.start):
        return 0.0
    f1 = (relaxed_score if relaxed else exact_score)(one, other).f1
    return 1.0 if np.isnan(f1) else 1.0 - f1


def pairwise_disagreement(
    answers: SpanAnswers, *, relaxed: bool = False
) -> tuple[Codes, Codes, Floats]:
    """All pairs of answers to one item: row of the one, row of the other, ``disagreement``.

    (n_pairs,) each, sorted; every pair once.
    """
    n_answers = answers.n_answers
    last = np.cumsum(n_answers)[answers.item]
    row = np.arange(len(answers.item))
    first = np.repeat(row, last - row - 1)
    second = ranges(row + 1, last - row - 1)
    one, other = _of_rows(answers, first), _of_rows(answers, second)
    n = len(first)
    ahead = np.bincount(one.group, _shares(one, other, relaxed), minlength=n).astype(np.float64)
    back = np.bincount(other.group, _shares(other, one, relaxed), minlength=n).astype(np.float64)
    held = np.bincount(answers.answer, minlength=len(row))
    f1 = _f1(ahead, back, held[first], held[second])
    return first, second, np.where(held[first] + held[second] > 0, 1 - f1, 0.0)


def exact_score(found: Marks, truth: Marks) -> SpanScore:
    """Share of ``found`` that is in ``truth`` to the code point, and the other way round."""
    return _score(found, truth, relaxed=False)


def relaxed_score(found: Marks, truth: Marks) -> SpanScore:
    """Mean share of each found span that is covered by the truth, and the other way round.

    Means are over all spans of all groups, as published.
    """
    return _score(found, truth, relaxed=True)


def _score(found: Marks, truth: Marks, *, relaxed: bool) -> SpanScore:
    ahead, back = _shares(found, truth, relaxed), _shares(truth, found, relaxed)
    precision = float(ahead.mean()) if len(ahead) else float("nan")
    recall = float(back.mean()) if len(back) else float("nan")
    total = precision + recall
    f1 = 2 * precision * recall / total if total > 0 else (0.0 if total == 0 else float("nan"))
    return SpanScore(precision, recall, f1)


def _f1(ahead: Floats, back: Floats, n_one: Codes, n_other: Codes) -> Floats:
    """F1 of each pair, 0 where either has no spans; ``ahead``, ``back``: sums of shares."""
    precision, recall = ahead / np.maximum(n_one, 1), back / np.maximum(n_other, 1)
    total = np.maximum(precision + recall, np.finfo(float).tiny)
    return np.asarray(2 * precision * recall / total)


def _shares(one: Marks, other: Marks, relaxed: bool) -> Floats:
    """(len(one),): the share of each span that the other side confirms."""
    if relaxed:
        return np.asarray(covered(one, other) / (one.end - one.start))
    return matches(one, other).astype(float)


def matches(one: Marks, other: Marks) -> NDArray[np.bool_]:
    """(len(one),): the other side has the same span with the same label."""
    both = [np.concatenate(columns) for columns in zip(one, other, strict=True)]
    _, code = np.unique(np.stack(both), axis=1, return_inverse=True)
    code = code.reshape(-1)
    return np.asarray(np.isin(code[: len(one.start)], code[len(one.start) :]))


def _marks(spans: Sequence[Span]) -> Marks:
    table = np.array(spans, dtype=np.int64).reshape(-1, 3)
    table = np.unique(table, axis=0)
    return Marks(np.zeros(len(table), np.int64), *table.T)


def _of_rows(answers: SpanAnswers, rows: Codes) -> Marks:
    """The spans of these answers, grouped by their place in ``rows``."""
    held = np.bincount(answers.answer, minlength=len(answers.item))
    before = np.concatenate(([0], np.cumsum(held)))
    span = ranges(before[rows], held[rows])
    group = np.repeat(np.arange(len(rows)), held[rows])
    return Marks(group, answers.start[span], answers.end[span], answers.label[span])
