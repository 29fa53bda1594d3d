"""How good each annotator is whose answers are no classes; nothing is deleted.

All by the task type's own distance: how near an answer is to the truth where it is known, else to
the label that the others' answers alone make of the item. A flag is a reason for a person to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.annotators import LEAST_ANSWERS, LEAST_DEVIATION, share_interval
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import Fit, OnDemand, ValueAnswers, ValueTask
from surelabel.value_collusion import near_pairs

Floats = NDArray[np.float64]

# One answer among more than these hardly moves a label, which then stands for that of the others.
_MOST_ANSWERS = 10
# Below this score, and beyond the standard errors below the usual one, answers look blind.
_SPAM_SCORE, _ERRORS = 0.1, 2.0


@dataclass(frozen=True)
class ValueQuality:
    """One annotator.

    ``accuracy`` with its interval (95 %): the mean of 1 less the disagreement with what is known of
    gold items where there are 10 answers or more to them, else with the labels that the others make
    (and what is known); nan without an answer that can be judged. ``spam_score``: 0 for answers
    that are no nearer to the labels of their items than to those of other items, 1 for answers
    equal to them; nan where all labels are alike. ``flags``: Spam, Outlier, Collusion, in this
    order. ``colluders``: codes.
    """

    n_answers: int
    n_gold: int
    accuracy: float
    low: float
    high: float
    spam_score: float
    flags: tuple[str, ...]
    colluders: tuple[int, ...]


def quality_of_people(
    task: ValueTask[Any],
    answers: ValueAnswers[Any],
    labels: Mapping[int, Consolidated[Any]],
    method: str = "Auto",
) -> list[ValueQuality]:
    """(n_annotators): every annotator of the answers, in the order of their codes.

    ``labels``: by item, these answers' consolidation by ``method``.
    """
    measured = task.measured_on(answers.value)
    near, by_chance = _nearness(task, measured, answers, labels, method)
    known = np.array([item in answers.gold for item in answers.item], bool)
    who = np.array(answers.annotator, np.int64)
    pairs = near_pairs(measured, answers)
    found = []
    for code in range(answers.n_annotators):
        own = who == code
        judged = own & ~np.isnan(near)
        counted = own & known if (own & known).sum() >= LEAST_ANSWERS else judged
        accuracy, low, high = _mean(near[counted])
        score, error = _score(near[judged], by_chance[judged])
        others = sorted(
            pair.second if pair.first == code else pair.first
            for pair in pairs
            if code in (pair.first, pair.second)
        )
        quality = ValueQuality(
            n_answers=int(own.sum()),
            n_gold=int((own & known).sum()),
            accuracy=accuracy,
            low=low,
            high=high,
            spam_score=score,
            flags=(),
            colluders=tuple(others),
        )
        found.append((quality, error))
    spam, outlier = _spam(found), _outliers([quality for quality, _ in found])
    return [
        replace(quality, flags=_names(Spam=spam[code], Outlier=outlier[code],
                                      Collusion=bool(quality.colluders)))
        for code, (quality, _) in enumerate(found)
    ]  # fmt: skip


def _names(**flags: bool) -> tuple[str, ...]:
    return tuple(name for name, there in flags.items() if there)


def _spam(found: list[tuple[ValueQuality, float]]) -> list[bool]:
    """Whose score is next to nothing, and surely below that of most."""
    scores = [each.spam_score for each, _ in found if each.n_answers >= LEAST_ANSWERS]
    usual = _median(scores)
    return [
        each.n_answers >= LEAST_ANSWERS
        and each.spam_score < _SPAM_SCORE
        and each.spam_score + _ERRORS * error < usual
        for each, error in found
    ]


def _outliers(found: list[ValueQuality]) -> list[bool]:
    """Who is surely further from the labels than three deviations of all.

    All but colluders, who are near to labels that they have made.
    """
    told = [
        each.accuracy for each in found if each.n_answers >= LEAST_ANSWERS and not each.colluders
    ]
    usual = _median(told)
    deviation = 1.4826 * _median([abs(each - usual) for each in told])
    limit = usual - 3 * max(deviation, LEAST_DEVIATION)
    return [each.n_answers >= LEAST_ANSWERS and each.high < limit for each in found]


def _median(numbers: list[float]) -> float:
    known = [each for each in numbers if not np.isnan(each)]
    return float(np.median(known)) if known else float("nan")


def _nearness(
    task: ValueTask[Any],
    measured: ValueTask[Any],
    answers: ValueAnswers[Any],
    labels: Mapping[int, Consolidated[Any]],
    method: str,
) -> tuple[Floats, Floats]:
    """(n_answers,) each: 1 less the disagreement with the label of the others, and with the label
    of another item, any one; nan without."""
    n = len(answers.item)
    near, by_chance = np.full(n, np.nan), np.full(n, np.nan)
    order = np.random.default_rng(0).permutation(sorted(labels)).tolist()
    another = dict(zip(order, [*order[1:], *order[:1]], strict=True))
    for row, label in _labels_of_others(task, answers, labels, method):
        value = answers.value[row]
        near[row] = 1 - measured.disagreement(value, label)
        elsewhere = labels[another[answers.item[row]]].value
        by_chance[row] = 1 - measured.disagreement(value, elsewhere)
    return near, by_chance


def _labels_of_others(
    task: ValueTask[Any],
    answers: ValueAnswers[Any],
    labels: Mapping[int, Consolidated[Any]],
    method: str,
) -> list[tuple[int, Any]]:
    """Rows and the label that each is measured by: what is known, or what all others make.

    One answer of every item is left out at a time, so that it takes as many consolidations as an
    item has answers, and not as many as there are annotators.
    """
    found: list[tuple[int, Any]] = []
    turns: dict[int, dict[int, int]] = {}
    for item, rows in answers.by_item():
        if item in answers.gold or len(rows) > _MOST_ANSWERS:
            found += [(row, labels[item].value) for row in rows]
        elif len(rows) > 1:
            for turn, row in enumerate(rows):
                turns.setdefault(turn, {})[item] = row
    for left_out in turns.values():
        rest = _without(answers, set(left_out.values()))
        for item, label in task.consolidate(rest, method):
            if item in left_out:
                found.append((left_out[item], label.value))
    return found


def _without(answers: ValueAnswers[Any], rows: set[int]) -> ValueAnswers[Any]:
    kept = [row for row in range(len(answers.item)) if row not in rows]
    return replace(
        answers,
        item=tuple(answers.item[row] for row in kept),
        annotator=tuple(answers.annotator[row] for row in kept),
        value=OnDemand(len(kept), lambda row: answers.value[kept[row]]),
        fit=Fit(),
    )


def _mean(near: Floats) -> tuple[float, float, float]:
    """The mean of numbers in [0, 1] with its interval, that of a share of as many answers as have
    this variance; nan without numbers."""
    if not len(near):
        return (float("nan"),) * 3
    mean = float(near.mean())
    n, variance = float(len(near)), float(near.var())
    # Numbers in between vary less than rights and wrongs; equal ones tell nothing of how much.
    worth = n * mean * (1 - mean) / variance if variance > 0 else n
    low, high = share_interval(np.array([mean * worth]), np.array([worth]))
    return mean, float(low[0]), float(high[0])


def _score(near: Floats, by_chance: Floats) -> tuple[float, float]:
    """How much of what chance leaves is reached, and its standard error; nan without answers."""
    if len(near) < 2 or by_chance.mean() >= 1:
        return float("nan"), float("nan")
    room = 1 - float(by_chance.mean())
    gained = near - by_chance
    return float(gained.mean()) / room, float(gained.std() / np.sqrt(len(near))) / room
