"""How often the people's own labels are wrong, estimated from their answers alone.

A confidence that is fit for ranking is no estimate: averaged, the blend says 3.7 % where 0.9 %
are wrong, and full confusion matrices, which learn the noise of their own answers, say 0.2 %.
Here each annotator has one accuracy, shrunk towards all; only how hard a class is and what it is
taken for are learned, from everybody together. That is ``HierarchicalDawidSkene`` with a prior
so strong that nobody's own matrix matters.

It assumes that people err independently of one another. Mistakes that they share (a breed that
nobody can tell apart) leave no trace in answers and are not in the estimate. Measured, in percent,
over 100 made-up crowds each of 2, 5 and 10 classes and 60, 200, 600 and 1,797 items:

| team, answers per item | estimate - truth | truth | interval holds it |
|---|---|---|---|
| five of .85 to .99, three | -0.4 to -0.1 | 0.9 to 1.6 | 97 to 100 |
| five of .6 to .8, three | -2.9 to -0.5 | 15 to 23 | 87 to 98 |
| thirty of .7 to .98, three | -2.2 to -0.1 | 4.3 to 7.9 | 95 to 100 |
| five of .85 to .99, two | -2.4 to 0.0 | 4.5 to 7.0 | 92 to 99 |
| two of .95, two | -3.1 to 0.0 | 5 | 6 to 99 |

Two people alone cannot be told apart when they disagree, so there the interval means little. The
large gaps are those of 60 items, where the interval is wide. On real sets: bluebird 12.9 (11.1
true), product 5.4 (6.4), trec 35 (30), web 21 (16); too low where mistakes are shared: d_sentiment
1.8 (4.1), rte 4.1 (7.0), cf 6.6 (11), zencrowd_us 7.5 (17), dog 5.5 (16), music_genre 5.4 (20); and
s_rel 55 (38), where most answers are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from surelabel.consolidation.answers import Answers, Codes, thinned
from surelabel.consolidation.confusion import e_step
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.result import AnnotatorParameters, Floats, Ints

# Pseudo-answers behind everybody's matrix: nobody has so many of their own.
_ONE_ACCURACY = 1_000.0
# Pseudo-answers behind everybody's accuracy, as in the prior of HierarchicalDawidSkene.
_SHRINKAGE = 8.0
# More items would only sharpen an interval that is a few tenths of a percent wide by then.
_MAX_ITEMS = 20_000
_COVERAGE = 0.95
# Keeps the shape of a beta distribution positive.
_TINY = 1e-9


@dataclass(frozen=True)
class ErrorShare:
    """The share of labels that is wrong, and the 95 % interval for these very labels."""

    share: float
    low: float
    high: float


def consensus_error(
    item: Ints,
    annotator: Ints,
    label: Ints,
    chosen: Ints,
    n_annotators: int,
    n_classes: int,
) -> ErrorShare | None:
    """The estimated error of ``chosen`` (n_items,), whichever rule chose it.

    ``item``, ``annotator``, ``label``: as for ``Classification.fit``. None where no item has two
    answers: one answer alone says nothing about its own error.
    """
    everything = Answers.of(item, annotator, label, len(chosen), n_annotators, n_classes)
    rows = thinned(np.flatnonzero(everything.n_answers > 1), _MAX_ITEMS)
    if not rows.size:
        return None
    answers = everything.at_items(rows)
    fitted = HierarchicalDawidSkene(strength=_ONE_ACCURACY).fit_predict(
        answers.item,
        answers.annotator,
        answers.label,
        answers.n_items,
        n_annotators,
        n_classes,
    )
    posterior = e_step(answers, fitted.annotators)
    picked = np.asarray(chosen, np.int64)[rows]
    share = float(np.mean(1 - posterior[np.arange(rows.size), picked]))
    variance = _variance(answers, fitted.annotators, posterior, picked)
    return _with_interval(share, variance, rows.size)


def _variance(
    answers: Answers, annotators: AnnotatorParameters, posterior: Floats, picked: Codes
) -> float:
    """The variance of the mean error, since accuracies are known only so well (delta method)."""

    def by_annotator(weight: Floats) -> Floats:
        counted = np.bincount(answers.annotator, weight, minlength=answers.n_annotators)
        return counted.astype(np.float64)

    n = answers.by_annotator
    right = posterior[answers.item, answers.label]
    overall = (right.sum() + 6) / (n.sum() + 8)
    accuracy = (by_annotator(right) + _SHRINKAGE * overall) / (n + _SHRINKAGE)
    # What the answers say about the logit of an accuracy, less what nobody knows since the truth
    # is hidden (Louis 1982).
    known = n * accuracy * (1 - accuracy) - by_annotator(right * (1 - right))
    information = np.maximum(known, 0) + _SHRINKAGE * accuracy * (1 - accuracy)
    # How an item's chance to be right moves with the logit of one annotator's accuracy.
    pull = -annotators.right[answers.annotator]
    each = np.arange(len(answers.item))
    pull[each, answers.label] += 1
    mean_pull = np.einsum("jt,jt->j", posterior[answers.item], pull)
    chosen = picked[answers.item]
    slope = posterior[answers.item, chosen] * (pull[each, chosen] - mean_pull)
    return float(np.sum((by_annotator(slope) / answers.n_items) ** 2 / information))


def _with_interval(share: float, variance: float, n_items: int) -> ErrorShare:
    """The interval for the share of these items: what is not known, and chance."""
    mean = min(max(share, _TINY), 1 - _TINY)
    spread = variance + mean * (1 - mean) / n_items
    weight = max(mean * (1 - mean) / spread - 1, _TINY)
    tails = [(1 - _COVERAGE) / 2, (1 + _COVERAGE) / 2]
    low, high = betaincinv(mean * weight, (1 - mean) * weight, tails) * n_items
    # Outwards to whole items: of 200 labels none may be wrong, or one, but not a half.
    return ErrorShare(share, float(np.floor(low)) / n_items, float(np.ceil(high)) / n_items)
