"""What an encoder is, the files that it is made of, and how it says that something is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from surelabel.tasks.base import FeatureBatch

# More features than any head here could learn from, and than memory has room for.
MAX_FEATURES = 8_192
# What an encoder gives has a size of about one; squares of larger numbers are no distances.
MAX_VALUE = 1e6


class EncoderError(Exception):
    """An encoder that cannot be used; only a person can mend it.

    ``reason`` is PascalCase; the message names rule, value and next step, not the field.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Encoder(Protocol):
    """Turns sources into rows of numbers; the same source gives the same row.

    Whoever makes one tries it on a source, so that one that exists works.
    """

    @property
    def sha256(self) -> str:
        """Of all its files: what kept features depend on."""
        ...

    @property
    def n_features(self) -> int:
        """The length of a row."""
        ...

    def encode(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """Dense features, (n_items, n_features); a broken source fails alone; EncoderError."""
        ...


@dataclass(frozen=True)
class EncoderFiles:
    """An ONNX file and what lies beside it."""

    model: bytes
    # The file of the library ``tokenizers``; texts need it.
    tokenizer: bytes | None = None
    # ``preprocessor_config.json`` as Hugging Face writes it.
    preprocessor: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of all files together."""
        digest = hashlib.sha256()
        config = json.dumps(dict(self.preprocessor), sort_keys=True).encode()
        for data in (self.model, self.tokenizer or b"", config):
            digest.update(hashlib.sha256(data).digest())
        return digest.hexdigest()


def checked_features(features: NDArray[Any], n_rows: int, n_features: int | None) -> Any:
    """(n_rows, n_features), float32, finite and of sane size; EncoderError.

    ``n_features``: what earlier rows had; None: these are the first.
    """
    if features.ndim != 2 or len(features) != n_rows:
        raise EncoderError(
            "EncoderUnfit",
            f"must give a row for each item, ({n_rows}, features); got shape {features.shape}. "
            "Export the encoder with the batch as its first axis.",
        )
    width = features.shape[1]
    if not 1 <= width <= MAX_FEATURES:
        raise EncoderError(
            "EncoderUnfit",
            f"must give 1 to {MAX_FEATURES} features an item; got {width}. Take an output that "
            "is an embedding.",
        )
    if n_features is not None and width != n_features:
        raise EncoderError(
            "EncoderUnfit", f"must always give {n_features} features; got {width} as well."
        )
    finite = np.isfinite(features)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise EncoderError(
            "EncoderOutputInvalid",
            f"gave {features[row, column]} as feature {column}; features must be finite. Take "
            "another encoder, or export this one in float32.",
        )
    top = float(np.abs(features).max())
    if top > MAX_VALUE:
        raise EncoderError(
            "EncoderOutputInvalid",
            f"gave a feature of size {top:.3g}; at most {MAX_VALUE:.0e} is sane. Take an output "
            "that is an embedding, or export the encoder with its normalization.",
        )
    return np.ascontiguousarray(features, np.float32)
