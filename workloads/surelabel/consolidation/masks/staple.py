"""STAPLE: expectation maximisation over patterns of votes, so that its cost is a look-up per pixel.

S. K. Warfield, K. H. Zou and W. M. Wells, "Simultaneous Truth and Performance Level Estimation
(STAPLE)", IEEE Transactions on Medical Imaging 23 (2004), doi:10.1109/TMI.2004.828354; with more
than two classes by a confusion matrix for each annotator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.patterns import Ints
from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.masks.study import Study
from surelabel.consolidation.masks.voting import Voting
from surelabel.consolidation.result import Floats

# Nobody is taken to be always right or always wrong: a single word would then decide.
_LEAST = 1e-6
_START = 0.95


@dataclass
class STAPLE(Segmentation):
    """``max_iter``, ``tol``: iterations per image, and the change of any probability that ends
    them. The prior of a class is its share of all votes in the image. Ties go to the background.

    With ``frozen_annotators`` nothing is iterated: their sensitivity and specificity hold. Those
    that gold shows are where iterations begin, and each gold image counts like this one.
    """

    max_iter: int = 100
    tol: float = 1e-6

    def _judge(
        self,
        study: Study,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
        trust: Floats,
    ) -> Voting:
        classes = study.classes
        votes, count = study.patterns.votes, study.patterns.count
        observed = np.searchsorted(classes, votes)
        n, k = votes.shape[1], len(classes)
        share = np.bincount(observed.ravel(), weights=np.repeat(count, n), minlength=k)
        prior = np.maximum(share / share.sum(), _LEAST)
        if known is not None:
            confusion = _from_quality(known, study.annotator, classes)
            n_iter, converged = 0, True
        else:
            start = _from_quality(judged, study.annotator, classes)
            told = np.zeros(start.shape)
            if judged is not None:
                # Pixels of each class in as many images like this one.
                pixels = judged.n_answers[study.annotator, None] * prior * count.sum()
                told = start * pixels[:, :, None]
            confusion, n_iter, converged = self._iterate(observed, count, prior, start, told)
        posterior = partial(_posterior, classes=classes, prior=prior, confusion=confusion)
        return Voting(classes, posterior, np.ones(n, bool), n_iter=n_iter, converged=converged)

    def _iterate(
        self, observed: Ints, count: Ints, prior: Floats, confusion: Floats, told: Floats
    ) -> tuple[Floats, int, bool]:
        """``confusion[r, t, l]``: P(annotator r says l | truth t), to begin with; ``told``: pixels
        in which that is known from elsewhere."""
        n, k = observed.shape[1], len(prior)
        for step in range(1, self.max_iter + 1):
            weight = _e_step(observed, prior, confusion) * count[:, None]
            counts = told.copy()
            for who in range(n):
                for label in range(k):
                    counts[who, :, label] += weight[observed[:, who] == label].sum(axis=0)
            total = counts.sum(axis=2, keepdims=True)
            new = np.where(total > 0, counts / np.maximum(total, _LEAST), confusion)
            new = np.clip(new, _LEAST, 1 - _LEAST) if k > 1 else new
            change = float(np.abs(new - confusion).max())
            confusion = new
            if change < self.tol:
                return confusion, step, True
        return confusion, self.max_iter, False


def _e_step(observed: Ints, prior: Floats, confusion: Floats) -> Floats:
    """(n_patterns, n_classes): posterior over true classes."""
    log_joint = np.tile(np.log(prior), (len(observed), 1))
    logs = np.log(confusion)
    for who in range(observed.shape[1]):
        log_joint += logs[who].T[observed[:, who]]
    log_joint -= log_joint.max(axis=1, keepdims=True)
    joint = np.exp(log_joint)
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _posterior(votes: Ints, classes: Ints, prior: Floats, confusion: Floats) -> Floats:
    return _e_step(np.searchsorted(classes, votes), prior, confusion)


def _from_quality(known: MaskAnnotators | None, annotator: Ints, classes: Ints) -> Floats:
    """The confusion that sensitivity and specificity leave; mistakes are spread evenly.

    Who is not known gets ``_START`` for both.
    """
    k = len(classes)
    right = np.full((len(annotator), k), _START)
    if known is not None:
        right[:] = np.nan_to_num(known.sensitivity[annotator], nan=_START)[:, None]
        right[:, classes == 0] = np.nan_to_num(known.specificity[annotator], nan=_START)[:, None]
    right = np.clip(right, _LEAST, 1 - _LEAST) if k > 1 else np.ones_like(right)
    confusion = np.repeat(((1 - right) / max(k - 1, 1))[:, :, None], k, axis=2)
    confusion[:, np.arange(k), np.arange(k)] = right
    return confusion
