"""``edit_distance`` for many pairs: words of 64 cells, H. Hyyrö's blocks for longer texts.

H. Hyyrö, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances", 2003.
"""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.checked import Codes
from surelabel.consolidation.compiled import compiled


@compiled
def distances(  # noqa: PLR0915  A kernel that called others would be compiled no better.
    codes: Codes, starts: Codes, first: Codes, second: Codes
) -> Codes:
    """(n_pairs,): distance of text ``first[p]`` and text ``second[p]``, see ``pair_distances``."""
    one, zero = np.uint64(1), np.uint64(0)
    every, top = ~zero, one << np.uint64(63)
    longest = 1
    for text in range(len(starts) - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    words = (longest + 63) // 64
    n_codes = codes.max() + 1 if len(codes) else 1
    # Where the tokens of the pair's first text stand; a stamp says of which pair a row is.
    stamp = np.full(n_codes, -1, np.int64)
    row = np.zeros(n_codes, np.int64)
    places = np.zeros((longest, words), np.uint64)
    more = np.zeros(words, np.uint64)
    less = np.zeros(words, np.uint64)
    found = np.empty(len(first), np.int64)
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        n, m = starts[a + 1] - starts[a], starts[b + 1] - starts[b]
        if n == 0 or m == 0:
            found[pair] = max(n, m)
            continue
        used = (n + 63) // 64
        rows = 0
        for place in range(n):
            token = codes[starts[a] + place]
            if stamp[token] != pair:
                stamp[token] = pair
                row[token] = rows
                places[rows, :used] = zero
                rows += 1
            places[row[token], place // 64] |= one << np.uint64(place % 64)
        more[:used] = every
        less[:used] = zero
        last = one << np.uint64((n - 1) % 64)
        distance = n
        for place in range(m):
            token = codes[starts[b] + place]
            known = stamp[token] == pair
            carried = 1
            for word in range(used):
                equal = places[row[token], word] if known else zero
                p, q = more[word], less[word]
                vertical = equal | q
                if carried < 0:
                    equal |= one
                diagonal = (((equal & p) + p) ^ p) | equal
                right = q | ~(diagonal | p)
                left = p & diagonal
                high = last if word == used - 1 else top
                out = 0
                if right & high:
                    out = 1
                elif left & high:
                    out = -1
                right <<= one
                left <<= one
                if carried < 0:
                    left |= one
                elif carried > 0:
                    right |= one
                more[word] = left | ~(vertical | right)
                less[word] = right & vertical
                carried = out
            distance += carried
        found[pair] = distance
    return found
