"""How far a span is believed that the only person who looked has marked.

A model of annotators learns from one answer how good its author is by holding another against it.
Of who was never compared with anybody it learns from his own spans that he is always right, and the
more he marks the surer: with one answer to each of PICO's 4,740 abstracts every span had a
confidence of 1.000, and .46 of them were exactly right. So such spans get a share that is taken for
granted, and the model counts as far as their author was compared with others.
"""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.sequences import Sequences

# Of the spans that one person marked so many are exactly right: .46 on PICO, .56 with the simulated
# people of WNUT-17 (``tests/bench/spans.py``).
_RIGHT = 0.5
# Answers beside those of others after which the model counts as much as that. Where one item in 33
# has several answers 20 leaves an expected calibration error of .20 on PICO's lone ones and of .13
# on WNUT-17's, 5 leave .27 and .15, and to believe the model alone .36 and .17.
_WORTH = 20.0


def n_compared(answers: SpanAnswers) -> Codes:
    """(n_annotators,): answers to items that somebody else answered, or whose truth is known."""
    beside = answers.n_answers[answers.item] > 1
    return np.bincount(answers.annotator[beside], minlength=answers.n_annotators)


def believed(sequences: Sequences, first: Codes, chance: Floats, compared: Codes) -> Floats:
    """(n_spans,): the chance of each span, where it is of a lone answer by what is known of its
    author.

    ``first``: (n_spans,), the first unit of each. ``chance``: (n_spans,), by the model.
    ``compared``: (n_annotators,), see ``n_compared``.
    """
    sequence = np.searchsorted(sequences.first, first, side="right") - 1
    author = np.zeros(len(sequences.item), np.int64)
    author[sequences.sequence] = sequences.annotator
    known = compared[author[sequence]]
    lone = (known * chance + _WORTH * _RIGHT) / (known + _WORTH)
    return np.where(sequences.n_readings[sequence] == 1, lone, chance)
