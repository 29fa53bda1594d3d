"""The class of spans that were found without one: who overlaps a span votes with their label."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.overlap import Marks, overlaps
from surelabel.consolidation.spans.sequences import Sequences

_TIE = 1e-9


def vote_labels(
    answers: SpanAnswers, sequences: Sequences, layer: Codes, runs: tuple[Codes, Codes, Codes]
) -> tuple[Codes, Floats]:
    """(n_spans,) each: the label of each run of units, and its share of the vote.

    An annotator's vote counts as much as the Jaccard index of the spans, times how often the
    annotator's labels win (a first vote of equals decides that). A tie goes to the label with more
    answers, then to the lower code; a span that nobody overlaps gets the label with most answers.
    """
    first, after, _ = runs
    n = len(first)
    before = np.searchsorted(sequences.item, np.arange(answers.n_items))
    own = Marks(
        before[answers.span_item] + layer,
        answers.start,
        answers.end,
        np.zeros_like(answers.label),
    )
    sequence = np.searchsorted(sequences.first, first, side="right") - 1
    marks = Marks(
        sequence, sequences.start[first], sequences.end[after - 1], np.zeros(n, dtype=np.int64)
    )
    pairs = overlaps(marks, own)
    nearness = pairs.jaccard(marks, own)
    label, who = answers.label[pairs.second], answers.span_annotator[pairs.second]
    common = np.bincount(answers.label, minlength=answers.n_classes)
    winner, _ = _winners(pairs.first, label, nearness, n, common)
    won = np.bincount(who, label == winner[pairs.first], minlength=answers.n_annotators)
    given = np.bincount(who, minlength=answers.n_annotators)
    weight = ((won + 1) / (given + 2))[who]
    return _winners(pairs.first, label, nearness * weight, n, common)


def _winners(
    span: Codes, label: Codes, weight: Floats, n: int, common: Codes
) -> tuple[Codes, Floats]:
    keys, of = np.unique(span * len(common) + label, return_inverse=True)
    total = np.bincount(of, weight, minlength=len(keys))
    owner, voted = keys // len(common), keys % len(common)
    share = total / np.maximum(np.bincount(span, weight, minlength=n), _TIE)[owner]
    # Rounded, so that sums in another order are still ties.
    order = np.lexsort((voted, -common[voted], -np.round(share / _TIE), owner))
    best = order[np.unique(owner[order], return_index=True)[1]]
    winner, confidence = np.full(n, common.argmax()), np.zeros(n)
    winner[owner[best]], confidence[owner[best]] = voted[best], share[best]
    return winner, confidence
