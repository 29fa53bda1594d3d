"""Dawid-Skene with a prior for each annotator, blended with skill-weighted votes.

With a few dozen answers a full confusion matrix cannot be learned. Here each annotator's matrix
is drawn towards a one-coin matrix of that annotator's own accuracy, itself shrunk towards the
accuracy of all. The blend with votes weighted by agreement ("Wawa") takes the overconfidence out
of the posterior: over many real sets it has fewer errors, and far fewer errors that claim to be
certain, than Dawid-Skene or a vote alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import e_step, m_step
from surelabel.consolidation.dawid_skene import expectation_maximisation
from surelabel.consolidation.result import AnnotatorParameters, Floats
from surelabel.consolidation.wawa import weighted_vote

# Pseudo-answers behind a class's difficulty, and pseudo-mistakes per cell behind its confusions.
_CLASS_ANSWERS = 50.0
_CONFUSIONS = 2.0
_LEAST = 1e-9


@dataclass
class HierarchicalDawidSkene(Classification):
    """``strength``: pseudo-answers that each row of an annotator's prior is worth, at least.

    A row is never worth less than one per class.
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 5.0

    def _learn(self, answers: Answers, gold: Gold) -> Learned:
        model = self.fit_model(answers, gold)
        return model._replace(posterior=gold.clamp(blend(answers, model)))

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return blend(answers, Learned(e_step(answers, annotators), annotators))

    def fit_model(self, answers: Answers, gold: Gold) -> Learned:
        """What is blended with the votes: the model alone."""

        def m(posterior: Floats) -> AnnotatorParameters:
            return m_step(answers, posterior, self.pseudo_counts, gold.item)

        return expectation_maximisation(answers, m, gold, self.max_iter, self.tol)

    def held_out(self, answers: Answers, model: Learned) -> Floats:
        """(n_annotations,): log chance of each answer, by all but this answer.

        The item's class without the annotator's word for it, the annotator's row without the item.
        """
        k = answers.n_classes
        counts = (answers.one_hot_transposed @ model.posterior).reshape(-1, k, k)
        counts = counts + self.pseudo_counts(counts)
        own = model.posterior[answers.item]
        cavity = own / model.annotators.confusion[answers.annotator, :, answers.label]
        cavity /= cavity.sum(axis=1, keepdims=True)
        right = np.maximum(counts[answers.annotator, answers.label] - own, _LEAST)
        total = np.maximum(counts.sum(axis=1)[answers.annotator] - own, _LEAST)
        found: Floats = np.log((cavity * right / total).sum(axis=1))
        return found

    def pseudo_counts(self, counts: Floats) -> Floats:
        """Pseudo-counts [annotator, observed, true] centred on each annotator's own accuracy."""
        k = counts.shape[1]
        diagonal = np.einsum("att->a", counts)
        answered = counts.sum(axis=(1, 2))
        overall = (diagonal.sum() + 6) / (answered.sum() + 8)
        own = (diagonal + 8 * overall) / (answered + 8)
        pooled = counts.sum(axis=0)
        # How hard a class is and what it is taken for are learned only as far as there are
        # answers: from a handful of mistakes they would be noise, and every item would pay.
        by_class = np.diagonal(pooled) + 1 / k + _CLASS_ANSWERS * overall
        by_class /= pooled.sum(axis=0) + 1 + _CLASS_ANSWERS
        off = pooled + 1 / k + _CONFUSIONS * k / max(k - 1, 1)
        off *= 1 - np.eye(k)
        off /= np.maximum(off.sum(axis=0), np.finfo(float).tiny)
        with np.errstate(divide="ignore"):  # A single class is always right: logit(1) = inf.
            shifted = logit(own)[:, None] + logit(by_class)[None, :] - logit(overall)
        right = np.clip(expit(np.nan_to_num(shifted, nan=0.0)), 0.02, 0.995)
        pseudo = (1 - right)[:, None, :] * off[None]
        pseudo[:, np.arange(k), np.arange(k)] = right
        # The more classes, the more cells a row has to learn.
        weighted: Floats = max(self.strength, k) * pseudo
        return weighted


def blend(answers: Answers, model: Learned) -> Floats:
    """(n_items, n_classes): mean of the model's posterior and the weighted votes' shares."""
    mean: Floats = (model.posterior + weighted_vote(answers, model.annotators)) / 2
    return mean
