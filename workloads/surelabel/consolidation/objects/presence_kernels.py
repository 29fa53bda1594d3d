"""The turns between support and rates in machine code, for large input; NumPy's to rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.groups import distinct
from surelabel.consolidation.objects.presence import Seen, Turn
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import LEAST, SupportCurve
from surelabel.consolidation.objects.threads import PARTS, in_parts, parts_of


def compiled_turn(sites: Sites, curve: SupportCurve) -> Turn:
    """``presence.turn`` for these candidates and this curve."""
    # Nobody need have looked at what is known.
    sizes, row = distinct(np.maximum(sites.n_seen, 1))
    tables = np.stack([curve.table(int(size))[1] for size in sizes])
    starts = np.concatenate(([0], np.cumsum(sites.n_seen)))
    bounds = parts_of(len(sites))

    def turn(weight: Floats) -> Seen:
        posterior = np.empty(len(sites))
        # Of each part: real candidates that each annotator marked, and saw.
        counts = np.zeros((PARTS, 2, sites.n_annotators))

        def run(begin: int, end: int) -> None:
            for part in range(begin, end):
                first, last = bounds[part], bounds[part + 1]
                _turn(
                    starts[first : last + 1],
                    sites.annotator,
                    sites.hit,
                    weight,
                    tables,
                    row[first:last],
                    sites.truth[first:last],
                    posterior[first:last],
                    counts[part],
                )

        in_parts(run, PARTS)
        hits, seen = counts.sum(axis=0)
        return Seen(posterior, hits, seen)

    return turn


@compiled
def _turn(
    starts: Codes,
    annotator: Codes,
    hit: NDArray[np.bool_],
    weight: Floats,
    tables: Floats,
    row: Codes,
    truth: Floats,
    posterior: Floats,
    counts: Floats,
) -> None:
    last = tables.shape[1] - 1
    for site in range(len(starts) - 1):
        begin, end = starts[site], starts[site + 1]
        n = end - begin
        real = truth[site]
        if np.isnan(real):
            marked = total = 0.0
            for view in range(begin, end):
                worth = weight[annotator[view]]
                total += worth
                marked += worth * hit[view]
            support = marked / total * n
            support = min(max(support, LEAST), float(n))
            place = (support - LEAST) / (n - LEAST) * last
            cell = min(int(place), last - 1)
            low, high = tables[row[site], cell], tables[row[site], cell + 1]
            real = 1 / (1 + np.exp(-(low + (high - low) * (place - cell))))
        posterior[site] = real
        for view in range(begin, end):
            who = annotator[view]
            counts[0, who] += real * hit[view]
            counts[1, who] += real
