"""What every algorithm for rankings shares: annotators weighed by how they order pairs.

An order is the less likely the more pairs of it stand the wrong way round, by a factor of each
annotator's own for every pair (C. L. Mallows, "Non-Null Ranking Models", 1957,
doi:10.1093/biomet/44.1-2.114): so what an order is worth is a sum over pairs. The chances of orders
and the annotators are found in turn (expectation maximisation), then the algorithm orders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import permutations
from types import MappingProxyType
from typing import Self

import numpy as np
from scipy.special import expit, softmax

from surelabel.consolidation.checked import Codes, Floats, aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.preferences.rankings import (
    RankingAnnotators,
    RankingAnswers,
    RankingResult,
)

# So many options have all their orders compared (5,040 orders of 7).
EXACT = 7
# Pseudo-pairs behind an annotator, and right and wrong ones behind all.
_PAIRS, _RIGHT, _WRONG = 10.0, 4.0, 1.0
_LEAST, _MOST = 0.5, 0.98
_CHUNK = 2_000_000
# Log odds of a pair whose order is known.
_CERTAIN = 50.0
# Logs of Mallows' factor among which an annotator's is found.
_FACTORS = np.concatenate(([1e-6], np.geomspace(1e-3, 6.0, 200)))


class Ranking(Fitted, ABC):
    """An algorithm for orders of several options. ``fit`` leaves the result in ``result_``."""

    result_: RankingResult
    max_iter = 50
    tol = 1e-3

    @abstractmethod
    def _scores(self, answers: RankingAnswers, weight: Floats) -> Floats:
        """(all options,): higher is better; ``weight``: (n_answers,), ``dispersion``."""

    def fit(
        self,
        answers: RankingAnswers,
        *,
        frozen_annotators: RankingAnnotators | None = None,
        gold: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> Self:
        """Order every item's options.

        Ties: by Borda's score, then the option of the lower code. ``frozen_annotators``: learn
        nothing about annotators. ``gold``: all options of an item from the best on, where that
        order is known; it stands, and annotators are judged by it. ValueError for annotators that
        are not aligned with the codes, for gold that does not order all options of an item, and
        for parameters out of range.
        """
        self.check_parameters()
        if frozen_annotators is not None:
            instance("frozen_annotators", frozen_annotators, RankingAnnotators)
            aligned(len(frozen_annotators.accuracy), answers.n_annotators)
        annotators = frozen_annotators or _unknown(answers)
        known = {item: _places_of(answers, item, order) for item, order in gold.items()}
        size = np.bincount(answers.answer, minlength=len(answers.item))
        n_iter, converged = 0, frozen_annotators is not None
        weight = dispersion(annotators.accuracy[answers.annotator], size)
        while n_iter < self.max_iter and not converged:
            n_iter += 1
            before = annotators.accuracy
            annotators = _judged(answers, _held(margins(answers, weight), known))
            weight = dispersion(annotators.accuracy[answers.annotator], size)
            converged = bool(np.abs(annotators.accuracy - before).max(initial=0.0) < self.tol)
        score = self._scores(answers, weight)
        places = _places(answers, score, borda(answers, weight))
        for each, place in known.items():
            places[answers.first_option[each] + np.arange(len(place))] = place
        item = np.repeat(np.arange(answers.n_items), answers.n_options)
        order = np.lexsort((places, item))
        n_answers = np.bincount(answers.item, minlength=answers.n_items)
        chance = chance_of_order(answers, _held(margins(answers, weight), known), places)
        self.result_ = RankingResult(
            item=item,
            option=order - answers.first_option[item],
            score=score[order],
            confidence=np.where(n_answers > 0, chance, np.nan),
            n_answers=n_answers,
            annotators=annotators,
            n_iter=n_iter,
            converged=converged,
        )
        return self

    def fit_predict(
        self,
        answers: RankingAnswers,
        *,
        frozen_annotators: RankingAnnotators | None = None,
        gold: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> RankingResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def annotators_(self) -> RankingAnnotators:
        """How well each annotator orders two options."""
        return self.result_.annotators


def dispersion(accuracy: Floats, size: Codes) -> Floats:
    """(n_answers,): log of Mallows' factor, for a share of right pairs and a number of options.

    Pairs of one order are not independent, so it is less than the log odds of a right pair.
    """
    wrong = 1 - np.clip(accuracy, _LEAST, _MOST)
    found = np.zeros(len(size))
    for m in np.unique(size[size > 1]).tolist():
        own = size == m
        found[own] = np.interp(wrong[own], _wrong_share(m), _FACTORS[::-1])
    return found


@cache
def _wrong_share(m: int) -> Floats:
    """Expected share of wrong pairs in an order of m, for each of ``_FACTORS`` from the last on."""
    j = np.arange(1, m + 1)[:, None]
    each = j * np.exp(-j * _FACTORS) / -np.expm1(-j * _FACTORS)
    wrong = m * each[0] - each.sum(axis=0)
    return np.asarray(wrong[::-1] / (m * (m - 1) / 2))


def margins(answers: RankingAnswers, weight: Floats) -> dict[int, tuple[Codes, Floats]]:
    """By number of options m: the items, and (items, m, m) log odds that row is before column."""
    pairs = answers.pairs
    item = answers.item[pairs.answer]
    gain = weight[pairs.answer] * pairs.sign
    found: dict[int, tuple[Codes, Floats]] = {}
    for m in np.unique(answers.n_options[answers.n_options > 1]).tolist():
        items = np.flatnonzero(answers.n_options == m)
        place = np.full(answers.n_items, -1)
        place[items] = np.arange(len(items))
        own = place[item] >= 0
        cell = (place[item[own]] * m + pairs.one[own]) * m + pairs.other[own]
        upper = np.bincount(cell, gain[own], len(items) * m * m).reshape(-1, m, m)
        found[m] = (items.astype(np.int64), np.asarray(upper - upper.transpose(0, 2, 1)))
    return found


def borda(answers: RankingAnswers, weight: Floats) -> Floats:
    """(all options,): mean share of the other ranked options that an option is before.

    1 where it is always first, 0 always last, 1/2 where nobody ranked it. Answers weigh ``weight``.
    """
    pairs = answers.pairs
    n = int(answers.n_options.sum())
    start = answers.first_option[answers.item[pairs.answer]]
    ranked = np.bincount(answers.answer, minlength=len(answers.item))
    # Each answer counts as one however many options it ranks.
    own = np.maximum(weight, 1e-6)[pairs.answer] / np.maximum(ranked - 1, 1)[pairs.answer]
    won = np.bincount(start + pairs.one, own * (1 + pairs.sign) / 2, n)
    won += np.bincount(start + pairs.other, own * (1 - pairs.sign) / 2, n)
    total = np.bincount(start + pairs.one, own, n) + np.bincount(start + pairs.other, own, n)
    return np.asarray(np.divide(won, total, out=np.full(n, 0.5), where=total > 0))


@lru_cache(maxsize=EXACT + 1)
def orders(m: int) -> tuple[Codes, Floats]:
    """All m! orders, (m!, m) options from the best on, and (m!, m * m): 1/2 at (before, after).

    Half, since ``margins`` has every pair twice.
    """
    all_ = np.array(list(permutations(range(m))), np.int64).reshape(-1, m)
    place = np.argsort(all_, axis=1)
    before = np.sign(place[:, None, :] - place[:, :, None]) / 4.0
    return all_, np.ascontiguousarray(before.reshape(len(all_), m * m))


def chance_of_order(
    answers: RankingAnswers, margin: dict[int, tuple[Codes, Floats]], places: Codes
) -> Floats:
    """(n_items,): chance of the order that ``places`` gives, among all orders.

    Above 7 options: the product over neighbours, which does not know the others; so it is at most
    roughly right.
    """
    found = np.ones(answers.n_items)
    for m, (items, matrix) in margin.items():
        own = places[answers.first_option[items][:, None] + np.arange(m)]
        if m <= EXACT:
            _, before = orders(m)
            sign = np.sign(own[:, None, :] - own[:, :, None]) / 4.0
            mine = (matrix * sign).sum(axis=(1, 2))
            for start in range(0, len(items), max(_CHUNK // len(before), 1)):
                rows = slice(start, start + max(_CHUNK // len(before), 1))
                worth = matrix[rows].reshape(-1, m * m) @ before.T
                total = np.logaddexp.reduce(worth, axis=1)
                found[items[rows]] = np.exp(mine[rows] - total)
        else:
            order = np.argsort(own, axis=1)
            row = np.arange(len(items))[:, None]
            found[items] = expit(matrix[row, order[:, :-1], order[:, 1:]]).prod(axis=1)
    return found


def _places(answers: RankingAnswers, score: Floats, second: Floats) -> Codes:
    """(all options,): the place of each within its item, from 0."""
    item = np.repeat(np.arange(answers.n_items), answers.n_options)
    # Rounded, so that equal sums added in another order are still a tie.
    order = np.lexsort((np.round(-second, 9), np.round(-score, 9), item))
    places = np.empty(len(item), np.int64)
    places[order] = np.arange(len(item)) - answers.first_option[item]
    return places


def _chances(matrix: Floats) -> Floats:
    """(items, m, m): chance that row is before column, among all orders.

    Above 7 options: by this pair's own margin alone.
    """
    m = matrix.shape[1]
    if m > EXACT:
        return np.asarray(expit(matrix))
    _, before = orders(m)
    found = np.empty((len(matrix), m * m))
    step = max(_CHUNK // len(before), 1)
    for start in range(0, len(matrix), step):
        rows = slice(start, start + step)
        # Signs are of a quarter, so that twice their mean and a half is a chance.
        worth = softmax(matrix[rows].reshape(-1, m * m) @ before.T, axis=1)
        found[rows] = 0.5 + 2 * (worth @ before)
    return found.reshape(-1, m, m)


def _judged(answers: RankingAnswers, margin: dict[int, tuple[Codes, Floats]]) -> RankingAnnotators:
    """Annotators against the chances of all orders."""
    pairs = answers.pairs
    item = answers.item[pairs.answer]
    chance = np.full(len(item), 0.5)
    for items, matrix in margin.values():
        place = np.full(answers.n_items, -1)
        place[items] = np.arange(len(items))
        own = place[item] >= 0
        chance[own] = _chances(matrix)[place[item[own]], pairs.one[own], pairs.other[own]]
    right = 0.5 + pairs.sign * (chance - 0.5)
    annotator = answers.annotator[pairs.answer]
    n = answers.n_annotators
    average = (right.sum() + _RIGHT) / (len(right) + _RIGHT + _WRONG)
    accuracy = (np.bincount(annotator, right, n) + _PAIRS * average) / (
        np.bincount(annotator, minlength=n) + _PAIRS
    )
    return RankingAnnotators(accuracy, np.bincount(answers.annotator, minlength=n), float(average))


def _places_of(answers: RankingAnswers, item: int, order: Sequence[int]) -> Codes:
    """(m,): the place of each option of an item whose order is known."""
    if not 0 <= item < answers.n_items or sorted(order) != list(range(answers.n_options[item])):
        raise ValueError(
            f"gold must order all options of an item in 0 .. {answers.n_items - 1}; got "
            f"{list(order)} for item {item}."
        )
    return np.argsort(np.asarray(order, np.int64))


def _held(
    margin: dict[int, tuple[Codes, Floats]], known: Mapping[int, Codes]
) -> dict[int, tuple[Codes, Floats]]:
    """The margins, so wide where the order is known that no other has a chance."""
    if not known:
        return margin
    found = {}
    for m, (items, matrix) in margin.items():
        held = matrix.copy()
        for row, item in enumerate(items.tolist()):
            if item in known:
                held[row] = _CERTAIN * np.sign(known[item][None, :] - known[item][:, None])
        found[m] = (items, held)
    return found


def _unknown(answers: RankingAnswers) -> RankingAnnotators:
    average = _RIGHT / (_RIGHT + _WRONG)
    return RankingAnnotators(
        np.full(answers.n_annotators, average),
        np.bincount(answers.annotator, minlength=answers.n_annotators),
        average,
    )
