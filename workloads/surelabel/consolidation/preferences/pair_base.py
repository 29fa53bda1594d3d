"""What every algorithm for pairwise preferences shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.base import Gold
from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.confusion import check_shape, expected_counts, m_step
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene, blend
from surelabel.consolidation.labels import choose
from surelabel.consolidation.preferences.davidson_fit import Strengths, fit_davidson
from surelabel.consolidation.preferences.pairs import PreferenceAnswers, PreferenceResult
from surelabel.consolidation.result import AnnotatorParameters, Ints


class Learned(NamedTuple):
    """(n_items, 3) chances, strengths of the objects, annotators, iterations."""

    posterior: Floats
    strengths: Strengths
    annotators: AnnotatorParameters
    n_iter: int = 0
    converged: bool = True


class Preference(Fitted, ABC):
    """An algorithm for comparisons. ``fit`` leaves the frozen result in ``result_``."""

    result_: PreferenceResult

    @abstractmethod
    def _learn(self, answers: PreferenceAnswers, gold: Gold) -> Learned:
        """Chances, strengths and annotators from these answers, and choices that are known."""

    def _judge(self, answers: PreferenceAnswers, annotators: AnnotatorParameters) -> Floats:
        """(n_items, 3): by annotators that are known, each comparison by itself."""
        return blend(answers.choices, annotators)

    def fit(
        self,
        answers: PreferenceAnswers,
        *,
        frozen_annotators: AnnotatorParameters | None = None,
        gold: Ints | None = None,
    ) -> Self:
        """Decide every comparison and score every object.

        ``frozen_annotators``: take the annotators as they are there (aligned with the codes), and
        decide each comparison by its own answers alone, whatever others say of its objects; the
        scores come after that and decide nothing. ``gold``: (n_items,), the known choice or -1; it
        stands, annotators are judged by it, and the scores of its objects follow it. ValueError
        for annotators that are not aligned with the codes or not of three choices, for gold of
        another length or that is no choice, and for parameters out of range.
        """
        self.check_parameters()
        known = Gold(*answers.choices.gold_rows(gold))
        choices = answers.choices.knowing(*known)
        answers = replace(answers, choices=choices)
        if frozen_annotators is None:
            learned = self._learn(answers, known)
        else:
            check_shape(
                "frozen_annotators", choices.n_annotators, choices.n_classes, frozen_annotators
            )
            posterior = known.clamp(self._judge(answers, frozen_annotators))
            outcomes = posterior * is_told(answers, known)[:, None]
            strengths = fit_davidson(answers.first, answers.second, outcomes, answers.n_objects)
            learned = Learned(posterior, strengths, frozen_annotators)
        choice, tied = choose(learned.posterior, choices.votes, learned.annotators.prior)
        unknown = ~is_told(answers, known)
        choice[unknown], tied[unknown] = -1, False
        confidence = learned.posterior.max(axis=1, initial=0.0)
        confidence[unknown] = np.nan
        self.result_ = PreferenceResult(
            choice=choice,
            confidence=confidence,
            posterior=learned.posterior,
            tied=tied,
            n_answers=choices.n_answers,
            score=learned.strengths.score,
            score_error=learned.strengths.error,
            ties=learned.strengths.ties,
            annotators=learned.annotators,
            n_iter=learned.n_iter,
            converged=learned.converged,
        )
        return self

    def fit_predict(
        self,
        answers: PreferenceAnswers,
        *,
        frozen_annotators: AnnotatorParameters | None = None,
        gold: Ints | None = None,
    ) -> PreferenceResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def choice_(self) -> Codes:
        """(n_items,): the choice of each comparison, -1 where nobody answered."""
        return self.result_.choice

    @property
    def score_(self) -> Floats:
        """(n_objects,): the strength of each object."""
        return self.result_.score

    @property
    def annotators_(self) -> AnnotatorParameters:
        """How each annotator answers."""
        return self.result_.annotators


def confusions(answers: PreferenceAnswers, posterior: Floats, gold: Gold) -> AnnotatorParameters:
    """Annotators against these chances, each drawn to their own accuracy."""
    counts = expected_counts(answers.choices, posterior, gold.item)
    return m_step(counts, HierarchicalDawidSkene().pseudo_counts, answers.choices)


def is_told(answers: PreferenceAnswers, gold: Gold) -> NDArray[np.bool_]:
    """(n_items,): whether somebody answered, or the choice is known."""
    told = answers.choices.n_answers > 0
    told[gold.item] = True
    return told


def votes_and_gold(answers: PreferenceAnswers, gold: Gold) -> Floats:
    """(n_items, 3): votes; those on a known comparison, one at least, are all for what is true."""
    votes = answers.votes.copy()
    n = np.maximum(votes[gold.item].sum(axis=1), 1)
    gold.clamp(votes)
    votes[gold.item] *= n[:, None]
    return votes
