"""Majority vote: the class that most annotators answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import Counts, m_step
from surelabel.consolidation.labels import choose
from surelabel.consolidation.result import AnnotatorParameters, Floats, has_tables


@dataclass
class MajorityVote(Classification):
    """Every answer counts the same; the confidence is the share of votes.

    Frozen annotators change no label.
    """

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        return Learned(estimate(answers, gold, lambda part: part.vote_shares()))

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return answers.vote_shares()


def estimate(
    answers: Answers, gold: Gold, judge: Callable[[Answers], Floats]
) -> AnnotatorParameters:
    """Annotators against the best labels by ``judge``'s posterior; one pseudo-answer spread over
    each row as everybody spreads theirs."""
    w, k = answers.n_annotators, answers.n_classes
    classes = np.zeros(k)
    for first, part in answers.in_parts():
        posterior = gold.of_items(first, part.n_items).clamp(judge(part))
        classes += posterior[part.n_answers > 0].sum(axis=0)
    prior = (classes + 1) / (classes.sum() + k)
    counts = np.zeros((w, k, k) if has_tables(w, k) else (w, 1, 1))
    for first, part in answers.in_parts():
        posterior = gold.of_items(first, part.n_items).clamp(judge(part))
        label = choose(posterior, part.votes, prior)[0][part.item]
        if has_tables(w, k):
            np.add.at(counts, (part.annotator, part.label, label), 1.0)
        else:
            counts[:, 0, 0] += np.bincount(part.annotator, part.label == label, minlength=w)

    def pseudo(counts: Floats) -> Floats:
        pooled = counts.sum(axis=0) + 1 / k
        spread: Floats = pooled / pooled.sum(axis=0)
        return np.broadcast_to(spread, counts.shape)

    return m_step(Counts(counts, classes), pseudo, answers)
