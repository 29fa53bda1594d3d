"""Dawid-Skene with a prior for each annotator, blended with skill-weighted votes ("Auto").

With a few dozen answers a full confusion matrix cannot be learned. Here each annotator's matrix
is drawn towards a one-coin matrix of that annotator's own accuracy, itself shrunk towards the
accuracy of all. The blend with votes weighted by agreement ("Wawa") takes the overconfidence out
of the posterior: over many real sets it has fewer errors, and far fewer errors that claim to be
certain, than Dawid-Skene or a vote alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from surelabel.consolidation.answers import Answers, clamped, normalised
from surelabel.consolidation.dawid_skene import e_step, expectation_maximisation
from surelabel.consolidation.labels import build_result
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Floats,
    Ints,
)

# Pseudo-answers behind a class's difficulty, and pseudo-mistakes per cell behind its confusions.
_CLASS_ANSWERS = 50.0
_CONFUSIONS = 2.0


@dataclass(frozen=True)
class HierarchicalDawidSkene:
    """``strength``: pseudo-answers that each row of an annotator's prior is worth, at least.

    A row is never worth less than one per class.
    """

    max_iter: int = 100
    tol: float = 1e-3
    strength: float = 5.0

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
        """See ``Consolidator``."""
        answers = Answers.of(item, annotator, label, n_items, n_annotators, n_classes)
        rows, known = answers.gold_rows(gold)
        if frozen_annotators is not None:
            annotators, n_iter, converged = frozen_annotators, 0, True
            posterior = e_step(answers, annotators)
        else:
            annotators, posterior, n_iter, converged = expectation_maximisation(
                answers, self._pseudo, (rows, known), self.max_iter, self.tol
            )
        blend = clamped((posterior + _weighted_vote(answers, annotators)) / 2, rows, known)
        return build_result(
            answers,
            blend,
            annotators,
            gold_rows=rows,
            n_iter=n_iter,
            converged=converged,
            item_ids=item_ids,
            label_names=label_names,
        )

    def _pseudo(self, counts: Floats) -> Floats:
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


def _weighted_vote(answers: Answers, annotators: AnnotatorParameters) -> Floats:
    """Votes weighted by each annotator's agreement with the majority, as shares.

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
