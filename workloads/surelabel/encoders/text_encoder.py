"""Texts through a tokenizer and an ONNX graph.

What comes out may be a row an item, or one for each token, which are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.encoders.base import EncoderError, EncoderFiles, checked_features
from surelabel.encoders.onnx_session import OnnxSession, open_onnx
from surelabel.tasks.base import BrokenSource, FeatureBatch
from surelabel.tasks.text_classification.features import (
    MAX_CHARACTERS,
    BrokenTextError,
    read_text,
)

_OUTPUTS = (
    "sentence_embedding", "text_embeds", "features", "embedding", "embeddings", "last_hidden_state",
)  # fmt: skip
_IDS, _MASK, _KINDS = "input_ids", "attention_mask", "token_type_ids"
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_MAX_TOKENS = 256
_BATCH = 32


@dataclass(frozen=True)
class TextEncoder:
    """See ``Encoder``. ``tokens``: how many of a text's tokens count; the rest is cut off."""

    sha256: str
    session: OnnxSession
    tokenizer: Any
    output: str
    tokens: int
    # Sizes that the graph insists on.
    batch: int | None
    length: int | None
    padding: int
    n_features: int = 0

    @classmethod
    def open(cls, files: EncoderFiles) -> TextEncoder:
        """The encoder, tried on a word; EncoderError if it does not fit."""
        session = open_onnx(files.model)
        declared = {one.name: one for one in session.inputs}
        strange = sorted(set(declared) - {_IDS, _MASK, _KINDS})
        if strange or _IDS not in declared:
            raise EncoderError(
                "EncoderUnfit",
                f"an encoder of texts has the input {_IDS}, and may have {_MASK} and {_KINDS}; "
                f"this one has: {', '.join(declared) or 'none'}.",
            )
        for one in declared.values():
            if one.type not in _TYPES or len(one.shape) != 2:
                raise EncoderError(
                    "EncoderUnfit",
                    f"input {one.name!r} must be int64 or int32 with the axes (items, tokens); "
                    f"got {one.type} with {len(one.shape)} axes.",
                )
        batch, length = declared[_IDS].shape
        tokens = min(session.whole_number("max_tokens") or _MAX_TOKENS, length or _MAX_TOKENS * 32)
        tokenizer, padding = _tokenizer(files.tokenizer, tokens)
        encoder = cls(
            sha256=files.sha256,
            session=session,
            tokenizer=tokenizer,
            output=session.output(_OUTPUTS),
            tokens=tokens,
            batch=batch,
            length=length,
            padding=padding,
        )
        found = encoder._encoded([encoder._ids("word")], None)
        return cls(**{**encoder.__dict__, "n_features": int(found.shape[1])})

    def encode(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``Encoder``; bytes are UTF-8."""
        rows: list[int] = []
        ids: list[list[int]] = []
        broken: list[BrokenSource] = []
        for row, source in enumerate(sources):
            try:
                ids.append(self._ids(read_text(source)[:MAX_CHARACTERS]))
                rows.append(row)
            except BrokenTextError as error:
                broken.append(BrokenSource(row, "BrokenMedia", str(error)))
        # Texts of one length together: what is padded has to be multiplied all the same.
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        features = np.empty((len(ids), self.n_features), np.float32)
        step = self.batch or _BATCH
        for start in range(0, len(order), step):
            part = order[start : start + step]
            features[part] = self._encoded([ids[row] for row in part], self.n_features)
        return FeatureBatch(np.array(rows, np.int64), features, tuple(broken))

    def _ids(self, text: str) -> list[int]:
        # One token at least: the mean of none is no number.
        return self.tokenizer.encode(text).ids[: self.tokens] or [self.padding]

    def _encoded(self, ids: Sequence[Sequence[int]], n_features: int | None) -> Any:
        """(n_texts, n_features), checked."""
        n_rows = self.batch or len(ids)
        length = self.length or max(map(len, ids))
        tokens = np.full((n_rows, length), self.padding, np.int64)
        mask = np.zeros((n_rows, length), np.int64)
        # Rows beyond the texts: the graph takes no fewer, and no mask may be empty.
        mask[:, 0] = 1
        for row, found in enumerate(ids):
            tokens[row, : len(found)] = found
            mask[row, : len(found)] = 1
        given: dict[str, NDArray[Any]] = {_IDS: tokens, _MASK: mask, _KINDS: np.zeros_like(tokens)}
        inputs = {one.name: given[one.name].astype(_TYPES[one.type]) for one in self.session.inputs}
        features = self.session.run(self.output, inputs)
        if features.ndim == 3 and features.shape[1] == length:
            weight = mask[:, :, None] / mask.sum(axis=1)[:, None, None]
            features = (features * weight).sum(axis=1)
        if self.batch is not None:
            features = features[: len(ids)]
        return checked_features(features, len(ids), n_features)


def _tokenizer(data: bytes | None, tokens: int) -> tuple[Any, int]:
    """The tokenizer, which cuts at ``tokens``, and the id of padding."""
    if data is None:
        raise EncoderError(
            "EncoderUnfit",
            "an encoder of texts needs its tokenizer.json in the same folder. Put it there.",
        )
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise EncoderError(
            "EncoderNotInstalled",
            "needs the package tokenizers. Install surelabel[encoders] where the stages run, or "
            "take the encoder Builtin.",
        ) from error
    try:
        tokenizer = Tokenizer.from_str(data.decode())
        padding = (tokenizer.padding or {}).get("pad_id", 0)
        tokenizer.no_padding()
        tokenizer.enable_truncation(tokens)
    # The library raises bare Exceptions.
    except Exception as error:
        raise EncoderError(
            "EncoderUnfit", f"tokenizer.json cannot be read: {str(error)[:200]}"
        ) from error
    return tokenizer, padding
