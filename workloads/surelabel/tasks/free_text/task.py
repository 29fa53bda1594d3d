"""FreeText: words of the annotator's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.texts import METHODS, TextAnswers
from surelabel.consolidation.texts import disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.free_text.format import FreeTextFormat
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import Text

_DROPPED, _DOUBLED = 0.5, 0.2


@dataclass(frozen=True)
class FreeText(ValueTask[Text]):
    """A transcript, a caption, a translation."""

    format: LabelFormat[Text] = field(default_factory=FreeTextFormat)
    takes_any_source: ClassVar[bool] = True
    methods: ClassVar[Mapping[str, Any]] = METHODS

    def disagreement(self, first: Text, second: Text) -> float:
        """See ``ValueTask``; edits of words, or of characters, over the longer text."""
        return apart(first.text, second.text)

    def consolidate(
        self, answers: ValueAnswers[Text], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Text]]]:
        """See ``ValueTask``; texts come back with their blanks and Unicode normalised."""
        if not answers.item:
            return
        coded = TextAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            [value.text for value in answers.value],
            answers.n_items,
            answers.n_annotators,
        )
        gold = {item: value.text for item, value in answers.gold.items()}
        result = self.methods[method]().fit_predict(coded, gold=gold)
        for item, _ in answers.by_item():
            confidence = float(result.confidence[item])
            yield item, Consolidated(Text(result.text[item] or ""), confidence, (confidence,))
        answers.fit.note(result)

    def vary(self, truth: Text, accuracy: float, rng: Random, n_classes: int) -> Text:
        """See ``ValueTask``; a word that is not got right is left out, doubled, or misspelt."""
        words: list[str] = []
        for word in truth.text.split(" "):
            right, kind = rng.random() < accuracy, rng.random()
            if right:
                words.append(word)
            elif kind < _DROPPED:
                continue
            elif kind < _DROPPED + _DOUBLED:
                words += [word, word]
            else:
                place = int(rng.integers(0, len(word) + 1))
                words.append(word[:place] + word[place + 1 :] + word[place : place + 1])
        return Text(" ".join(words))
