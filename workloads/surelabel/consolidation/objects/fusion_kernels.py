"""The loops of fusion in machine code, for large input; equal to NumPy's to rounding."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.fusion import (
    HUBER,
    LEAST_WEIGHT,
    MOST_SQUARE,
    Flags,
    Marks,
    Middle,
    Step,
)
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.groups import starts_of
from surelabel.consolidation.objects.threads import PARTS, in_parts, parts_of


def compiled_fusion(cluster: Codes, n: int) -> tuple[Step, Middle]:
    """``fusion.robust_step``, and ``groups.medians`` to the bit, for these clusters.

    A step overwrites the errors that it gave before.
    """
    starts = starts_of(cluster, n)
    member = _members(cluster, starts)
    longest = int(np.diff(starts).max(initial=0))
    bounds = parts_of(n)
    # Fresh memory for each step would cost more than a fifth of it.
    kept: list[Floats] = []

    def step(
        marks: Marks, trust: Floats, centre: Floats, telling: Flags
    ) -> tuple[Floats, Floats, Floats]:
        if not kept:
            kept.append(np.zeros(marks.values.shape))
        fused, (errors,) = np.empty_like(centre), kept
        squares = np.zeros((PARTS, len(trust)))

        def run(begin: int, end: int) -> None:
            for part in range(begin, end):
                here = slice(bounds[part], bounds[part + 1])
                _step(
                    marks.values,
                    marks.annotator,
                    marks.scale[here],
                    member,
                    starts[bounds[part] : bounds[part + 1] + 1],
                    trust,
                    centre[here],
                    telling,
                    longest,
                    fused[here],
                    squares[part],
                    errors,
                )

        in_parts(run, PARTS)
        return fused, squares.sum(axis=0), errors

    def middle(values: Floats, cluster: Codes, n: int) -> Floats:
        found = np.empty((n, values.shape[1]))

        def run(begin: int, end: int) -> None:
            _medians(values, member, starts[begin : end + 1], found[begin:end])

        in_parts(run, n)
        return found

    return step, middle


@compiled
def _members(cluster: Codes, starts: Codes) -> Codes:
    """The rows of each cluster, one after the other: a stable sort."""
    place = starts[:-1].copy()
    member = np.empty(len(cluster), np.int64)
    for row in range(len(cluster)):
        member[place[cluster[row]]] = row
        place[cluster[row]] += 1
    return member


@compiled
def _step(
    values: Floats,
    annotator: Codes,
    scale: Floats,
    member: Codes,
    starts: Codes,
    trust: Floats,
    centre: Floats,
    telling: Flags,
    longest: int,
    fused: Floats,
    squares: Floats,
    errors: Floats,
) -> None:
    worth, square = np.empty(longest), np.empty(longest)
    weight, away = np.empty(longest), np.empty(longest)
    n_values, n_scales = values.shape[1], scale.shape[1]
    for c in range(len(starts) - 1):
        begin, n = starts[c], starts[c + 1] - starts[c]
        for i in range(n):
            worth[i], square[i] = trust[annotator[member[begin + i]]], 0.0
        for k in range(n_values):
            middle, size = centre[c, k], scale[c, k % n_scales]
            reach = HUBER * size
            total = moved = 0.0
            for i in range(n):
                m = member[begin + i]
                away[i] = values[m, k] - middle
                # A choice of divisor, since half of the branches would be mispredicted.
                far = abs(away[i])
                weight[i] = worth[i] * (reach / (far if far > reach else reach))
                total += weight[i]
                moved += weight[i] * away[i]
            fused[c, k] = middle + moved / total
            least = LEAST_WEIGHT * total
            for i in range(n):
                m = member[begin + i]
                if not telling[m]:
                    continue
                others = total - weight[i]
                # Away from (moved - weight * away) / others, with one division.
                error = (away[i] * total - moved) / (others * size if others > least else np.inf)
                errors[m, k] = error
                square[i] += min(error * error, MOST_SQUARE)
        for i in range(n):
            squares[annotator[member[begin + i]]] += square[i] / n_values


@compiled
def _medians(values: Floats, member: Codes, starts: Codes, found: Floats) -> None:
    column = np.empty(np.diff(starts).max())
    for c in range(len(starts) - 1):
        begin, n = starts[c], starts[c + 1] - starts[c]
        for k in range(values.shape[1]):
            for i in range(n):
                column[i] = values[member[begin + i], k]
            # The smaller half to the front. Of a handful of numbers: choices without a branch,
            # half of which would be mispredicted, are the fastest way to sort them.
            for i in range(n // 2 + 1):
                for j in range(n - 1, i, -1):
                    one, other = column[j - 1], column[j]
                    column[j - 1] = one if one < other else other
                    column[j] = other if one < other else one
            found[c, k] = (column[(n - 1) // 2] + column[n // 2]) / 2
