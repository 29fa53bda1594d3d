"""How spans are learned: a tag for each word, and which tag may follow which.

Models look at words, so a span of people's that begins or ends within one is taken for the whole
word; of spans that overlap the longest is learned.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.spans import disagreement
from surelabel.models import chain as chains
from surelabel.models.chain import Chain
from surelabel.models.files import packed, unpacked
from surelabel.tasks.base import BrokenSource, FeatureBatch, Features
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.learning import Learned
from surelabel.tasks.named_entity_recognition.tokens import token_features, token_spans
from surelabel.tasks.packed import Packed
from surelabel.tasks.values import Span, Spans

Ints = NDArray[np.int64]

FOLDS = 5
# Ways in which a text may be tagged, drawn to see how often the best one is near enough.
_DRAWN = 50


@dataclass(frozen=True)
class SpanLearner:
    """See ``ValueLearner``; features are the texts themselves."""

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``ValueLearner``."""
        from surelabel.tasks.text_classification.features import BrokenTextError, read_text

        rows: list[int] = []
        texts: list[bytes] = []
        broken: list[BrokenSource] = []
        for row, source in enumerate(sources):
            try:
                texts.append(read_text(source).encode("utf-8", "surrogatepass"))
                rows.append(row)
            except BrokenTextError as error:
                broken.append(BrokenSource(row, "BrokenMedia", str(error)))
        return FeatureBatch(np.array(rows, np.int64), Packed.of(texts), tuple(broken))

    def overview(self, features: Features) -> Any:
        """See ``ValueLearner``; what a classifier of texts would see."""
        from surelabel.tasks.text_classification.features import text_features

        return text_features(_texts(features)).features

    def fit(
        self,
        features: Features,
        values: Sequence[Spans],
        n_classes: int,
        *,
        tolerance: float,
        seed: int,
    ) -> Learned[Spans]:
        """See ``ValueLearner``."""
        texts = _texts(features)
        fold = np.random.default_rng(seed).permutation(len(texts)) % min(FOLDS, len(texts))
        held_out: list[Consolidated[Spans]] = [Consolidated(Spans(()), 0.0)] * len(texts)
        for number in range(int(fold.max()) + 1):
            rest = np.flatnonzero(fold != number).tolist()
            own = np.flatnonzero(fold == number).tolist()
            if rest:
                model = _fit([texts[i] for i in rest], [values[i] for i in rest], n_classes)
                guesses = SpanModel(model, tolerance, seed).of([texts[i] for i in own])
                for place, guess in zip(own, guesses, strict=True):
                    held_out[place] = guess
        return Learned(SpanModel(_fit(texts, values, n_classes), tolerance, seed), held_out)

    def load(self, data: bytes) -> SpanModel:
        """See ``ValueLearner``."""
        content = unpacked(data, _FORMAT)
        chain = chains.load(content["chain"])
        return SpanModel(chain, float(content["tolerance"]), int(content["seed"]))


_FORMAT = "Spans 1"


@dataclass(frozen=True)
class SpanModel:
    """See ``ValueModel``; ``tolerance``: what ``confidence`` is about."""

    chain: Chain
    tolerance: float
    seed: int

    def predict(self, features: Features) -> list[Consolidated[Spans]]:
        """See ``ValueModel``."""
        return self.of(_texts(features))

    def of(self, texts: Sequence[str]) -> list[Consolidated[Spans]]:
        """The spans of each text, one confidence each; how probably they are near enough."""
        tokens = [token_spans(text) for text in texts]
        length = np.array([len(each) for each in tokens], np.int64)
        emission = self.chain.emission(token_features(texts))
        tag, chance = chains.best_path(self.chain, emission, length)
        # By the text's own numbers, so that its guess depends on no other text.
        marks = [self._marks(text, n) for text, n in zip(texts, length.tolist(), strict=True)]
        mark = np.concatenate([np.empty((_DRAWN, 0)), *marks], axis=1)
        drawn = chains.sample_paths(self.chain, emission, length, mark)
        found: list[Consolidated[Spans]] = []
        begin = 0
        for words, path_chance in zip(tokens, chance.tolist(), strict=True):
            end = begin + len(words)
            spans = spans_of(tag[begin:end], words)
            # Most of them say the same.
            others = Counter(tuple(spans_of(path, words)) for path in drawn[:, begin:end])
            best = _triples(spans)
            near = sum(
                times
                for each, times in others.items()
                if disagreement(best, _triples(each)) <= self.tolerance
            )
            sure = tuple(
                sum(times for each, times in others.items() if span in each) / _DRAWN
                for span in spans
            )
            confidence = (near + path_chance) / (_DRAWN + 1)
            found.append(Consolidated(Spans(tuple(spans)), confidence, sure))
            begin = end
        return found

    def _marks(self, text: str, n_tokens: int) -> NDArray[np.float64]:
        key = [self.seed, *hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()]
        return np.random.Generator(np.random.PCG64(key)).random((_DRAWN, n_tokens))

    def save(self) -> bytes:
        """See ``ValueModel``."""
        content = {"chain": self.chain.save(), "tolerance": self.tolerance, "seed": self.seed}
        return packed({"format": _FORMAT, **content})


def _fit(texts: Sequence[str], values: Sequence[Spans], n_classes: int) -> Chain:
    tokens = [token_spans(text) for text in texts]
    tags = [tags_of(value, words) for value, words in zip(values, tokens, strict=True)]
    return chains.fit(
        token_features(texts),
        np.concatenate([np.empty(0, np.int64), *tags]),
        np.array([len(each) for each in tokens], np.int64),
        allowed(n_classes),
    )


def allowed(n_classes: int) -> NDArray[np.bool_]:
    """Which tag may come first (row 0) and which may follow which: 0 is outside, 1 + 2 c begins a
    span of class c, 2 + 2 c goes on with it."""
    n_tags = 1 + 2 * n_classes
    found = np.ones((1 + n_tags, n_tags), bool)
    for label in range(n_classes):
        inside = 2 + 2 * label
        found[:, inside] = False
        found[[inside, inside + 1], inside] = True
    return found


def tags_of(value: Spans, words: Sequence[tuple[int, int]]) -> Ints:
    """(n_tokens,): the tag of each word."""
    tag = np.zeros(len(words), np.int64)
    starts = np.array([start for start, _ in words], np.int64)
    ends = np.array([end for _, end in words], np.int64)
    by_length = sorted(value.spans, key=lambda s: (s.start - s.end, s.start, s.label))
    for span in by_length:
        first = int(np.searchsorted(ends, span.start, side="right"))
        last = int(np.searchsorted(starts, span.end, side="left"))
        if first < last and not tag[first:last].any():
            tag[first:last] = 2 + 2 * span.label
            tag[first] -= 1
    return tag


def spans_of(tag: Ints, words: Sequence[tuple[int, int]]) -> list[Span]:
    """The spans that tags say, in the order of the text."""
    found: list[Span] = []
    for (start, end), each in zip(words, tag.tolist(), strict=True):
        if each % 2 == 1:
            found.append(Span(each // 2, start, end))
        elif each and found:
            found[-1] = Span(found[-1].label, found[-1].start, end)
    return found


def _texts(features: Features) -> list[str]:
    if not isinstance(features, Packed):
        raise TypeError(f"spans are learned from texts; got {type(features).__name__}.")
    return [piece.decode("utf-8", "surrogatepass") for piece in features]


def _triples(spans: Sequence[Span]) -> list[tuple[int, int, int]]:
    return [(span.start, span.end, span.label) for span in spans]
