"""The loops of fusion in machine code, for large input; equal to NumPy's to rounding."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.fusion import HUBER, LEAST_WEIGHT, MOST_SQUARE, Flags, Step
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.groups import starts_of
from surelabel.consolidation.objects.threads import in_parts


def compiled_step(cluster: Codes, n: int) -> Step:
    """``fusion.robust_step`` for these clusters; it overwrites the errors that it gave before."""
    member, starts = np.argsort(cluster, kind="stable"), starts_of(cluster, n)
    longest = int(np.diff(starts).max(initial=0))
    # Fresh memory for each step would cost more than a fifth of it.
    kept: list[Floats] = []

    def step(
        values: Floats,
        scale: Floats,
        cluster: Codes,
        trust: Floats,
        centre: Floats,
        telling: Flags,
    ) -> tuple[Floats, Floats, Floats]:
        if not kept:
            kept.extend((np.zeros(len(values)), np.zeros(values.shape)))
        fused, (out, errors) = np.empty_like(centre), kept

        def run(begin: int, end: int) -> None:
            part = slice(begin, end)
            _step(
                values,
                scale[part],
                member,
                starts[begin : end + 1],
                trust,
                centre[part],
                telling,
                longest,
                fused[part],
                out,
                errors,
            )

        in_parts(run, n)
        return fused, out, errors

    return step


def compiled_medians(values: Floats, cluster: Codes, n: int) -> Floats:
    """``groups.medians``, to the bit."""
    found = np.empty((n, values.shape[1]))
    member, starts = np.argsort(cluster, kind="stable"), starts_of(cluster, n)

    def run(begin: int, end: int) -> None:
        _medians(values, member, starts[begin : end + 1], found[begin:end])

    in_parts(run, n)
    return found


@compiled
def _step(
    values: Floats,
    scale: Floats,
    member: Codes,
    starts: Codes,
    trust: Floats,
    centre: Floats,
    telling: Flags,
    longest: int,
    fused: Floats,
    out: Floats,
    errors: Floats,
) -> None:
    weight, away = np.empty(longest), np.empty(longest)
    n_values, n_scales = values.shape[1], scale.shape[1]
    part = 1 / n_values
    for c in range(len(starts) - 1):
        begin, n = starts[c], starts[c + 1] - starts[c]
        for k in range(n_values):
            middle, size = centre[c, k], scale[c, k % n_scales]
            reach = HUBER * size
            total = moved = 0.0
            for i in range(n):
                m = member[begin + i]
                away[i] = values[m, k] - middle
                # A choice of divisor, since half of the branches would be mispredicted.
                far = abs(away[i])
                weight[i] = trust[m] * (reach / (far if far > reach else reach))
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
                square = error * error
                errors[m, k] = error
                before = out[m] if k else 0.0
                out[m] = before + (square if square < MOST_SQUARE else MOST_SQUARE) * part


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
