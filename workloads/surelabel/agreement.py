"""How far annotators agree beyond chance: Krippendorff's alpha, Fleiss' and Cohen's kappa.

Every figure comes with an interval by the percentile bootstrap over items, since answers to one
item are not independent. 1 is perfect agreement, 0 what chance alone would give, below 0 less than
that. An abstention (-1) is a missing answer, of an annotator's answers to one item the last counts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, starmap
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from surelabel.agreement_interval import Agreement, beyond_chance, with_interval
from surelabel.consolidation.answers import Answers

__all__ = [
    "Agreement",
    "alpha_by_distance",
    "alpha_of_annotator",
    "alpha_of_annotator_by_distance",
    "alpha_of_class",
    "cohen_kappa",
    "fleiss_kappa",
    "krippendorff_alpha",
]

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    answers: Answers,
    level: Level = "nominal",
    values: ArrayLike | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha, for any number of annotators and any answers missing.

    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). ``level``: "nominal"
    (classes), "ordinal" (classes in the order of their codes), "interval" (``values``,
    (n_classes,): the number of each class; the codes without them). ValueError for values of
    another shape or level, and for such that are not finite.
    """
    numbers = _values(level, values, answers.n_classes)
    units = _units(answers)
    size = np.asarray(units.sum(axis=1)).ravel()

    def alpha(weight: Floats) -> float:
        marginal = np.asarray(weight @ units).ravel()
        n = marginal.sum()
        if level == "nominal":
            within = size**2 - _squares(units)
            expected = n**2 - (marginal**2).sum()
        else:
            place = np.cumsum(marginal) - marginal / 2 if level == "ordinal" else numbers
            # Differences do not change; sums of squares of large numbers would lose digits.
            place = place - marginal @ place / n
            within = 2 * (size * (units @ place**2) - (units @ place) ** 2)
            expected = 2 * (n * (marginal @ place**2) - (marginal @ place) ** 2)
        observed = weight @ (within / (size - 1))
        return beyond_chance(observed / n, expected / (n * (n - 1)) if n > 1 else 0.0)

    return with_interval(alpha, units, draws, seed)


def alpha_by_distance(
    item: ArrayLike,
    distance: Callable[[int, int], float],
    *,
    max_pairs: int = 20_000,
    draws: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha of answers that are no classes: boxes, spans, masks, texts.

    ``item``: (n_answers,), coded from 0, one answer of each annotator to an item. ``distance`` of
    two answers by their rows: 0 for equal ones, symmetric. What chance would give is the mean
    distance of two answers to any items; above ``max_pairs`` pairs, of so many drawn ones.
    A. Braylan, O. Alonso and M. Lease, "Measuring Annotator Agreement Generally across Complex
    Structured, Multi-object, and Free-text Annotation Tasks", WWW 2022,
    doi:10.1145/3485447.3512242.
    """
    codes = np.asarray(item, dtype=np.int64)
    kept = np.flatnonzero(np.bincount(codes, minlength=1)[codes] > 1)
    _, unit, size = np.unique(codes[kept], return_inverse=True, return_counts=True)
    ordered = kept[np.argsort(unit, kind="stable")].tolist()
    ends = np.cumsum(size).tolist()
    # Each pair counts in both directions.
    within = np.array([
        2 * sum(starmap(distance, combinations(ordered[end - n : end], 2)))
        for end, n in zip(ends, size.tolist(), strict=True)
    ])  # fmt: skip
    first, second = _pairs(len(kept), max_pairs, seed)
    across = np.array(list(map(distance, kept[first].tolist(), kept[second].tolist())))

    def alpha(weight: Floats) -> float:
        observed = weight @ (within / (size - 1)) / (weight @ size)
        often = weight[unit[first]] * weight[unit[second]]
        expected = float(often @ across / often.sum()) if often.any() else 0.0
        return beyond_chance(float(observed), expected)

    return with_interval(alpha, sparse.csr_matrix(size[:, None]), draws, seed)


def fleiss_kappa(answers: Answers, *, draws: int = 1000, seed: int = 0) -> Agreement:
    """Fleiss' kappa; items may have different numbers of answers, two at least.

    J. L. Fleiss, "Measuring Nominal Scale Agreement Among Many Raters", Psychological Bulletin 76
    (1971), doi:10.1037/h0031619. Items count alike, and each class is as common as its answers.
    """
    units = _units(answers)
    size = np.asarray(units.sum(axis=1)).ravel()
    differing = 1 - (_squares(units) - size) / (size * (size - 1))

    def kappa(weight: Floats) -> float:
        marginal = np.asarray(weight @ units).ravel()
        share = marginal / marginal.sum()
        return beyond_chance(weight @ differing / weight.sum(), 1 - (share**2).sum())

    return with_interval(kappa, units, draws, seed)


def cohen_kappa(
    answers: Answers, first: int, second: int, *, draws: int = 1000, seed: int = 0
) -> Agreement:
    """Cohen's kappa of two annotators (codes), over the items that both answered.

    J. Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological
    Measurement 20 (1960), doi:10.1177/001316446002000104. ValueError for a code out of range.
    """
    k = answers.n_classes
    one, other = (_labels_of(answers, who) for who in (first, second))
    both = (one >= 0) & (other >= 0)
    pairs = sparse.csr_matrix(
        (np.ones(both.sum()), (np.arange(both.sum()), one[both] * k + other[both])),
        shape=(both.sum(), k * k),
    )

    def kappa(weight: Floats) -> float:
        table = np.asarray(weight @ pairs).reshape(k, k)
        n = table.sum()
        expected = (table.sum(axis=0) @ table.sum(axis=1)) / n**2
        return beyond_chance(1 - np.trace(table) / n, 1 - expected)

    return with_interval(kappa, pairs, draws, seed, answers_per_item=2)


def alpha_of_class(answers: Answers, label: int, *, draws: int = 1000, seed: int = 0) -> Agreement:
    """Nominal alpha of one class (a code) against all others: how far people agree what it is.

    ValueError for a code out of range.
    """
    if not 0 <= label < answers.n_classes:
        raise ValueError(f"label must lie in 0 .. {answers.n_classes - 1}; got {label}.")
    binary = Answers(
        answers.item,
        answers.annotator,
        (answers.label == label).astype(np.int64),
        answers.n_items,
        answers.n_annotators,
        2,
    )
    return krippendorff_alpha(binary, draws=draws, seed=seed)


def alpha_of_annotator(
    answers: Answers, annotator: int, *, draws: int = 1000, seed: int = 0
) -> Agreement:
    """Nominal alpha of one annotator (a code) with the others who answered the same items.

    Observed: disagreement of the annotator's answers with the others' of the same item, items
    alike. By chance: that of the annotator's answers with all others' of these items. ValueError
    for a code out of range.
    """
    units = _units(answers, at_least=1)
    kept = np.flatnonzero(np.bincount(answers.item, minlength=answers.n_items) >= 1)
    own = _labels_of(answers, annotator)[kept]
    size = np.asarray(units.sum(axis=1)).ravel()
    there = (own >= 0) & (size > 1)
    rows = np.flatnonzero(there)
    mine = sparse.csr_matrix(
        (np.ones(len(rows)), (np.arange(len(rows)), own[rows])), shape=(len(rows), units.shape[1])
    )
    others = units[rows] - mine
    # Shares, so that an item of many answers counts as one.
    others = sparse.diags(1 / (size[rows] - 1)) @ others
    agreeing = np.asarray(mine.multiply(others).sum(axis=1)).ravel()

    def alpha(weight: Floats) -> float:
        n = weight.sum()
        chance = (weight @ mine) @ (weight @ others) / n**2
        return beyond_chance(1 - weight @ agreeing / n, 1 - chance)

    return with_interval(alpha, mine, draws, seed, answers_per_item=2)


def alpha_of_annotator_by_distance(
    item: ArrayLike,
    annotator: ArrayLike,
    who: int,
    distance: Callable[[int, int], float],
    *,
    max_pairs: int = 20_000,
    draws: int = 1000,
    seed: int = 0,
) -> Agreement:
    """``alpha_of_annotator`` of answers that are no classes.

    ``item``, ``annotator``: (n_answers,), coded from 0, one answer of each annotator to an item;
    ``who``: the annotator's code; ``distance`` as for ``alpha_by_distance``. Above ``max_pairs``
    pairs chance is the mean of so many drawn ones. nan where nobody else answered the items.
    """
    items, people = np.asarray(item, dtype=np.int64), np.asarray(annotator, dtype=np.int64)
    rows_of_who = np.flatnonzero(people == who)
    own = dict(zip(items[rows_of_who].tolist(), rows_of_who.tolist(), strict=True))
    others: dict[int, list[int]] = {}
    for row in np.flatnonzero(people != who).tolist():
        if int(items[row]) in own:
            others.setdefault(int(items[row]), []).append(row)
    mine = [own[code] for code in others]
    theirs = [row for rows in others.values() for row in rows]
    size = np.array([len(rows) for rows in others.values()], np.int64)
    observed = np.array([
        sum(distance(own[code], row) for row in rows) / len(rows) for code, rows in others.items()
    ])  # fmt: skip
    first, second, unit = _across(size, max_pairs, seed)
    across = np.array([distance(mine[i], theirs[j]) for i, j in zip(first, second, strict=True)])
    # Items count alike, however many answered them; drawn pairs are drawn so.
    share = 1 / size[unit] if len(first) == len(mine) * len(theirs) else np.ones(len(first))

    def alpha(weight: Floats) -> float:
        often = weight[first] * weight[unit] * share
        expected = float(often @ across / often.sum()) if often.any() else 0.0
        return beyond_chance(float(weight @ observed / weight.sum()), expected)

    units = sparse.csr_matrix(np.ones((len(mine), 1)))
    return with_interval(alpha, units, draws, seed, answers_per_item=2)


def _pairs(n: int, most: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two different ones of ``n``: all pairs, or ``most`` drawn ones."""
    if n * (n - 1) // 2 <= most:
        first, second = np.triu_indices(n, 1)
        return first, second
    rng = np.random.default_rng((seed, n))
    first = rng.integers(n, size=most)
    return first, (first + rng.integers(1, n, size=most)) % n


def _across(
    size: NDArray[np.int64], most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of an item and one of all items' other answers (``size`` each), and that one's item.

    All of them, or ``most`` drawn ones, items alike.
    """
    n, unit = len(size), np.repeat(np.arange(len(size)), size)
    if n * len(unit) <= most:
        first, second = np.repeat(np.arange(n), len(unit)), np.tile(np.arange(len(unit)), n)
        return first, second, unit[second]
    rng = np.random.default_rng((seed, n))
    chosen = rng.integers(n, size=most)
    second = (np.cumsum(size) - size)[chosen] + rng.integers(size[chosen])
    return rng.integers(n, size=most), second, chosen


def _units(answers: Answers, at_least: int = 2) -> sparse.csr_matrix:
    """(items with ``at_least`` answers, n_classes): how many answered each class."""
    shape = (answers.n_items, answers.n_classes)
    ones = np.ones(len(answers.item))
    counts = sparse.csr_matrix((ones, (answers.item, answers.label)), shape=shape)
    return counts[np.flatnonzero(answers.n_answers >= at_least)]


def _squares(units: sparse.csr_matrix) -> Floats:
    return np.asarray(units.multiply(units).sum(axis=1)).ravel()


def _labels_of(answers: Answers, annotator: int) -> NDArray[np.int64]:
    """(n_items,): this annotator's label of each item, -1 without one."""
    if not 0 <= annotator < answers.n_annotators:
        raise ValueError(f"annotator must lie in 0 .. {answers.n_annotators - 1}; got {annotator}.")
    labels = np.full(answers.n_items, -1, np.int64)
    own = answers.annotator == annotator
    labels[answers.item[own]] = answers.label[own]
    return labels


def _values(level: Level, values: ArrayLike | None, n_classes: int) -> Floats:
    if level not in get_args(Level):
        names = ", ".join(f'"{name}"' for name in get_args(Level))
        raise ValueError(f"level must be one of {names}; got {level!r}. Take one of them.")
    if values is None:
        return np.arange(n_classes, dtype=float)
    if level != "interval":
        raise ValueError(f'values belong to level "interval"; got level "{level}".')
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (n_classes,):
        raise ValueError(f"values must have shape ({n_classes},); got {numbers.shape}.")
    if not np.isfinite(numbers).all():
        where = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise ValueError(f"values must be finite; got {numbers[where]} at position {where}.")
    return numbers
