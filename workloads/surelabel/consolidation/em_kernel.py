"""One pass of expectation maximisation over packed answers, compiled: E step and counts in one.

An item's posterior is made, compared, counted and forgotten while it is in the cache. Probabilities
are 32-bit numbers, right to about 1e-6: products, and only of items with many answers sums of logs,
whose exponentials cost more. They are counted in whole units of 2^-30, and whole numbers add up to
the same in any order: neither threads nor shards change a bit of the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.kernel_sum import UNITS

# Numba's arrays have no type that a checker knows.
Array = Any

# Items at a time, if their probabilities fit into the first cache together.
_ITEMS, _CELLS = 256, 1 << 12

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_UNITS = np.float32(UNITS)
# e^-80 is as good as nothing; far below, numbers become denormal and arithmetic ten times slower.
_LEAST = np.float32(-80)
# e^x = 2^n e^r with |r| <= log(2)/2, a polynomial in r (Cephes, by S. L. Moshier): off by 1e-7.
# The library's own exp is not vectorised.
_LOG2_E = np.float32(1.44269504088896341)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_C5, _C4 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3)
_C3, _C2 = np.float32(8.3334519073e-3), np.float32(4.1665795894e-2)
_C1, _C0 = np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)


@compiled
def count(
    start: Array,
    code: Array,
    gold: Array,
    now: Any,
    before: Any,
    posterior: Array,
    counts: Array,
    classes: Array,
    first: int,
    last: int,
) -> int:
    """Add items ``first`` to ``last - 1`` to ``counts`` and ``classes``; the greatest change.

    ``start``: (n_items + 1,), ``code``: (n_answers,) of ``PackedAnswers``. ``gold``: (n_items,),
    the known class or -1, or (0,). ``now``: ``Tables``. ``posterior``: (n_items, n_classes) int32,
    the one before; changed in place. If it has no rows, the one before is computed from ``before``,
    likewise. ``counts``: (n_annotators * n_classes, n_classes), ``classes``: (n_classes,), both
    int64. These three, and the change, are in units of 2^-30.
    """
    k = counts.shape[1]
    size = max(1, min(_ITEMS, _CELLS // k))
    rows, exponent = np.empty((size, k), np.float32), np.empty(size * k, np.int32)
    work, other = np.empty((size, k), np.int32), np.empty((size, k), np.int32)
    change = 0
    for begin in range(first, last, size):
        end = min(begin + size, last)
        new = work[: end - begin]
        _posterior(start, code, gold, now, rows, exponent, new, begin, end)
        if len(posterior):
            old = posterior[begin:end]
        else:
            old = other[: end - begin]
            _posterior(start, code, gold, before, rows, exponent, old, begin, end)
        change = max(change, _replace(old.reshape(-1), new.reshape(-1)))
        _add(start, code, gold, new, counts, classes, begin, end)
    return change


@compiled
def _posterior(
    start: Array,
    code: Array,
    gold: Array,
    tables: Any,
    work: Array,
    exponent: Array,
    units: Array,
    begin: int,
    end: int,
) -> None:
    rows = work[: end - begin]
    if len(tables.prior):
        _joint(start, code, tables, exponent, rows, begin, end)
        _normalise(rows)
    else:
        _vote_shares(start, code, rows, begin, end)
    if len(gold):
        for item in range(begin, end):
            if gold[item] >= 0:
                row = rows[item - begin]
                for t in range(len(row)):
                    row[t] = _ZERO
                row[gold[item]] = _ONE
    _round(rows.reshape(-1), units.reshape(-1))


@compiled
def _vote_shares(start: Array, code: Array, rows: Array, begin: int, end: int) -> None:
    k = rows.shape[1]
    for item in range(begin, end):
        row = rows[item - begin]
        n = start[item + 1] - start[item]
        for t in range(k):
            row[t] = _ZERO if n else _ONE / np.float32(k)
        for j in range(start[item], start[item + 1]):
            row[code[j] % k] += _ONE
        if n:
            for t in range(k):
                row[t] /= np.float32(n)


@compiled
def _joint(
    start: Array, code: Array, tables: Any, exponent: Array, rows: Array, begin: int, end: int
) -> None:
    """What is proportional to the posterior."""
    answer, prior = tables.answer, tables.prior
    for item in range(begin, end):
        row = rows[item - begin]
        if start[item + 1] - start[item] > tables.most:
            _by_logs(start, code, tables.log_answer, tables.log_prior, exponent, row, item)
            continue
        for t in range(len(row)):
            row[t] = prior[t]
        for j in range(start[item], start[item + 1]):
            chance = answer[code[j]]
            for t in range(len(row)):
                row[t] *= chance[t]


@compiled
def _by_logs(
    start: Array,
    code: Array,
    log_answer: Array,
    log_prior: Array,
    exponent: Array,
    row: Array,
    item: int,
) -> None:
    """The same of an item with so many answers that a product could come to nothing."""
    for t in range(len(row)):
        row[t] = log_prior[t]
    for j in range(start[item], start[item + 1]):
        answer = log_answer[code[j]]
        for t in range(len(row)):
            row[t] += answer[t]
    top = row[0]
    for t in range(1, len(row)):
        top = row[t] if row[t] > top else top
    for t in range(len(row)):
        row[t] -= top
    _exp(row, exponent, row.view(np.int32))


@compiled
def _exp(x: Array, exponent: Array, bits: Array) -> None:
    """e^x in place for x <= 0; ``bits`` is ``x`` seen as whole numbers."""
    for j in range(len(x)):
        value = x[j] if x[j] > _LEAST else _LEAST
        n = np.floor(value * _LOG2_E + _HALF)
        r = value - n * _LN2_HIGH
        r = r - n * _LN2_LOW
        y = ((((_C5 * r + _C4) * r + _C3) * r + _C2) * r + _C1) * r + _C0
        x[j] = y * (r * r) + r + _ONE
        # 2^n times: n is added to the exponent's bits.
        exponent[j] = np.int32(n) << 23
    for j in range(len(x)):
        bits[j] += exponent[j]


@compiled
def _normalise(rows: Array) -> None:
    for n in range(len(rows)):
        row = rows[n]
        total = _ZERO
        for t in range(len(row)):
            total += row[t]
        inverse = _ONE / total
        for t in range(len(row)):
            row[t] *= inverse


@compiled
def _replace(old: Array, new: Array) -> Any:
    """The greatest difference; ``old`` becomes ``new``."""
    change = np.int32(0)
    for j in range(len(new)):
        # Of whole numbers the greatest is found eight at a time, of fractions one by one.
        change = max(change, abs(new[j] - old[j]))
        old[j] = new[j]
    return change


@compiled
def _round(x: Array, units: Array) -> None:
    for j in range(len(x)):
        units[j] = np.int32(x[j] * _UNITS + _HALF)


@compiled
def _add(
    start: Array,
    code: Array,
    gold: Array,
    units: Array,
    counts: Array,
    classes: Array,
    begin: int,
    end: int,
) -> None:
    for item in range(begin, end):
        row = units[item - begin]
        # Items that nobody answered say nothing about how common a class is.
        if start[item] < start[item + 1] or (len(gold) and gold[item] >= 0):
            for t in range(len(row)):
                classes[t] += row[t]
        for j in range(start[item], start[item + 1]):
            cell = counts[code[j]]
            for t in range(len(row)):
                cell[t] += row[t]
