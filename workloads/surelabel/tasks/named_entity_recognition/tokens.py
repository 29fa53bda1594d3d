"""The words of a text, and what each looks like with its neighbours: features for a tagger.

Each text stands alone and nothing is learned here. A feature is a word for what was seen, hashed
to a column, so there is no vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from zlib import crc32

import numpy as np
from scipy import sparse

N_COLUMNS = 2**18
# Words beyond this are of no class: a text of a million characters must not take minutes.
MAX_TOKENS = 20_000
_TOKEN = re.compile(r"\w+|[^\w\s]")
_EDGE = "<>"


def token_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each word or sign, in code points."""
    return [match.span() for match in islice(_TOKEN.finditer(text), MAX_TOKENS)]


def token_features(texts: Sequence[str]) -> sparse.csr_matrix:
    """(n_tokens, N_COLUMNS), ones: the tokens of all texts, one after the other."""
    columns: list[int] = []
    ends = [0]
    for text in texts:
        words = [text[start:end] for start, end in token_spans(text)]
        for place in range(len(words)):
            columns.extend(dict.fromkeys(map(_column, _seen(words, place))))
            ends.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    shape = (len(ends) - 1, N_COLUMNS)
    return sparse.csr_matrix((ones, np.array(columns, np.int32), np.array(ends)), shape=shape)


@lru_cache(maxsize=1 << 18)
def _column(seen: str) -> int:
    return crc32(seen.encode("utf-8", "surrogatepass")) % N_COLUMNS


def _seen(words: Sequence[str], place: int) -> Iterator[str]:
    word = words[place]
    lower = word.lower()
    yield "1"
    yield f"w {lower}"
    yield f"s {_shape(word)}"
    for n in (1, 2, 3, 4):
        yield f"p {lower[:n]}"
        yield f"e {lower[-n:]}"
    for offset in (-2, -1, 1, 2):
        other = words[place + offset] if 0 <= place + offset < len(words) else _EDGE
        yield f"{offset} w {other.lower()}"
        yield f"{offset} s {_shape(other)}"
        if abs(offset) == 1:
            yield f"{offset} e {other.lower()[-3:]}"
            first, second = sorted(((offset, other.lower()), (0, lower)))
            yield f"b {first[1]} {second[1]}"


@lru_cache(maxsize=1 << 16)
def _shape(word: str) -> str:
    """Capitals, small letters, digits and signs, runs of one kind as at most two."""
    kinds = "".join(
        "X" if c.isupper() else "x" if c.islower() else "0" if c.isdigit() else c for c in word
    )
    return re.sub(r"(.)\1+", r"\1\1", kinds)[:8]
