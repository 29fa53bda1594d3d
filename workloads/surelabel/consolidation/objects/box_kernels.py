"""The loops of boxes in machine code, for large input."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.compiled import compiled
from surelabel.consolidation.objects.geometry import Codes, Floats
from surelabel.consolidation.objects.threads import in_parts


def overlaps(corners: Floats, rows: Codes, others: Floats, other_rows: Codes) -> Floats:
    """(n_pairs,): IoU, as ``Boxes.similarity`` has it to the bit."""
    found = np.zeros(len(rows))

    def run(begin: int, end: int) -> None:
        part = slice(begin, end)
        _overlaps(corners, rows[part], others, other_rows[part], found[part])

    in_parts(run, len(rows))
    return found


@compiled
def _overlaps(
    corners: Floats, rows: Codes, others: Floats, other_rows: Codes, found: Floats
) -> None:
    for pair in range(len(rows)):
        a, b = corners[rows[pair]], others[other_rows[pair]]
        width = min(a[2], b[2]) - max(a[0], b[0])
        height = min(a[3], b[3]) - max(a[1], b[1])
        common = max(width, 0.0) * max(height, 0.0)
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
        if union > 0:
            found[pair] = common / union
