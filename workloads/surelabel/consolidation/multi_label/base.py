"""What every algorithm for label sets shares: the result from a chance for each candidate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from surelabel.consolidation.checked import Codes, Floats, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.multi_label.answers import MultiLabelAnswers
from surelabel.consolidation.multi_label.result import MultiLabelAnnotators, MultiLabelResult
from surelabel.consolidation.nothing_there import chance_of_nothing

_TIE = 1e-9


class Learned(NamedTuple):
    """(n_candidates,) chances that the label applies, the annotators, and the iterations."""

    probability: Floats
    annotators: MultiLabelAnnotators
    n_iter: int = 0
    converged: bool = True


class MultiLabel(Fitted, ABC):
    """An algorithm for answers that each choose any number of labels.

    ``fit`` leaves the frozen result in ``result_``; ``confidence_``, ``annotators_``, ``n_iter_``
    and ``converged_`` are its parts.
    """

    result_: MultiLabelResult

    @abstractmethod
    def _learn(self, answers: MultiLabelAnswers) -> Learned:
        """Chances and annotators from these answers."""

    def _judge(self, answers: MultiLabelAnswers, annotators: MultiLabelAnnotators) -> Floats:
        """(n_candidates,): chances by annotators that are known, each item by itself."""
        label = answers.candidates.label
        rows = answers.yes_or_no
        yes, no = annotators.rates(rows.annotator, label[rows.item])
        probability = e_step(answers, yes, no, annotators.prior)
        return blended(answers, annotators, probability)

    def _chosen(self, probability: Floats) -> NDArray[np.bool_]:
        return np.asarray(probability > 0.5 + _TIE)

    def fit(
        self,
        answers: MultiLabelAnswers,
        *,
        frozen_annotators: MultiLabelAnnotators | None = None,
        gold: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> Self:
        """Judge every label that somebody chose for an item.

        ``frozen_annotators``: take the annotators as they are there (aligned with the codes, see
        ``for_annotators``) and learn nothing from these answers. ``gold``: the labels of items
        where they are known, by item; they stand, and annotators are judged by them. A label whose
        chance is one half within 1e-9 is not the item's, and flagged as tied. ValueError for
        annotators or labels that are not aligned.
        """
        self.check_parameters()
        answers = answers.with_gold(gold)
        if frozen_annotators is not None:
            _check(answers, frozen_annotators)
            learned = Learned(self._judge(answers, frozen_annotators), frozen_annotators)
        else:
            learned = self._learn(answers)
        probability = answers.clamped(learned.probability)
        candidates = answers.candidates
        right = np.log(np.maximum(probability, 1 - probability))
        whole = np.exp(np.bincount(candidates.item, weights=right, minlength=answers.n_items))
        chosen = self._chosen(probability)
        whole *= _nothing_there(answers, candidates.item[chosen], learn=frozen_annotators is None)
        self.result_ = MultiLabelResult(
            item=candidates.item,
            label=candidates.label,
            confidence=probability,
            support=candidates.support,
            out_of=answers.n_answers[candidates.item],
            chosen=np.where(np.isin(candidates.item, answers.gold_item), probability == 1, chosen),
            tied=np.abs(probability - 0.5) <= _TIE,
            set_confidence=np.where(answers.n_answers > 0, whole, np.nan),
            n_answers=answers.n_answers,
            annotators=learned.annotators,
            n_iter=learned.n_iter,
            converged=learned.converged,
        )
        return self

    def fit_predict(
        self,
        answers: MultiLabelAnswers,
        *,
        frozen_annotators: MultiLabelAnnotators | None = None,
        gold: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> MultiLabelResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def confidence_(self) -> Floats:
        """(n_candidates,): the chance that each label applies that somebody chose."""
        return self.result_.confidence

    @property
    def annotators_(self) -> MultiLabelAnnotators:
        """How each annotator answers."""
        return self.result_.annotators


def _nothing_there(answers: MultiLabelAnswers, labeled: Codes, *, learn: bool) -> Floats:
    """(n_items,): the chance that no label applies where none was chosen; 1 elsewhere."""
    empty = np.ones(answers.n_items, bool)
    empty[labeled] = False
    marked = np.bincount(answers.answer, minlength=len(answers.item)) > 0
    chance = chance_of_nothing(answers.item, marked, answers.n_items, learn=learn)
    return np.where(empty, chance, 1.0)


def vote_share(answers: MultiLabelAnswers) -> Floats:
    """(n_candidates,): the share of an item's answers that chose the label."""
    candidates = answers.candidates
    return np.asarray(candidates.support / np.maximum(answers.n_answers[candidates.item], 1))


def e_step(answers: MultiLabelAnswers, yes: Floats, no: Floats, prior: Floats) -> Floats:
    """(n_candidates,): chance that the label applies, by every yes and no to its item.

    ``yes``, ``no``: sensitivity and specificity behind each row of ``answers.yes_or_no``.
    ``prior``: (n_classes,).
    """
    rows = answers.yes_or_no
    label = answers.candidates.label
    said = rows.label == 1
    # Logs, since a product of hundreds of probabilities underflows.
    evidence = np.where(said, np.log(yes) - np.log1p(-no), np.log1p(-yes) - np.log(no))
    total = np.bincount(rows.item, weights=evidence, minlength=len(label))
    return np.asarray(expit(total + logit(prior[label])))


def blended(
    answers: MultiLabelAnswers, annotators: MultiLabelAnnotators, probability: Floats
) -> Floats:
    """Mean of ``probability`` and the votes' share, a vote weighing its annotator's agreement."""
    rows = answers.yes_or_no
    known = ~np.isnan(annotators.agreement)
    n = annotators.n_answers[known].sum()
    average = annotators.agreement[known] @ annotators.n_answers[known] / n if n else 1.0
    weight = np.nan_to_num(annotators.agreement, nan=average)[rows.annotator]
    k = len(probability)
    total = np.bincount(rows.item, weights=weight, minlength=k)
    yes = np.bincount(rows.item, weights=weight * rows.label, minlength=k)
    share = np.divide(yes, total, out=vote_share(answers), where=total > 0)
    return np.asarray((probability + share) / 2)


def _check(answers: MultiLabelAnswers, annotators: MultiLabelAnnotators) -> None:
    instance("frozen_annotators", annotators, MultiLabelAnnotators)
    expected = (answers.n_annotators, answers.n_classes)
    got = (len(annotators.sensitivity), len(annotators.prior))
    if got != expected:
        raise ValueError(
            f"frozen_annotators must have {expected[0]} annotators and {expected[1]} labels; "
            f"got {got[0]} and {got[1]}. Align them with for_annotators(names)."
        )
