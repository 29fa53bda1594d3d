"""Texts and transcripts: answers that are one text each, normalised, cut and coded once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.checked import Codes, Floats, codes, latest, same_length
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.texts.tokens import Level, level_of, normalised, tokens_of

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class TextAnswers(Answered):
    """Who wrote what: by item and annotator, at most one answer per pair.

    ``item``, ``annotator``: (n_answers,). ``tokens``: (n_answers), each answer's; none for an empty
    text, which is an answer too ("nothing to be heard").
    """

    item: Codes
    annotator: Codes
    tokens: tuple[Tokens, ...]
    n_items: int
    n_annotators: int
    level: Level

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        text: Sequence[str],
        n_items: int,
        n_annotators: int,
        *,
        level: Level | None = None,
    ) -> TextAnswers:
        """Checked and normalised (see ``tokens``), in the order in which the answers came.

        Of an annotator's answers to one item the last counts. ``level``: compare words, or
        characters; without it characters where most letters are of scripts without spaces.
        ValueError: codes out of range, a text that is not one.
        """
        i = codes("item", item, 0, n_items)
        a = codes("annotator", annotator, 0, n_annotators)
        for place, each in enumerate(text):
            if not isinstance(each, str):
                raise ValueError(  # noqa: TRY004  Bad input is a ValueError everywhere here.
                    f"text must hold strings; got {each!r} at position {place}. "
                    'Pass "" for an answer without words, leave out who did not answer.'
                )
        same_length(item=i, annotator=a, text=np.empty(len(text), bool))
        kept = latest(i, a, n_annotators)
        texts = [normalised(text[row]) for row in kept.tolist()]
        level = level or level_of(texts)
        tokens = tuple(tokens_of(each, level) for each in texts)
        return cls(i[kept], a[kept], tokens, n_items, n_annotators, level)

    @cached_property
    def lengths(self) -> Codes:
        """(n_answers,): tokens of each answer."""
        return np.array([len(each) for each in self.tokens], np.int64)

    @cached_property
    def rows(self) -> list[Codes]:
        """(n_items): the answers to each item, in an order that no name has to do with."""
        ends = np.cumsum(self.n_answers)
        found = []
        for item in range(self.n_items):
            own = range(int(ends[item] - self.n_answers[item]), int(ends[item]))
            found.append(np.array(sorted(own, key=lambda row: self.tokens[row]), np.int64))
        return found

    @cached_property
    def coded(self) -> tuple[Codes, Codes]:
        """The codes of all answers' tokens, and where each answer begins (n_answers + 1)."""
        number: dict[str, int] = {}
        all_ = [number.setdefault(token, len(number)) for each in self.tokens for token in each]
        return np.array(all_, np.int64), np.concatenate(([0], np.cumsum(self.lengths)))


@dataclass(frozen=True)
class TextAnnotators(NamedAnnotators):
    """``error_rate``: (n_annotators,), edits per token of the consolidated text (word error rate;
    at character level that of characters), drawn to that of all.

    ``n_answers``, ``n_tokens``: (n_annotators,), answers, and tokens they were held against.
    ``average``: the rate of an annotator without a history.
    """

    error_rate: Floats
    n_answers: Codes
    n_tokens: Codes
    average: float
    names: tuple[str, ...] = ()

    def for_annotators(self, names: Sequence[str]) -> TextAnnotators:
        """The parameters in the order of ``names``; an unknown annotator is the average one."""
        places = self.places_of(names)
        return replace(
            self,
            error_rate=places.take(self.error_rate, self.average),
            n_answers=places.take(self.n_answers, 0),
            n_tokens=places.take(self.n_tokens, 0),
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "errorRate": self.error_rate.tolist(),
            "answers": self.n_answers.tolist(),
            "tokens": self.n_tokens.tolist(),
            "average": self.average,
            "names": list(self.names),
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> TextAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        return cls(
            np.array(value["errorRate"], float),
            np.array(value["answers"], np.int64),
            np.array(value["tokens"], np.int64),
            value["average"],
            tuple(value["names"]),
        )


@dataclass(frozen=True)
class TextResult(ReadOnlyArrays):
    """One text per item.

    ``text``: (n_items), normalised, None where nobody answered. ``tokens``,
    ``token_confidence``: (n_items), its tokens and the chance of each. ``confidence``: (n_items,),
    the chance that the whole text is right, nan where nobody answered. ``support``: (n_items,), how
    many wrote exactly it. ``n_answers``: (n_items,).
    """

    text: tuple[str | None, ...]
    tokens: tuple[Tokens, ...]
    token_confidence: tuple[Floats, ...]
    confidence: Floats
    support: Codes
    n_answers: Codes
    annotators: TextAnnotators
    n_iter: int
    converged: bool
