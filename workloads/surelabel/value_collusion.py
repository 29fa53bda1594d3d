"""Pairs of annotators whose answers are nearer to each other than the crowd's nearness explains.

For labels that are no classes there is no chance of a right answer, only distances. Two who look
are as near to each other as the product of how near each is to everybody (beyond chance), since
what they have in common is the truth; who copies is nearer than that, up to equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from surelabel.tasks.valued import ValueAnswers, ValueTask

Floats = NDArray[np.float64]

# Items that two must have in common to be compared, and so many of them at most, evenly spread.
_LEAST_COMMON, _MOST_COMMON = 20, 200
# Chance of any false suspicion in a crowd without colluders, and the part of what usually
# separates two that must be missing.
_RISK, _LEAST_SHARE = 0.01, 0.5
_FEW_PAIRS = 5
# Answers to different items, for what chance would give; rounds until the nearness stands.
_BY_CHANCE, _ROUNDS = 500, 20
_LEAST_NEARNESS = 0.05


@dataclass(frozen=True)
class NearPair:
    """Two annotators (codes, ``first`` < ``second``): ``nearness`` is the mean of 1 less their
    disagreement on ``common`` items, ``expected`` what it should be."""

    first: int
    second: int
    common: int
    nearness: float
    expected: float


def near_pairs(task: ValueTask[Any], answers: ValueAnswers[Any]) -> list[NearPair]:
    """All pairs above the limit, the most striking first; ties by code.

    ``task``: as ``ValueTask.measured_on`` has it for the answers.
    """
    first, second, items = _common_items(answers)
    if not len(first):
        return []
    nearness = _nearness(task, answers, list(zip(first, second, items, strict=True)))
    mean = np.array([each.mean() for each in nearness])
    chance = _by_chance(task, answers)
    if chance >= 1:
        return []
    expected = _expected(first, second, (mean - chance) / (1 - chance), answers.n_annotators)
    expected = chance + (1 - chance) * expected
    # The spread of all pairs, since that of a copy is 0.
    spread = float(np.median([each.std() for each in nearness]))
    count = np.array([len(each) for each in nearness])
    error = np.maximum(spread, 1 / np.sqrt(count)) * np.sqrt(2 / count)
    beyond = (mean - expected) / error
    share = (mean - expected) / np.maximum(1 - expected, 1e-9)
    if len(first) > _FEW_PAIRS:
        beyond = beyond - max(np.median(beyond), 0)
    striking = (beyond > norm.isf(_RISK / len(first))) & (share > _LEAST_SHARE)
    return [
        NearPair(
            int(first[place]), int(second[place]), len(items[place]),
            float(mean[place]), float(expected[place]),
        )
        for place in np.argsort(-beyond, kind="stable")
        if striking[place]
    ]  # fmt: skip


def _common_items(
    answers: ValueAnswers[Any],
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int64]]]:
    """Pairs with enough in common, and the items on which each is compared."""
    there = sparse.csc_matrix(
        (np.ones(len(answers.item)), (answers.item, answers.annotator)),
        shape=(answers.n_items, answers.n_annotators),
    )
    common = sparse.triu(there.T @ there, k=1).tocoo()
    kept = np.flatnonzero(common.data >= _LEAST_COMMON)
    kept = kept[np.lexsort((common.col[kept], common.row[kept]))]
    first, second = common.row[kept].astype(np.int64), common.col[kept].astype(np.int64)
    items = []
    for one, other in zip(first, second, strict=True):
        own, his = (
            there.indices[there.indptr[who] : there.indptr[who + 1]] for who in (one, other)
        )
        both = np.intersect1d(own, his, assume_unique=True)
        place = np.linspace(0, len(both) - 1, min(len(both), _MOST_COMMON)).astype(np.int64)
        items.append(both[place].astype(np.int64))
    return first, second, items


def _nearness(
    task: ValueTask[Any],
    answers: ValueAnswers[Any],
    pairs: list[tuple[Any, Any, NDArray[np.int64]]],
) -> list[Floats]:
    """Of each pair, on each of its items; item by item, since values may be slow to decode."""
    wanted: dict[int, list[int]] = {}
    for number, (_, _, items) in enumerate(pairs):
        for item in items.tolist():
            wanted.setdefault(item, []).append(number)
    found: list[list[float]] = [[] for _ in pairs]
    for item, rows in answers.by_item():
        if item not in wanted:
            continue
        said = {answers.annotator[row]: answers.value[row] for row in rows}
        for number in wanted[item]:
            one, other, _ = pairs[number]
            found[number].append(1 - task.disagreement(said[one], said[other]))
    return [np.array(each) for each in found]


def _by_chance(task: ValueTask[Any], answers: ValueAnswers[Any]) -> float:
    """The mean nearness of answers to different items; 1 where there is only one item."""
    rows = np.random.default_rng(0).permutation(len(answers.item))[: _BY_CHANCE + 1].tolist()
    near = [
        1 - task.disagreement(answers.value[one], answers.value[other])
        for one, other in pairwise(rows)
        if answers.item[one] != answers.item[other]
    ]
    return float(np.mean(near)) if near else 1.0


def _expected(
    first: NDArray[np.int64], second: NDArray[np.int64], nearness: Floats, n_annotators: int
) -> Floats:
    """(n_pairs,): the product of how near the two are to everybody, in medians.

    Medians, so that a copy does not make its source look near to all.
    """
    places = [np.flatnonzero((first == who) | (second == who)) for who in range(n_annotators)]
    partners = [first[place] + second[place] - who for who, place in enumerate(places)]
    own = np.full(n_annotators, np.sqrt(max(float(np.median(nearness)), _LEAST_NEARNESS)))
    for _ in range(_ROUNDS):
        told = [
            float(np.median(nearness[place] / own[others])) if len(place) else own[who]
            for who, (place, others) in enumerate(zip(places, partners, strict=True))
        ]
        # Half way, since two who only know each other would swap their figures for ever.
        own = (own + np.clip(told, _LEAST_NEARNESS, 1.0)) / 2
    return np.asarray(own[first] * own[second])
