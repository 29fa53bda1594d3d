"""What every algorithm for classification shares: coding, gold items, ties, fitted attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Self

from surelabel.consolidation.answers import Answers, Codes, clamped
from surelabel.consolidation.confusion import e_step
from surelabel.consolidation.labels import build_result
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Floats,
    Ints,
)


class Gold(NamedTuple):
    """Items whose label is known (ascending), and that label; both (n_gold,)."""

    item: Codes
    label: Codes

    def clamp(self, posterior: Floats) -> Floats:
        """``posterior`` with certainty where the label is known; changes it in place."""
        return clamped(posterior, self.item, self.label)


class Learned(NamedTuple):
    """What an algorithm found: (n_items, n_classes) posterior, the annotators, its iterations."""

    posterior: Floats
    annotators: AnnotatorParameters
    n_iter: int = 0
    converged: bool = True


class Classification(ABC):
    """An algorithm for answers that each name one of K classes.

    Configuration stands in the constructor, data never does. ``fit`` leaves the frozen result in
    ``result_``; ``labels_``, ``confidence_``, ``posterior_``, ``annotators_``, ``n_iter_`` and
    ``converged_`` are its parts.
    """

    result_: ConsolidationResult

    @abstractmethod
    def _learn(self, answers: Answers, gold: Gold) -> Learned:
        """Posterior and annotators from these answers; rows of gold items are certain."""

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        """(n_items, n_classes): posterior by annotators that are known, each item by itself."""
        return e_step(answers, annotators)

    def fit(
        self,
        item: Ints,
        annotator: Ints,
        label: Ints,
        n_items: int,
        n_annotators: int,
        n_classes: int,
        *,
        frozen_annotators: AnnotatorParameters | None = None,
        gold: Ints | None = None,
        item_ids: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> Self:
        """Label every item.

        ``item``, ``annotator``, ``label``: (n_annotations,), coded from 0, in the order in which
        the answers came; a label of -1 is an abstention. Of an annotator's answers to one item
        the last counts. ``gold``: (n_items,), the known label or -1. ``frozen_annotators``: take
        the annotators as they are there (aligned with the codes) and learn nothing from these
        answers. ``item_ids`` and ``label_names`` decide the last tie; without them the codes do.
        Codes out of range raise ValueError.
        """
        answers = Answers.of(item, annotator, label, n_items, n_annotators, n_classes)
        known = Gold(*answers.gold_rows(gold))
        if frozen_annotators is not None:
            posterior = known.clamp(self._judge(answers, frozen_annotators))
            learned = Learned(posterior, frozen_annotators)
        else:
            learned = self._learn(answers, known)
        self.result_ = build_result(
            answers,
            learned.posterior,
            learned.annotators,
            gold_rows=known.item,
            n_iter=learned.n_iter,
            converged=learned.converged,
            item_ids=item_ids,
            label_names=label_names,
        )
        return self

    def fit_predict(
        self,
        item: Ints,
        annotator: Ints,
        label: Ints,
        n_items: int,
        n_annotators: int,
        n_classes: int,
        *,
        frozen_annotators: AnnotatorParameters | None = None,
        gold: Ints | None = None,
        item_ids: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> ConsolidationResult:
        """``fit``, and its result."""
        return self.fit(
            item,
            annotator,
            label,
            n_items,
            n_annotators,
            n_classes,
            frozen_annotators=frozen_annotators,
            gold=gold,
            item_ids=item_ids,
            label_names=label_names,
        ).result_

    @property
    def labels_(self) -> Codes:
        """(n_items,): the label of each item, -1 where nobody answered."""
        return self.result_.label

    @property
    def confidence_(self) -> Floats:
        """(n_items,): posterior of that label, nan where nobody answered."""
        return self.result_.confidence

    @property
    def posterior_(self) -> Floats:
        """(n_items, n_classes): rows sum to 1."""
        return self.result_.posterior

    @property
    def annotators_(self) -> AnnotatorParameters:
        """How each annotator answers."""
        return self.result_.annotators

    @property
    def n_iter_(self) -> int:
        """Iterations that were needed; 0 for a method that has none."""
        return self.result_.n_iter

    @property
    def converged_(self) -> bool:
        """Whether the iteration stood still within ``tol`` before ``max_iter``."""
        return self.result_.converged
