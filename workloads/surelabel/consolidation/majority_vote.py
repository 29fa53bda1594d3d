"""Majority vote: the class that most annotators answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers, clamped
from surelabel.consolidation.labels import build_result, choose
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Floats,
    Ints,
)


@dataclass(frozen=True)
class MajorityVote:
    """Every answer counts the same; the confidence is the share of votes."""

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
        """See ``Consolidator``; frozen annotators change nothing but are passed on."""
        answers = Answers.of(item, annotator, label, n_items, n_annotators, n_classes)
        rows, known = answers.gold_rows(gold)
        posterior = clamped(answers.vote_shares(), rows, known)
        annotators = frozen_annotators or estimate(answers, posterior)
        return build_result(
            answers,
            posterior,
            annotators,
            gold_rows=rows,
            n_iter=0,
            converged=True,
            item_ids=item_ids,
            label_names=label_names,
        )


def estimate(answers: Answers, posterior: Floats) -> AnnotatorParameters:
    """Annotators against the most voted labels; one pseudo-answer spread over each row."""
    k = answers.n_classes
    answered = answers.n_answers > 0
    class_counts = posterior[answered].sum(axis=0)
    prior = (class_counts + 1) / (class_counts.sum() + k)
    label, _ = choose(posterior, answers.votes, prior)
    counts = np.zeros((answers.n_annotators, k, k))
    np.add.at(counts, (answers.annotator, label[answers.item], answers.label), 1.0)
    pooled = counts.sum(axis=0) + 1 / k
    pooled /= pooled.sum(axis=1, keepdims=True)
    confusion = counts + pooled
    confusion /= confusion.sum(axis=2, keepdims=True)
    return AnnotatorParameters(
        confusion=confusion,
        accuracy=np.einsum("t,att->a", prior, confusion),
        agreement=answers.majority_agreement,
        n_answers=answers.by_annotator,
        prior=prior,
        pooled=pooled,
    )
