"""What every algorithm for spans shares: its calls, its result, and the judgement of annotators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

import numpy as np

from surelabel.consolidation.checked import Codes, Floats, aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.lone_answers import n_compared
from surelabel.consolidation.spans.overlap import Marks, overlaps
from surelabel.consolidation.spans.quality import judge_annotators
from surelabel.consolidation.spans.result import SpanAnnotators, SpanResult
from surelabel.consolidation.spans.units import check_texts
from surelabel.consolidation.spans.words import WordTable

# Jaccard index from which a span backs another.
_BACKS = 0.5


@dataclass(frozen=True)
class Learned:
    """What an algorithm found: spans with their confidence, and its model of the annotators.

    ``emission``, ``pooled``, ``initial``, ``transition`` and ``table`` (of words) are empty for a
    method without one. ``dependence``: of answers to one item (``dependence.py``).
    """

    marks: Marks
    confidence: Floats
    emission: Floats
    pooled: Floats
    initial: Floats
    transition: Floats
    table: WordTable = field(default_factory=lambda: WordTable.empty(0))
    dependence: float = 0.0
    n_iter: int = 0
    converged: bool = True

    @classmethod
    def without_model(cls, marks: Marks, confidence: Floats, answers: SpanAnswers) -> Learned:
        """Of a method that only counts."""
        nothing = np.zeros((0, 0, 0))
        emission = np.zeros((answers.n_annotators, 0, 0, 0))
        return cls(marks, confidence, emission, nothing, np.zeros(0), np.zeros((0, 0)))


class SpanMethod(Fitted, ABC):
    """An algorithm for answers that are spans of a text.

    Configuration stands in the constructor, data never does. ``fit`` leaves the frozen result in
    ``result_``; the properties are its parts.
    """

    result_: SpanResult

    @abstractmethod
    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        """The spans; with ``frozen`` annotators nothing is learned from these answers."""

    def fit(
        self,
        answers: SpanAnswers,
        *,
        texts: Sequence[str] | None = None,
        frozen_annotators: SpanAnnotators | None = None,
        gold: Mapping[int, Sequence[tuple[int, int, int]]] = MappingProxyType({}),
    ) -> Self:
        """Consolidate every item.

        ``texts``: (n_items,), the texts that the offsets point into; a method that has a use for
        words is better with them. ``frozen_annotators``: take the annotators as they are there
        (aligned with the codes, by the same method) and learn nothing from these answers. ``gold``:
        the spans (start, end, label) of items where they are known, by item; they stand, and
        annotators are judged by them. Raises ValueError where an answer reaches beyond its text.
        """
        self.check_parameters()
        told = answers if frozen_annotators is not None else answers.with_gold(gold)
        if texts is not None:
            check_texts(told, texts)
        if frozen_annotators is not None:
            _check_frozen(answers, frozen_annotators)
        learned = _held(self._learn(told, texts, frozen_annotators), gold)
        order = np.lexsort(learned.marks[::-1])
        marks = Marks(*(column[order] for column in learned.marks))
        annotators = frozen_annotators or judge_annotators(
            answers,
            marks,
            # Without the one who only knows the truth.
            emission=learned.emission[: answers.n_annotators],
            pooled=learned.pooled,
            initial=learned.initial,
            transition=learned.transition,
            table=learned.table,
            dependence=learned.dependence,
            compared=n_compared(told)[: answers.n_annotators],
        )
        self.result_ = SpanResult(
            *marks,
            confidence=learned.confidence[order],
            support=support(answers, marks),
            n_answers=answers.n_answers,
            annotators=annotators,
            n_iter=learned.n_iter,
            converged=learned.converged,
        )
        return self

    def fit_predict(
        self,
        answers: SpanAnswers,
        *,
        texts: Sequence[str] | None = None,
        frozen_annotators: SpanAnnotators | None = None,
        gold: Mapping[int, Sequence[tuple[int, int, int]]] = MappingProxyType({}),
    ) -> SpanResult:
        """``fit``, and its result."""
        return self.fit(
            answers, texts=texts, frozen_annotators=frozen_annotators, gold=gold
        ).result_

    @property
    def annotators_(self) -> SpanAnnotators:
        """How good each annotator is, and how each answers."""
        return self.result_.annotators

    @property
    def confidence_(self) -> Floats:
        """(n_spans,): the chance that the span is right."""
        return self.result_.confidence


def _held(learned: Learned, gold: Mapping[int, Sequence[tuple[int, int, int]]]) -> Learned:
    """The same with the known spans in place of those that were found there."""
    if not gold:
        return learned
    marks = learned.marks
    free = ~np.isin(marks.group, list(gold))
    known = sorted({(item, *span) for item in gold for span in gold[item]})
    columns = np.array(known, np.int64).reshape(-1, 4).T
    return replace(
        learned,
        marks=Marks(*(np.append(own[free], new) for own, new in zip(marks, columns, strict=True))),
        confidence=np.append(learned.confidence[free], np.ones(len(known))),
    )


def support(answers: SpanAnswers, marks: Marks) -> Codes:
    """(len(marks),): annotators with a span of the same label and a Jaccard index of 1/2."""
    own = answered(answers)
    pairs = overlaps(marks, own)
    close = pairs.jaccard(marks, own) >= _BACKS
    backed = pairs.first[close] * answers.n_annotators
    backed = np.unique(backed + answers.span_annotator[pairs.second[close]])
    return np.bincount(backed // max(answers.n_annotators, 1), minlength=len(marks.start))


def answered(answers: SpanAnswers) -> Marks:
    """All answered spans, grouped by item."""
    return Marks(answers.span_item, answers.start, answers.end, answers.label)


def _check_frozen(answers: SpanAnswers, frozen: SpanAnnotators) -> None:
    instance("frozen_annotators", frozen, SpanAnnotators)
    aligned(len(frozen.n_answers), answers.n_annotators)
    if frozen.label_confusion.shape[1] != answers.n_classes:
        raise ValueError(
            f"frozen_annotators must know n_classes ({answers.n_classes}); got "
            f"{frozen.label_confusion.shape[1]}. Use those of a job with the same labels."
        )
