"""How good each annotator is, measured by the consensus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.disagreement import matches
from surelabel.consolidation.spans.overlap import Marks, covered, overlaps
from surelabel.consolidation.spans.result import SpanAnnotators
from surelabel.consolidation.spans.units import ranges
from surelabel.consolidation.spans.words import WordTable

# Jaccard index from which two spans mean the same, whatever they are called.
_SAME = 0.5
# Above it a table of all confusions is not kept.
_MAX_CELLS = 50_000_000


def judge_annotators(
    answers: SpanAnswers,
    marks: Marks,
    *,
    emission: Floats,
    pooled: Floats,
    initial: Floats,
    transition: Floats,
    table: WordTable,
    dependence: float,
    compared: Codes,
) -> SpanAnnotators:
    """Each annotator against the consolidated ``marks`` (sorted by item).

    ``label_confusion`` is (n_annotators, n_classes, 0) where a full table would be too large.
    """
    n = answers.n_annotators
    own = Marks(answers.answer, answers.start, answers.end, answers.label)
    truth, reader = _per_answer(answers, marks)
    n_spans = np.bincount(answers.span_annotator, minlength=n)
    n_true = np.bincount(reader, minlength=n)

    def share(of: Codes, values: Floats | NDArray[np.bool_], total: Codes) -> Floats:
        found = np.bincount(of, weights=values.astype(float), minlength=n)
        nothing = np.full(n, np.nan)
        return np.asarray(np.divide(found, total, out=nothing, where=total > 0))

    precision = share(answers.span_annotator, matches(own, truth), n_spans)
    recall = share(reader, matches(truth, own), n_true)
    relaxed_precision = share(
        answers.span_annotator, covered(own, truth) / (own.end - own.start), n_spans
    )
    relaxed_recall = share(reader, covered(truth, own) / (truth.end - truth.start), n_true)
    total = relaxed_precision + relaxed_recall
    agreement = np.divide(
        2 * relaxed_precision * relaxed_recall, total, out=np.zeros(n), where=total > 0
    )
    agreement[np.isnan(total)] = np.nan
    length_bias, confusion = _matched(answers, own, truth)
    return SpanAnnotators(
        n_answers=np.bincount(answers.annotator, minlength=n),
        n_compared=compared,
        n_spans=n_spans,
        precision=precision,
        recall=recall,
        relaxed_precision=relaxed_precision,
        relaxed_recall=relaxed_recall,
        agreement=agreement,
        length_bias=length_bias,
        label_confusion=confusion,
        emission=emission,
        pooled=pooled,
        initial=initial,
        transition=transition,
        vocabulary=table.vocabulary,
        word_evidence=table.log_ratio,
        dependence=dependence,
    )


def _per_answer(answers: SpanAnswers, marks: Marks) -> tuple[Marks, Codes]:
    """The consensus once for each answer to its item, and whose answer that is."""
    low, high = np.searchsorted(marks.group, (answers.item, answers.item + 1))
    row = ranges(low, high - low)
    answer = np.repeat(np.arange(len(answers.item)), high - low)
    return Marks(answer, *(column[row] for column in marks[1:])), answers.annotator[answer]


def _matched(answers: SpanAnswers, own: Marks, truth: Marks) -> tuple[Floats, Codes]:
    """Length bias and label confusion over spans that mean the same, whatever their label.

    Every own span is held against the true one that it shares most with; a tie goes to the first.
    """
    blank = np.zeros(len(own.start), np.int64), np.zeros(len(truth.start), np.int64)
    one, other = own._replace(label=blank[0]), truth._replace(label=blank[1])
    pairs = overlaps(one, other)
    jaccard = pairs.jaccard(one, other)
    # Of equals first the one with the same label.
    same = own.label[pairs.first] == truth.label[pairs.second]
    order = np.lexsort((pairs.second, ~same, -jaccard, pairs.first))
    order = order[jaccard[order] >= _SAME]
    _, best = np.unique(pairs.first[order], return_index=True)
    mine, theirs = pairs.first[order][best], pairs.second[order][best]
    who = answers.span_annotator[mine]
    n, k = answers.n_annotators, answers.n_classes
    ratio = np.log((own.end - own.start)[mine] / (truth.end - truth.start)[theirs])
    matched = np.bincount(who, minlength=n)
    bias = np.bincount(who, weights=ratio, minlength=n) / np.maximum(matched, 1)
    if n * k * k > _MAX_CELLS:
        return bias, np.zeros((n, k, 0), np.int64)
    cell = (who * k + truth.label[theirs]) * k + own.label[mine]
    return bias, np.bincount(cell, minlength=n * k * k).reshape(n, k, k)
