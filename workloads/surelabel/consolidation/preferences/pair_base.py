"""What every algorithm for pairwise preferences shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.confusion import check_shape, expected_counts, m_step
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene, blend
from surelabel.consolidation.labels import choose
from surelabel.consolidation.preferences.davidson_fit import Strengths, fit_davidson
from surelabel.consolidation.preferences.pairs import PreferenceAnswers, PreferenceResult
from surelabel.consolidation.result import AnnotatorParameters


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
    def _learn(self, answers: PreferenceAnswers) -> Learned:
        """Chances, strengths and annotators from these answers."""

    def _judge(self, answers: PreferenceAnswers, annotators: AnnotatorParameters) -> Floats:
        """(n_items, 3): by annotators that are known, each comparison by itself."""
        return blend(answers.choices, annotators)

    def fit(
        self, answers: PreferenceAnswers, *, frozen_annotators: AnnotatorParameters | None = None
    ) -> Self:
        """Decide every comparison and score every object.

        ``frozen_annotators``: take the annotators as they are there (aligned with the codes), and
        decide each comparison by its own answers alone, whatever others say of its objects; the
        scores come after that and decide nothing. ValueError for annotators that are not aligned
        with the codes or not of three choices, and for parameters out of range.
        """
        self.check_parameters()
        choices = answers.choices
        if frozen_annotators is None:
            learned = self._learn(answers)
        else:
            check_shape(
                "frozen_annotators", choices.n_annotators, choices.n_classes, frozen_annotators
            )
            posterior = self._judge(answers, frozen_annotators)
            outcomes = posterior * (choices.n_answers > 0)[:, None]
            strengths = fit_davidson(answers.first, answers.second, outcomes, answers.n_objects)
            learned = Learned(posterior, strengths, frozen_annotators)
        choice, tied = choose(learned.posterior, choices.votes, learned.annotators.prior)
        unknown = choices.n_answers == 0
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
        self, answers: PreferenceAnswers, *, frozen_annotators: AnnotatorParameters | None = None
    ) -> PreferenceResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators).result_

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


def confusions(answers: PreferenceAnswers, posterior: Floats) -> AnnotatorParameters:
    """Annotators against these chances, each drawn to their own accuracy."""
    no_gold = np.empty(0, np.int64)
    counts = expected_counts(answers.choices, posterior, no_gold)
    return m_step(counts, HierarchicalDawidSkene().pseudo_counts, answers.choices)
