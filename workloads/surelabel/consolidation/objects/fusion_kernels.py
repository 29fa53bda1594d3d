"""The loops of fusion in machine code, for large input; equal to NumPy's to rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.groups import starts_of

Step = Callable[[Floats, Floats, Codes, Floats, Floats], tuple[Floats, Floats]]


def compiled_step(cluster: Codes, n: int, huber: float) -> Step:
    """``fusion.robust_step`` for these clusters."""
    member, starts = np.argsort(cluster, kind="stable"), starts_of(cluster, n)

    def step(
        values: Floats, scale: Floats, cluster: Codes, trust: Floats, centre: Floats
    ) -> tuple[Floats, Floats]:
        fused, relative = np.empty_like(centre), np.empty_like(values)
        _step(values, scale, member, starts, trust, centre, huber, fused, relative)
        return fused, relative

    return step


def compiled_medians(values: Floats, cluster: Codes, n: int) -> Floats:
    """``groups.medians``, to the bit."""
    found = np.empty((n, values.shape[1]))
    _medians(values, np.argsort(cluster, kind="stable"), starts_of(cluster, n), found)
    return found


@compiled
def _step(
    values: Floats,
    scale: Floats,
    member: Codes,
    starts: Codes,
    trust: Floats,
    centre: Floats,
    huber: float,
    fused: Floats,
    relative: Floats,
) -> None:
    for c in range(len(starts) - 1):
        for k in range(values.shape[1]):
            middle, size = centre[c, k], scale[c, k]
            total = moved = 0.0
            for place in range(starts[c], starts[c + 1]):
                m = member[place]
                away = values[m, k] - middle
                weight = trust[m] * (huber / max(abs(away) / size, huber))
                total += weight
                moved += weight * away
            fused[c, k] = middle + moved / total
            for place in range(starts[c], starts[c + 1]):
                m = member[place]
                away = values[m, k] - middle
                weight = trust[m] * (huber / max(abs(away) / size, huber))
                others = total - weight
                relative[m, k] = 0.0
                if others > 1e-12 * total:
                    relative[m, k] = (away - (moved - weight * away) / others) / size


@compiled
def _medians(values: Floats, member: Codes, starts: Codes, found: Floats) -> None:
    for c in range(len(starts) - 1):
        begin, n = starts[c], starts[c + 1] - starts[c]
        column = np.empty(n)
        for k in range(values.shape[1]):
            for i in range(n):
                # A handful of numbers: inserting each into place is the fastest way to sort.
                value, j = values[member[begin + i], k], i
                while j > 0 and column[j - 1] > value:
                    column[j] = column[j - 1]
                    j -= 1
                column[j] = value
            found[c, k] = (column[(n - 1) // 2] + column[n // 2]) / 2
