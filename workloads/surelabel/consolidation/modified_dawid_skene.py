"""The modified Dawid-Skene that Ground Truth consolidated classification with.

Constants and steps as in the code that Amazon published, aws-samples'
amazon-sagemaker-examples, annotation consolidation (class MulticlassDawidSkeneEM): each
annotator's matrix is drawn to a one-coin matrix of its own accuracy, with as many pseudo-answers
as it gave answers, and to that of all, with half as many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import check_tables, one_coin
from surelabel.consolidation.majority_vote import estimate
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Every annotator's accuracy before the first answer.
_ACCURACY = 0.7
_LEAST = 1e-300


@dataclass
class ModifiedDawidSkene(Classification):
    """``tol``: relative change of the log-likelihood below which the iteration ends.

    Ground Truth rounded the confidence to two digits and gave the first class where two were
    equal; here confidence is not rounded, and ties go by the rule of all algorithms.
    """

    max_iter: int = 20
    tol: float = 1e-8

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        check_tables("GroundTruth", answers)
        k = answers.n_classes
        confusion = one_coin(np.full(answers.n_annotators, _ACCURACY), k)
        prior = np.full(k, 1 / k)
        posterior, before = _e_step(answers, confusion, prior)
        converged, n_iter = False, 0
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            posterior = gold.clamp(posterior)
            confusion = _m_step(answers, posterior)
            prior = _class_prior(answers, posterior)
            posterior, likelihood = _e_step(answers, confusion, prior)
            converged = abs(likelihood - before) <= self.tol * abs(likelihood)
            before = likelihood
        posterior = gold.clamp(posterior)
        annotators = replace(
            estimate(answers, gold, lambda _: posterior),
            confusion=confusion,
            accuracy=np.einsum("t,att->a", prior, confusion),
            prior=prior,
        )
        return Learned(annotators, n_iter, converged, posterior)


def _m_step(answers: Answers, posterior: Floats) -> Floats:
    """(n_annotators, n_classes, n_classes): P(observed | true), rows sum to 1."""
    k = answers.n_classes
    counts = (answers.one_hot_transposed @ posterior).reshape(-1, k, k).transpose(0, 2, 1)
    answered = answers.by_annotator.astype(float)
    # Who has no answers has the accuracy of everybody, which has no answers' weight.
    accuracy = np.einsum("att->a", counts) / np.maximum(answered, 1)
    known = answered > 0
    average = accuracy[known].mean() if known.any() else _ACCURACY
    own = one_coin(np.where(known, accuracy, average), k)
    everybody = one_coin(np.full(1, average), k)
    weight = np.maximum(answered, 1)[:, None, None]
    smoothed = counts + own * weight + everybody * weight / 2
    rows: Floats = smoothed / smoothed.sum(axis=2, keepdims=True)
    return rows


def _e_step(answers: Answers, confusion: Floats, prior: Floats) -> tuple[Floats, float]:
    """Posterior, and the log-likelihood of all answers."""
    k = answers.n_classes
    if not answers.n_items:
        return np.empty((0, k)), 0.0
    # An annotator who is always right so far would rule classes out for ever.
    log_confusion = np.log(np.maximum(confusion, _LEAST)).transpose(0, 2, 1).reshape(-1, k)
    joint = answers.one_hot @ log_confusion + np.log(np.maximum(prior, _LEAST))
    likelihood = logsumexp(joint, axis=1)
    return np.exp(joint - likelihood[:, None]), float(likelihood.sum())


def _class_prior(answers: Answers, posterior: Floats) -> Floats:
    """Mean posterior of the items with answers."""
    answered = answers.n_answers > 0
    k = answers.n_classes
    return posterior[answered].mean(axis=0) if answered.any() else np.full(k, 1 / k)
