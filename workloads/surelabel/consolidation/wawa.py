"""Wawa, "worker agreement with aggregate": votes weighted by agreement with the majority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers, normalised
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.majority_vote import estimate
from surelabel.consolidation.result import AnnotatorParameters, Floats


@dataclass
class Wawa(Classification):
    """A vote counts as much as its annotator agrees with the majority; shares are confidence.

    Appen's aggregation of that name, in one pass. A majority shared by m classes agrees to 1/m.
    """

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        by_votes = estimate(answers, gold, lambda part: part.vote_shares())
        return Learned(estimate(answers, gold, lambda part: weighted_vote(part, by_votes)))

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return weighted_vote(answers, annotators)


def weighted_vote(answers: Answers, annotators: AnnotatorParameters) -> Floats:
    """(n_items, n_classes): shares of votes weighted by agreement with the majority.

    An annotator without a history counts like the average one; where all weights are zero the
    plain vote stands.
    """
    weight = np.nan_to_num(annotators.agreement, nan=annotators.average_agreement)
    weighted = answers.weighted_votes(weight[answers.annotator])
    silent = weighted.sum(axis=1) == 0
    weighted[silent] = answers.votes[silent]
    # Nobody answered: the posterior's class prior says more than a uniform row.
    shares = normalised(weighted)
    shares[answers.n_answers == 0] = annotators.prior
    return shares
