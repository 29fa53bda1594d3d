"""NamedEntityRecognition: spans of a text, each with a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from surelabel.consolidation.spans import METHODS, SpanAnswers, SpanResult
from surelabel.consolidation.spans import disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.named_entity_recognition.format import NamedEntityRecognitionFormat
from surelabel.tasks.people import other_class
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
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

    def disagreement(self, first: Spans, second: Spans) -> float:
        """See ``ValueTask``; 1 less the F1 of exact spans with their classes."""
        return apart(_triples(first), _triples(second))

    def consolidate(
        self, answers: ValueAnswers[Spans]
    ) -> Iterator[tuple[int, Consolidated[Spans]]]:
        """See ``ValueTask``; what reaches beyond the text is cut off there."""
        texts = [text for text in answers.sources if text is not None]
        known = len(texts) == answers.n_items
        lengths = [len(text) if known and text is not None else None for text in answers.sources]
        coded = SpanAnswers.of_lists(
            [
                (item, annotator, _triples(value, lengths[item]))
                for item, annotator, value in zip(
                    answers.item, answers.annotator, answers.value, strict=True
                )
            ],
            answers.n_items,
            max(answers.n_annotators, 1),
            len(answers.classes),
        )
        result = METHODS["Auto"]().fit_predict(coded, texts=texts if known else None)
        for item, positions in answers.by_item():
            yield item, self._of_item(result, item, [answers.value[p] for p in positions])
        answers.fit.note(result)

    @staticmethod
    def _of_item(result: SpanResult, item: int, given: list[Spans]) -> Consolidated[Spans]:
        low, high = np.searchsorted(result.item, (item, item + 1))
        spans = tuple(Span(label, start, end) for start, end, label in result.spans_of(item))
        confidences = tuple(result.confidence[low:high].tolist())
        # Where nothing is to be marked, as sure as people are who marked nothing.
        empty = sum(not value.spans for value in given) / len(given)
        sure = sum(confidences) / len(confidences) if confidences else empty
        return Consolidated(Spans(spans), sure, confidences)

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


def _triples(value: Spans, length: int | None = None) -> list[tuple[int, int, int]]:
    """Start, end and class of each span, as far as the text goes."""
    ends = [min(span.end, length or span.end) for span in value.spans]
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
