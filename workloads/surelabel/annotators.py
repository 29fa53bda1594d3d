"""How good each annotator is, and who answers without looking or copies; nothing is deleted.

Everything is said beside the answers, and the consolidation weighs them anyway; a flag is a reason
for a person to look, with the figures behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from surelabel.collusion import Pair, independent_voices
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.result import ConsolidationResult, Floats

# The interval of the accuracy, and the bound that flags an outlier.
_INSIDE = 0.95
# Below this score an annotator's answers say next to nothing of the truth (Raykar & Yu 2012).
_SPAM_SCORE = 0.05
# With fewer answers nobody is flagged.
LEAST_ANSWERS = 10
# A crowd of equals has a deviation of nearly 0, and nobody in it is an outlier.
LEAST_DEVIATION = 0.02
# Share of the median time of all below which answers are given without looking.
_HASTE = 0.25


@dataclass(frozen=True)
class AnnotatorQuality:
    """One annotator.

    ``accuracy`` with its interval (95 %): of the answers to gold items where there are as many as
    10, else the share of answers that are right by the posterior of their items without this
    annotator's own word, nor that of a colluder; nan without an answer that can be judged.
    ``agreement``: with the majority. ``spam_score``: 0 for answers that do not depend on the
    truth, 1 for certainty. ``bias``: (n_classes,), how much more often each class is answered than
    it is true of the same items. ``confusion``: as in ``AnnotatorParameters``, this annotator's,
    (n_classes, n_classes), or (1, 1). ``seconds``: median time of an answer, nan if not known.
    ``flags``: Spam, Outlier, Haste, Collusion, in this order.
    """

    name: str
    n_answers: int
    n_gold: int
    accuracy: float
    low: float
    high: float
    agreement: float
    spam_score: float
    confusion: Floats
    bias: Floats
    seconds: float = float("nan")
    flags: tuple[str, ...] = ()
    # With whom answers agree more than two people who look would.
    colluders: tuple[str, ...] = field(default=())


def annotator_quality(
    answers: Answers,
    result: ConsolidationResult,
    *,
    gold: ArrayLike | None = None,
    seconds: ArrayLike | None = None,
) -> list[AnnotatorQuality]:
    """Every annotator of ``answers``, in the order of their codes.

    ``result``: these answers' consolidation. ``gold``: (n_items,), the known label or -1.
    ``seconds``: (n_annotations,), the time of each of ``answers``' answers, nan if not known.
    ValueError for seconds of another shape, and for gold labels out of range.
    """
    rows, known = answers.gold_rows(gold)
    n = answers.n_annotators
    truth = np.full(answers.n_items, -1, np.int64)
    truth[rows] = known
    voices = independent_voices(answers, result, truth)
    right = voices.chance_right(answers)
    judged = ~np.isnan(right)
    good = np.bincount(answers.annotator[judged], right[judged], minlength=n).astype(float)
    weight = _count(answers.annotator[judged], n)
    gold_good, gold_weight = _on_gold(answers, truth)
    enough = gold_weight >= LEAST_ANSWERS
    good, weight = np.where(enough, gold_good, good), np.where(enough, gold_weight, weight)
    low, high = share_interval(good, weight)
    score = spam_scores(result.annotators.confusion, answers.n_classes)
    times = _median_seconds(answers, seconds)
    names = result.annotators.names or tuple(str(code) for code in range(n))
    spam, outlier, haste = _flags(answers, result, score, times)
    found = []
    for code in range(n):
        others = _others(code, voices.pairs)
        flags = {
            "Spam": spam[code], "Outlier": outlier[code], "Haste": haste[code],
            "Collusion": bool(others),
        }  # fmt: skip
        found.append(
            AnnotatorQuality(
                name=names[code],
                n_answers=int(answers.by_annotator[code]),
                n_gold=int(gold_weight[code]),
                accuracy=float(good[code] / weight[code]) if weight[code] else float("nan"),
                low=float(low[code]),
                high=float(high[code]),
                agreement=float(answers.majority_agreement[code]),
                spam_score=float(score[code]),
                confusion=result.annotators.confusion[code],
                bias=_bias(answers, result, code),
                seconds=float(times[code]),
                flags=tuple(name for name, there in flags.items() if there),
                colluders=tuple(names[other] for other in others),
            )
        )
    return found


def spam_scores(confusion: Floats, n_classes: int | None = None) -> Floats:
    """(n_annotators,): 0 where answers do not depend on the truth, 1 where they never err.

    V. C. Raykar and S. Yu, "Eliminating Spammers and Ranking Annotators for Crowdsourced Labeling
    Tasks", Journal of Machine Learning Research 13 (2012): the squared distance of the confusion
    matrix from one with equal rows, over its greatest value. 1 for a single class. ``n_classes``
    where ``confusion`` is (n_annotators, 1, 1): one accuracy for all classes.
    """
    k = confusion.shape[1]
    if (n_classes or k) == 1:
        return np.ones(len(confusion))
    if n_classes is not None and k == 1:
        right = confusion[:, 0, 0]
        return np.asarray((right - (1 - right) / (n_classes - 1)) ** 2)
    off = confusion - confusion.mean(axis=1, keepdims=True)
    score: Floats = (off**2).sum(axis=(1, 2)) / (k - 1)
    return score


def _on_gold(answers: Answers, truth: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Right answers to gold items, and all of them, by annotator."""
    of_item = truth[answers.item]
    there = of_item >= 0
    right = (answers.label == of_item)[there].astype(float)
    n = answers.n_annotators
    good = np.bincount(answers.annotator[there], right, minlength=n).astype(float)
    return good, _count(answers.annotator[there], n)


def _count(annotator: NDArray[np.int64], n: int) -> Floats:
    return np.asarray(np.bincount(annotator, minlength=n), dtype=np.float64)


def share_interval(good: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Low and high ends of Jeffreys' interval (95 %) of a share: (n,) each.

    ``good``, ``weight``: (n,), how many are right, and of how many; 0 of 0 has all of 0 to 1.
    """
    tail = (1 - _INSIDE) / 2
    a, b = good + 0.5, weight - good + 0.5
    low = np.where(good > 0, beta.ppf(tail, a, b), 0.0)
    return low, np.where(good < weight, beta.ppf(1 - tail, a, b), 1.0)


def _flags(
    answers: Answers, result: ConsolidationResult, score: Floats, times: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Spam, outlier, haste: (n_annotators,) each."""
    enough = answers.by_annotator >= LEAST_ANSWERS
    spam = enough & (score < _SPAM_SCORE)
    agreement = np.nan_to_num(answers.majority_agreement)
    agreed = agreement * answers.by_annotator
    _, high = share_interval(agreed, answers.by_annotator.astype(np.float64))
    outlier = np.zeros(len(enough), bool)
    if enough.any():
        middle = np.median(agreement[enough])
        deviation = 1.4826 * np.median(np.abs(agreement[enough] - middle))
        chance = float((result.annotators.prior**2).sum())
        limit = max(chance, float(middle) - 3 * max(deviation, LEAST_DEVIATION))
        outlier = enough & (high < limit)
    return spam, outlier, is_hasty(times, answers.by_annotator)


def median_seconds(annotator: ArrayLike, seconds: ArrayLike, n_annotators: int) -> Floats:
    """(n_annotators,): the median time of an annotator's answers; nan where none is known.

    ``annotator``, ``seconds``: (n_answers,) each; nan where a time is not known.
    """
    who, given = np.asarray(annotator, dtype=np.int64), np.asarray(seconds, dtype=float)
    who, given = who[~np.isnan(given)], given[~np.isnan(given)]
    # Sorted once, since a look at all answers for each annotator takes minutes in a large crowd.
    order = np.argsort(who, kind="stable")
    there, starts = np.unique(who[order], return_index=True)
    times = np.full(n_annotators, np.nan)
    for code, own in zip(there, np.split(given[order], starts[1:]), strict=False):
        times[code] = np.median(own)
    return times


def is_hasty(times: Floats, n_answers: ArrayLike) -> NDArray[np.bool_]:
    """(n_annotators,): a median time below a quarter of the usual one, with 10 answers or more.

    ``times``: (n_annotators,), the median time of each, nan if not known; usual is their median.
    ``n_answers``: (n_annotators,), how many each has given.
    """
    enough = np.asarray(n_answers) >= LEAST_ANSWERS
    known = times[enough & ~np.isnan(times)]
    usual = float(np.median(known)) if known.size else 0.0
    return np.asarray(enough & (np.nan_to_num(times, nan=np.inf) < _HASTE * usual))


def _median_seconds(answers: Answers, seconds: ArrayLike | None) -> Floats:
    if seconds is None:
        return np.full(answers.n_annotators, np.nan)
    given = np.asarray(seconds, dtype=float)
    if given.shape != answers.item.shape:
        raise ValueError(
            f"seconds must have shape {answers.item.shape} (n_annotations,); got {given.shape}."
        )
    return median_seconds(answers.annotator, given, answers.n_annotators)


def _bias(answers: Answers, result: ConsolidationResult, code: int) -> Floats:
    own = answers.annotator == code
    if not own.any():
        return np.zeros(answers.n_classes)
    answered = np.bincount(answers.label[own], minlength=answers.n_classes) / own.sum()
    bias: Floats = answered - result.posterior[answers.item[own]].mean(axis=0)
    return bias


def _others(code: int, pairs: list[Pair]) -> list[int]:
    return sorted(
        pair.second if pair.first == code else pair.first
        for pair in pairs
        if code in (pair.first, pair.second)
    )
