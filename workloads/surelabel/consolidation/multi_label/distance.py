"""How far two label sets differ, for agreement: 0 where they are equal, 1 where nothing is shared.

Two empty sets are equal (0); an empty one and one with labels share nothing (1).
"""

from __future__ import annotations

from collections.abc import Collection


def jaccard(first: Collection[int], second: Collection[int]) -> float:
    """1 - |both| / |either|."""
    a, b = set(first), set(second)
    either = len(a | b)
    return 1 - len(a & b) / either if either else 0.0


def disagreement(first: Collection[int], second: Collection[int]) -> float:
    """The MASI distance: Jaccard's, but a set within the other is nearer than two that cross.

    R. Passonneau, "Measuring Agreement on Set-valued Items (MASI) for Semantic and Pragmatic
    Annotation", LREC 2006. 1 - J * M with M = 1 for equal sets, 2/3 where one holds the other, 1/3
    where they overlap, 0 where they do not.
    """
    a, b = set(first), set(second)
    if a == b:
        return 0.0
    both = a & b
    if not both:
        return 1.0
    monotone = 2 / 3 if both in (a, b) else 1 / 3
    return 1 - len(both) / len(a | b) * monotone
