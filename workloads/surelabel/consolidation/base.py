"""What every algorithm for classification shares: coding, gold items, ties, fitted attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from surelabel.consolidation.answers import Answers, Codes, clamped
from surelabel.consolidation.confusion import check_shape, e_step
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.labels import Ids, Numbers, build_result
from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Floats,
    Ints,
)

# How far rounding may take the sum of shares from 1.
_SUM = 1e-6


class Gold(NamedTuple):
    """Items whose label is known (ascending), and that label; both (n_gold,)."""

    item: Codes
    label: Codes

    def clamp(self, posterior: Floats) -> Floats:
        """``posterior`` with certainty where the label is known; changes it in place."""
        return clamped(posterior, self.item, self.label)

    def of_items(self, first: int, n: int) -> Gold:
        """Those of ``n`` items from ``first`` on, which are renumbered from 0."""
        begin, end = np.searchsorted(self.item, (first, first + n))
        return Gold(self.item[begin:end] - first, self.label[begin:end])

    def at_items(self, rows: Codes) -> Gold:
        """Those of the items ``rows`` (ascending), which are renumbered from 0."""
        _, place, mine = np.intersect1d(rows, self.item, assume_unique=True, return_indices=True)
        return Gold(place, self.label[mine])


class Learned(NamedTuple):
    """What an algorithm found: the annotators, and in how many iterations.

    ``posterior``: (n_items, n_classes); None if it is what the algorithm makes of the answers with
    these annotators, each item by itself.
    """

    annotators: AnnotatorParameters
    n_iter: int = 0
    converged: bool = True
    posterior: Floats | None = None


class Classification(Fitted, ABC):
    """An algorithm for answers that each name one of K classes.

    Configuration stands in the constructor, data never does. ``fit`` leaves the frozen result in
    ``result_``; ``labels_``, ``confidence_``, ``posterior_``, ``annotators_``, ``n_iter_`` and
    ``converged_`` are its parts.
    """

    result_: ConsolidationResult
    # How common each class is, (n_classes,); a parameter of the methods that have such a prior.
    class_prior: Sequence[float] | None = None

    @abstractmethod
    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        """Annotators from these answers, and the posterior if it does not follow from them."""

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
        start: AnnotatorParameters | None = None,
        gold: Ints | None = None,
        item_ids: Ids | None = None,
        label_names: Sequence[str] | None = None,
    ) -> Self:
        """Label every item.

        ``item``, ``annotator``, ``label``: (n_annotations,), coded from 0, in the order in which
        the answers came; a label of -1 is an abstention. Of an annotator's answers to one item
        the last counts. ``gold``: (n_items,), the known label or -1. ``frozen_annotators``: take
        the annotators as they are there (aligned with the codes) and learn nothing from these
        answers. ``start``: annotators from an earlier round (aligned likewise) from which methods
        that iterate set out, to need fewer iterations; MajorityVote, Wawa and GroundTruth, which
        start as published, take no notice, and EBCC only in the fit from which it sets out itself.

        Ties: the label with more votes, then the commoner class, then a hash of the item's id and
        the label's name (``item_ids``, (n_items,), and ``label_names``, (n_classes,); without them
        the codes). ValueError: codes and parameters out
        of range, annotators that are not aligned or of other classes.
        """
        self.check_parameters()
        answers = Answers.of(item, annotator, label, n_items, n_annotators, n_classes)
        known = Gold(*answers.gold_rows(gold))
        answers = answers.knowing(*known)
        for name, given in (("frozen_annotators", frozen_annotators), ("start", start)):
            if given is not None:
                check_shape(name, n_annotators, n_classes, given)
        if frozen_annotators is not None:
            learned = Learned(self._with_prior(frozen_annotators))
        else:
            learned = self._learn(answers, known, start)
        self.result_ = self._result(answers, known, learned, item_ids, label_names)
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
        start: AnnotatorParameters | None = None,
        gold: Ints | None = None,
        item_ids: Ids | None = None,
        label_names: Sequence[str] | None = None,
    ) -> ConsolidationResult:
        """``fit`` with the same arguments, and its result."""
        return self.fit(
            item,
            annotator,
            label,
            n_items,
            n_annotators,
            n_classes,
            frozen_annotators=frozen_annotators,
            start=start,
            gold=gold,
            item_ids=item_ids,
            label_names=label_names,
        ).result_

    def label_shard(
        self,
        shard: PackedAnswers,
        learned: Learned,
        *,
        item_ids: Ids | None = None,
        label_names: Sequence[str] | None = None,
    ) -> ConsolidationResult:
        """The shard's items by annotators that ``learn_from_shards`` found, the same as in one
        piece. Without ``item_ids`` the items' numbers in the whole crowd decide the last tie."""
        answers = shard.only_items(0, shard.n_items)
        gold = Gold(*answers.gold_rows(shard.gold if len(shard.gold) else None))
        ids = Numbers(shard.first_item) if item_ids is None else item_ids
        return self._result(answers, gold, learned, ids, label_names)

    def _with_prior(self, annotators: AnnotatorParameters) -> AnnotatorParameters:
        """With the classes as common as ``class_prior`` says; ValueError where that cannot be."""
        if self.class_prior is None:
            return annotators
        prior = np.asarray(self.class_prior, dtype=float)
        if prior.shape != annotators.prior.shape:
            raise ValueError(
                f"class_prior must have {annotators.n_classes} entries (n_classes); got shape "
                f"{prior.shape}. Give each class its share."
            )
        if not ((prior > 0).all() and abs(prior.sum() - 1) < _SUM):
            raise ValueError(
                f"class_prior must be shares above 0 that sum to 1; got {prior.tolist()}. Divide "
                "by the sum, and give a class that hardly occurs a small share."
            )
        return replace(annotators, prior=prior)

    def _result(
        self,
        answers: Answers,
        gold: Gold,
        learned: Learned,
        item_ids: Ids | None,
        label_names: Sequence[str] | None,
    ) -> ConsolidationResult:
        def posterior(first: int, part: Answers) -> Floats:
            if learned.posterior is not None:
                return learned.posterior[first : first + part.n_items]
            rows = self._judge(part, learned.annotators)
            return gold.of_items(first, part.n_items).clamp(rows)

        return build_result(
            answers,
            posterior,
            learned.annotators,
            gold_rows=gold.item,
            n_iter=learned.n_iter,
            converged=learned.converged,
            item_ids=item_ids,
            label_names=label_names,
        )

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
