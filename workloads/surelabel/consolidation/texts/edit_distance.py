"""Levenshtein's distance, a machine word (or a long integer) of cells at a time.

G. Myers, "A Fast Bit-Vector Algorithm for Approximate String Matching Based on Dynamic
Programming", 1999, doi:10.1145/316542.316550. Python's integers are as long as a text, so one pair
needs a handful of operations per token; many pairs go through a compiled kernel.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from surelabel.consolidation.checked import Codes

# Pairs from which compiling the kernel (or reading it from disk) pays.
MANY = 50_000


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Least number of tokens to insert, delete or exchange to get from one to the other."""
    if not first or not second:
        return max(len(first), len(second))
    places: dict[Hashable, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    every = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    # Cells of a column that are one more, or one less, than the cell above.
    more, less, distance = every, 0, len(first)
    for token in second:
        equal = places.get(token, 0)
        diagonal = (((equal & more) + more) ^ more) | equal
        right = less | (every & ~(diagonal | more))
        left = more & diagonal
        distance += (right & last != 0) - (left & last != 0)
        right = right << 1 | 1
        vertical = equal | less
        more = left << 1 | (every & ~(vertical | right))
        more &= every
        less = right & vertical & every
    return distance


def pair_distances(
    codes: Codes, starts: Codes, first: Codes, second: Codes, *, many: int = MANY
) -> Codes:
    """(n_pairs,): distance of text ``first[p]`` and text ``second[p]``.

    ``codes``: the tokens of all texts, text t from ``starts[t]`` to ``starts[t + 1]``.
    """
    if len(first) >= many:
        from surelabel.consolidation.texts.edit_distance_kernel import distances

        return np.asarray(distances(codes, starts, first, second))
    texts = [tuple(codes[a:b].tolist()) for a, b in pairwise(starts.tolist())]
    found = [
        edit_distance(texts[a], texts[b])
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return np.array(found, np.int64)


def normalised_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Edit distance over the length of the longer: 0 equal, 1 nothing in common.

    Two empty texts are equal (0); an empty and another one have nothing in common (1).
    """
    longer = max(len(first), len(second))
    return edit_distance(first, second) / longer if longer else 0.0
