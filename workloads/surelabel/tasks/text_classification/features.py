"""A text as hashed word and character n-grams: no vocabulary, so every text stands alone.

Counts are damped (1 + log) and each text has length 1. How telling an n-gram is (idf) depends on
other texts, so the model learns it, not the features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from surelabel.tasks.base import BrokenSource, FeatureBatch

N_WORD = 2**16
N_CHARACTER = 2**16
MAX_CHARACTERS = 100_000


def text_features(sources: Sequence[bytes | str]) -> FeatureBatch:
    """Sparse features, (n_items, N_WORD + N_CHARACTER), of every readable, non-empty text."""
    rows: list[int] = []
    texts: list[str] = []
    broken: list[BrokenSource] = []
    for row, source in enumerate(sources):
        try:
            texts.append(read_text(source)[:MAX_CHARACTERS])
            rows.append(row)
        except BrokenTextError as error:
            broken.append(BrokenSource(row, "BrokenMedia", str(error)))
    return FeatureBatch(np.array(rows, np.int64), _matrix(texts), tuple(broken))


class BrokenTextError(ValueError):
    """A text that cannot be read; the message says why."""


def read_text(source: bytes | str) -> str:
    """The text, without a byte order mark; BrokenTextError unless it is UTF-8 and not blank."""
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise BrokenTextError(
            f"a text must be UTF-8; byte {error.start} is {error.object[error.start]:#04x}."
        ) from None
    if not text.strip():
        raise BrokenTextError("the text is empty.")
    return text


def _matrix(texts: list[str]) -> sparse.csr_matrix:
    # Late, since importing scikit-learn takes most of a second.
    from sklearn.feature_extraction.text import HashingVectorizer

    if not texts:
        return sparse.csr_matrix((0, N_WORD + N_CHARACTER), dtype=np.float32)
    parts = []
    for analyzer, ngrams, n_features in (
        ("word", (1, 2), N_WORD),
        ("char_wb", (2, 4), N_CHARACTER),
    ):
        vectorizer = HashingVectorizer(
            analyzer=analyzer,
            ngram_range=ngrams,
            n_features=n_features,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
            token_pattern=r"(?u)\b\w+\b" if analyzer == "word" else None,
        )
        counts = vectorizer.transform(texts).tocsr()
        counts.data = 1 + np.log(counts.data)
        norms = np.sqrt(counts.multiply(counts).sum(axis=1)).A1
        scale = sparse.diags(1 / np.maximum(norms, np.finfo(np.float32).tiny))
        parts.append(scale @ counts)
    return sparse.hstack(parts).tocsr().astype(np.float32)
