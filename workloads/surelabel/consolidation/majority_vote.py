"""Majority vote: the class that most annotators answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.labels import choose
from surelabel.consolidation.result import AnnotatorParameters, Floats


@dataclass
class MajorityVote(Classification):
    """Every answer counts the same; the confidence is the share of votes.

    Frozen annotators change no label.
    """

    def _learn(self, answers: Answers, gold: Gold) -> Learned:
        posterior = gold.clamp(answers.vote_shares())
        return Learned(posterior, estimate(answers, posterior))

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return answers.vote_shares()


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
