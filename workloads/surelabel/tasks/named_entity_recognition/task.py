"""NamedEntityRecognition: spans of a text, each with a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.nothing_there import chance_of_nothing
from surelabel.consolidation.spans import METHODS, SpanAnswers, SpanResult
from surelabel.consolidation.spans import disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.learning import ValueLearner
from surelabel.tasks.named_entity_recognition.format import NamedEntityRecognitionFormat
from surelabel.tasks.named_entity_recognition.learner import SpanLearner
from surelabel.tasks.people import other_class
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import Span, Spans

# Of the errors; the rest puts a border elsewhere.
_MISSED, _MISTAKEN, _MERGED = 0.35, 0.25, 0.1
# Characters by which a border is off.
_MOST_OFF = 8


@dataclass(frozen=True)
class NamedEntityRecognition(ValueTask[Spans]):
    """Any number of spans, also none; they may overlap."""

    format: LabelFormat[Spans] = field(default_factory=NamedEntityRecognitionFormat)
    max_source_bytes: int = 1_000_000
    learner: ValueLearner[Spans] | None = field(default_factory=SpanLearner)
    wants_texts: ClassVar[bool] = True
    methods: ClassVar[Mapping[str, Any]] = METHODS
    marks_classes: ClassVar[bool] = True

    def disagreement(self, first: Spans, second: Spans) -> float:
        """See ``ValueTask``; 1 less the F1 of exact spans with their classes."""
        return apart(_triples(first, None), _triples(second, None))

    def disagreement_about(self, first: Spans, second: Spans, label: int) -> float:
        """See ``ValueTask``."""
        return self.disagreement(_of_class(first, label), _of_class(second, label))

    def consolidate(
        self, answers: ValueAnswers[Spans], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Spans]]]:
        """See ``ValueTask``; what reaches beyond the text is cut off there.

        Items without a text are consolidated by themselves, without words.
        """
        known = [text is not None for text in answers.sources]
        found: dict[int, Consolidated[Spans]] = {}
        for part in (answers.of_items(known), answers.of_items([not each for each in known])):
            found |= self._of_part(part, method)
        for item, _ in answers.by_item():
            yield item, found[item]

    def _of_part(self, answers: ValueAnswers[Spans], method: str) -> dict[int, Consolidated[Spans]]:
        """The labels of items that all have a text, or have none."""
        by_item = answers.by_item()
        if not by_item:
            return {}
        # Numbered anew, since the method wants the text of every item that it has.
        number = {item: row for row, (item, _) in enumerate(by_item)}
        texts = [text for item in number if (text := answers.sources[item]) is not None]
        values = list(answers.value)
        coded = SpanAnswers.of_lists(
            [
                (number[item], annotator, _triples(value, answers.sources[item]))
                for item, annotator, value in zip(
                    answers.item, answers.annotator, values, strict=True
                )
            ],
            len(number),
            max(answers.n_annotators, 1),
            max(len(answers.classes), 1),
        )
        gold = {
            number[item]: _triples(value, answers.sources[item])
            for item, value in answers.gold.items()
            if item in number
        }
        result = self.methods[method]().fit_predict(
            coded, texts=texts or None, gold=gold, frozen_annotators=answers.known
        )
        answers.fit.note(result)
        marked = np.bincount(coded.answer, minlength=len(coded.item)) > 0
        nothing = chance_of_nothing(coded.item, marked, coded.n_items)
        return {item: _of_item(result, number[item], nothing) for item, _ in by_item}

    def vary(self, truth: Spans, accuracy: float, rng: Random, n_classes: int) -> Spans:
        """See ``ValueTask``; who errs misses the span, mistakes its class, takes it and the next
        for one, or puts a border elsewhere, never behind the last one that is right."""
        marked: list[Span] = []
        for position, span in enumerate(truth.spans):
            if rng.random() < accuracy:
                marked.append(span)
                continue
            kind, by = rng.random(), int(rng.integers(1, _MOST_OFF + 1))
            if kind < _MISSED:
                continue
            if kind < _MISSED + _MISTAKEN and n_classes > 1:
                label = other_class(span.label, 1 + by % (n_classes - 1), n_classes)
                marked.append(replace(span, label=label))
            elif kind < _MISSED + _MISTAKEN + _MERGED and position + 1 < len(truth.spans):
                marked.append(replace(span, end=max(span.end, truth.spans[position + 1].end)))
            else:
                marked.append(_shifted(span, by, at_start=rng.random() < 0.5))
        return Spans(tuple(dict.fromkeys(marked)))


def _of_class(value: Spans, label: int) -> Spans:
    return Spans(tuple(span for span in value.spans if span.label == label))


def _of_item(result: SpanResult, item: int, nothing: Floats) -> Consolidated[Spans]:
    low, high = np.searchsorted(result.item, (item, item + 1))
    spans = tuple(Span(label, start, end) for start, end, label in result.spans_of(item))
    confidences = tuple(result.confidence[low:high].tolist())
    sure = sum(confidences) / len(confidences) if confidences else float(nothing[item])
    return Consolidated(Spans(spans), sure, confidences)


def _triples(value: Spans, text: str | None) -> list[tuple[int, int, int]]:
    """Start, end and class of each span, as far as the text goes."""
    ends = [span.end if text is None else min(span.end, len(text)) for span in value.spans]
    return [
        (span.start, end, span.label)
        for span, end in zip(value.spans, ends, strict=True)
        if span.start < end
    ]


def _shifted(span: Span, by: int, *, at_start: bool) -> Span:
    if at_start:
        # Outwards, as far as the text goes.
        return replace(span, start=max(span.start - by, 0))
    return replace(span, end=max(span.end - by, span.start + 1))
