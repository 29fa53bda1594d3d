"""Dawid-Skene with a prior for each annotator, blended with skill-weighted votes.

With a few dozen answers a full confusion matrix cannot be learned. Here each annotator's matrix
is drawn towards a one-coin matrix of that annotator's own accuracy, itself shrunk towards the
accuracy of all. The blend with votes weighted by agreement ("Wawa") takes the overconfidence out
of the posterior, and so does the answers' dependence on one another (``damped``): over many real
sets it has fewer errors, and far fewer errors that claim to be certain, than Dawid-Skene or a vote
alone. A prior over annotators is B. Carpenter's idea (2008; compared with others in S. Paun et al.,
"Comparing Bayesian Models of Annotation", TACL 6 (2018), doi:10.1162/tacl_a_00040); its form and
the blend are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.confusion import (
    Counts,
    Crowd,
    e_step,
    expected_counts,
    m_step,
    without_own_word,
)
from surelabel.consolidation.expectation_maximisation import ExpectationMaximisation
from surelabel.consolidation.result import AnnotatorParameters, Floats
from surelabel.consolidation.wawa import weighted_vote

# Pseudo-answers behind a class's difficulty, and pseudo-mistakes per cell behind its confusions.
_CLASS_ANSWERS = 50.0
_CONFUSIONS = 2.0
_LEAST = 1e-9
# How far answers to one item go together, given its class (rho). No truth chose it: it foretells
# held-out answers best on the public sets with many answers an item (0.1 for bluebird, rte and web,
# 0.15 for d_sentiment, 0.2 for dog).
_ALIKE = 0.1


@dataclass
class HierarchicalDawidSkene(ExpectationMaximisation):
    """``strength``: pseudo-answers that each row of an annotator's prior is worth, at least.

    A row is never worth less than one per class. Where everybody's matrices would have more than
    ``MAX_CELLS`` cells, each annotator has one accuracy, as with ``OneCoinDawidSkene``.
    ``class_prior``: (n_classes,), how common each class is, where that is known; learned without
    it.
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 5.0
    class_prior: Sequence[float] | None = None

    def _m_step(self, counts: Counts, crowd: Crowd) -> AnnotatorParameters:
        return m_step(counts, self.pseudo_counts, crowd)

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return blend(answers, annotators)

    def held_out(self, answers: Answers, annotators: AnnotatorParameters, model: Floats) -> Floats:
        """(n_annotations,): log chance of each answer, by all but this answer.

        The item's class without the annotator's word for it, the annotator's row without the item.
        ``model``: (n_items, n_classes), ``e_step`` by the annotators, with gold items clamped.
        """
        counts = expected_counts(answers, model, np.empty(0, np.int64)).answers
        counts = counts + self.pseudo_counts(counts)
        own = model[answers.item]
        cavity = without_own_word(own, annotators.chances(answers.annotator, answers.label))
        right = np.maximum(counts[answers.annotator, answers.label] - own, _LEAST)
        total = np.maximum(counts.sum(axis=1)[answers.annotator] - own, _LEAST)
        found: Floats = np.log((cavity * right / total).sum(axis=1))
        return found

    def pseudo_counts(self, counts: Floats) -> Floats:
        """Pseudo-counts centred on each annotator's own accuracy.

        ``counts`` and they: (n_annotators, n_classes, n_classes), [annotator, observed, true].
        """
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


def blend(answers: Answers, annotators: AnnotatorParameters) -> Floats:
    """(n_items, n_classes): the damped posterior and the votes by agreement, half and half."""
    model = damped(e_step(answers, annotators), answers.n_answers)
    return (model + weighted_vote(answers, annotators)) / 2


def damped(posterior: Floats, n_answers: NDArray[np.int64]) -> Floats:
    """(n_items, n_classes): ``posterior`` as sure as its answers are, which are not independent.

    People who see the same item mistake it together, so n answers are worth n / (1 + rho (n - 1))
    (the design effect: L. Kish, "Survey Sampling", 1965), and the posterior is taken to that power
    over n.
    """
    worth = 1 / (1 + _ALIKE * np.maximum(n_answers - 1, 0))
    found = posterior ** worth[:, None]
    found /= found.sum(axis=1, keepdims=True)
    return found
