"""The default: outliers rejected, votes weighted by overlap, shares smoothed where disputed.

On real crowds this is better than a plain vote in two images of three. Plain STAPLE is worse than
the vote there: annotators who draw too much agree with each other, and it believes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.patterns import Patterns
from surelabel.consolidation.masks.result import MaskAnnotators, shrunk
from surelabel.consolidation.masks.study import Study
from surelabel.consolidation.masks.voting import Voting, overlap, weighted_shares, winner
from surelabel.consolidation.result import Floats

_LEAST_ANNOTATORS, _ROUNDS = 3, 3
_LEAST_SPREAD = 0.02
# Sigma in pixels: for the jitter of drawing by hand, and per pixel of disagreement on the border.
_SIGMA, _SIGMA_PER_BAND, _MOST_SIGMA = 1.0, 0.2, 8.0


@dataclass
class SmoothedVote(Segmentation):
    """Ties go to the background, then to the lower class.

    ``outlier``: robust standard deviations below the median IoU from which on a mask is left
    out, as long as three remain. ``power``: a mask weighs its IoU with the vote of those that
    remain to this power. ``trust``: and its annotator's IoU with the vote in all other
    items, drawn towards the mean of all, to this one. ``smoothing``: scales the width of the
    Gaussian; 0 for none. Where gold shows how well annotators draw, "the vote" is weighed by it (to
    the power of ``trust``), so that those who are wrong together are no longer near to it.
    """

    outlier: float = 3.0
    power: float = 1.0
    trust: float = 4.0
    smoothing: float = 1.0

    _needs_border = True

    def _trusted(
        self,
        studies: list[Study],
        n_annotators: int,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
    ) -> list[Floats]:
        """How near to the others each annotator is in the other images: this one counts apart."""
        if known is not None:
            return [known.reliability[study.annotator] for study in studies]
        own = [_overlap_with_vote(study.patterns, self._worth(study, judged)) for study in studies]
        values: list[list[float]] = [[] for _ in range(n_annotators)]
        for study, iou in zip(studies, own, strict=True):
            # Alone in an image one is always near to "the others".
            if len(iou) > 1:
                for who, value in zip(study.annotator, iou, strict=True):
                    values[who].append(float(value))
        total = np.array([math.fsum(each) for each in values])
        n = np.array([len(each) for each in values])
        mean = math.fsum(total) / int(n.sum()) if n.any() else 1.0
        if judged is not None:
            on_gold = np.nan_to_num(judged.iou) * judged.n_answers
            # Nobody is as near to the truth as to a vote: what counts is who is how much nearer.
            usual = math.fsum(on_gold) / max(int(judged.n_answers.sum()), 1)
            if usual > 0:
                total, n = total + on_gold * (mean / usual), n + judged.n_answers
        return [
            shrunk(total[study.annotator] - iou, n[study.annotator] - 1, mean)
            if len(iou) > 1
            else np.ones(1)
            for study, iou in zip(studies, own, strict=True)
        ]

    def _judge(
        self,
        study: Study,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
        trust: Floats,
    ) -> Voting:
        weights = self._weights(study.patterns, self._worth(study, judged)) * trust**self.trust
        classes = study.classes
        shares = partial(weighted_shares, weights=weights, classes=classes)
        counted = weights > 0 if weights.any() else np.ones(len(weights), bool)
        return Voting(classes, shares, counted, self._sigma(study))

    def _worth(self, study: Study, judged: MaskAnnotators | None) -> Floats:
        """(n_annotators_here,): what each counts in a vote by what gold shows; without gold, 1."""
        if judged is None:
            return np.ones(len(study.annotator))
        return np.asarray(judged.reliability[study.annotator] ** self.trust)

    def _weights(self, patterns: Patterns, worth: Floats) -> Floats:
        """(n_annotators,): 0 for outliers, else the IoU with the vote of all that are none."""
        n = patterns.votes.shape[1]
        kept = np.arange(n)
        for _ in range(_ROUNDS):
            iou = _overlap_with_vote(patterns.of(kept), worth[kept])
            median = float(np.median(iou))
            spread = 1.4826 * (float(np.median(np.abs(iou - median))) + _LEAST_SPREAD)
            near = iou >= median - self.outlier * spread
            if near.all() or near.sum() < _LEAST_ANNOTATORS:
                break
            kept = kept[near]
        weights = np.zeros(n)
        weights[kept] = _overlap_with_vote(patterns.of(kept), worth[kept]) ** self.power
        return weights

    def _sigma(self, study: Study) -> float:
        """Wider where people disagree in a wider band along the border."""
        if self.smoothing <= 0 or len(study.annotator) == 1:
            return 0.0
        votes, count = study.patterns.votes, study.patterns.count
        shares = weighted_shares(votes, np.ones(votes.shape[1]), study.classes)
        # Pixels of disagreement per pixel edge of border.
        band = ((1 - shares.max(axis=1)) * count).sum() / max(study.border, 1)
        return float(min((_SIGMA + _SIGMA_PER_BAND * band) * self.smoothing, _MOST_SIGMA))


def _overlap_with_vote(patterns: Patterns, worth: Floats) -> Floats:
    """(n_annotators,): IoU of each with the vote of all, who count what they are worth."""
    votes = patterns.votes
    classes = np.unique(votes)
    consensus = classes[winner(weighted_shares(votes, worth, classes))]
    return overlap(patterns, consensus)
