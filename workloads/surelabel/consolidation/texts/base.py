"""What every algorithm for texts shares: annotators weighed by how far they are from the texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np

from surelabel.consolidation.checked import Floats, aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.texts.answers import TextAnnotators, TextAnswers, TextResult, Tokens
from surelabel.consolidation.texts.edit_distance import edit_distance
from surelabel.consolidation.texts.tokens import normalised, text_of, tokens_of

# Pseudo-tokens behind an annotator's error rate; tokens and errors behind that of all.
_OWN, _TOKENS, _ERRORS = 20.0, 10.0, 1.0
_LEAST, _MOST = 0.005, 0.6


class Found(NamedTuple):
    """An item's text: its tokens, the chance of each, and that of all together."""

    tokens: Tokens
    token_confidence: Floats
    confidence: float


class Text(Fitted, ABC):
    """An algorithm for answers that are one text each. ``fit`` leaves the result in ``result_``.

    Texts and annotators are found in turn, at most ``max_iter`` times.
    """

    result_: TextResult
    max_iter = 5

    @abstractmethod
    def _texts(self, answers: TextAnswers, weight: Floats) -> list[Found | None]:
        """(n_items): the text of each item, None where nobody answered.

        ``weight``: (n_answers,), log odds that a token of the answer is right.
        """

    def fit(
        self,
        answers: TextAnswers,
        *,
        frozen_annotators: TextAnnotators | None = None,
        gold: Mapping[int, str] = MappingProxyType({}),
    ) -> Self:
        """Find every item's text. ``frozen_annotators``: learn nothing about annotators.

        ``gold``: texts that are known, by item; they stand, and annotators are judged by them.
        ValueError for annotators that are not aligned with the codes, for gold of an item that is
        none, and for parameters out of range.
        """
        known = _known(answers, gold)
        self.check_parameters()
        if frozen_annotators is not None:
            instance("frozen_annotators", frozen_annotators, TextAnnotators)
            aligned(len(frozen_annotators.error_rate), answers.n_annotators)
        annotators = frozen_annotators or _judged(answers, known, known)
        n_iter, converged = 0, False
        found: list[Found | None] = []
        while not found or (n_iter < self.max_iter and not converged):
            n_iter += 1
            before = [each and each.tokens for each in found]
            rate = np.clip(annotators.error_rate, _LEAST, _MOST)[answers.annotator]
            texts = self._texts(answers, np.maximum(np.log((1 - rate) / rate), 0.1))
            found = [truth or own for truth, own in zip(known, texts, strict=True)]
            if frozen_annotators is not None or not answers.n_items:
                n_iter, converged = 0, True
                break
            annotators = _judged(answers, found, known)
            converged = before == [each and each.tokens for each in found]
        support = np.zeros(answers.n_items, np.int64)
        for item, rows in enumerate(answers.rows):
            own = found[item]
            if own is not None:
                support[item] = sum(answers.tokens[row] == own.tokens for row in rows.tolist())
        self.result_ = TextResult(
            text=tuple(
                None if each is None else text_of(each.tokens, answers.level) for each in found
            ),
            tokens=tuple(() if each is None else each.tokens for each in found),
            token_confidence=tuple(
                np.empty(0) if each is None else each.token_confidence for each in found
            ),
            confidence=np.array([np.nan if each is None else each.confidence for each in found]),
            support=support,
            n_answers=answers.n_answers,
            annotators=annotators,
            n_iter=n_iter,
            converged=converged,
        )
        return self

    def fit_predict(
        self,
        answers: TextAnswers,
        *,
        frozen_annotators: TextAnnotators | None = None,
        gold: Mapping[int, str] = MappingProxyType({}),
    ) -> TextResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def annotators_(self) -> TextAnnotators:
        """The error rate of each annotator."""
        return self.result_.annotators


def _known(answers: TextAnswers, gold: Mapping[int, str]) -> list[Found | None]:
    """(n_items): the text of each item that is known."""
    found: list[Found | None] = [None] * answers.n_items
    for item, text in gold.items():
        if not 0 <= item < answers.n_items:
            raise ValueError(
                f"gold must have items in 0 .. {answers.n_items - 1} (n_items); got {item}."
            )
        tokens = tokens_of(normalised(text), answers.level)
        found[item] = Found(tokens, np.ones(len(tokens)), 1.0)
    return found


def _judged(
    answers: TextAnswers, found: list[Found | None], known: list[Found | None]
) -> TextAnnotators:
    """Annotators against these texts; an item without one says nothing."""
    errors, tokens = np.zeros(len(answers.tokens)), np.zeros(len(answers.tokens), np.int64)
    for item, rows in enumerate(answers.rows):
        own = found[item]
        # Whoever was alone agrees with the text that is their own.
        if own is None or (len(rows) < 2 and known[item] is None):
            continue
        for row in rows.tolist():
            tokens[row] = max(len(own.tokens), 1)
            errors[row] = edit_distance(answers.tokens[row], own.tokens)
    n = answers.n_annotators
    average = (errors.sum() + _ERRORS) / (tokens.sum() + _TOKENS)
    n_tokens = np.bincount(answers.annotator, tokens, n)
    rate = (np.bincount(answers.annotator, errors, n) + _OWN * average) / (n_tokens + _OWN)
    return TextAnnotators(
        rate,
        np.bincount(answers.annotator, minlength=n),
        n_tokens.astype(np.int64),
        float(average),
    )
