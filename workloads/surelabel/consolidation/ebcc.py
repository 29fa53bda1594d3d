"""Enhanced Bayesian classifier combination: annotators whose mistakes go together.

Y. Li, B. I. P. Rubinstein and T. Cohn, "Exploiting Worker Correlation for Label Aggregation in
Crowdsourcing", ICML 2019. Each class has subtypes of items, and annotators answer each subtype in
their own way; where many mistake the same items, one subtype takes these mistakes up. With one
subtype it is iBCC: H.-C. Kim and Z. Ghahramani, "Bayesian Classifier Combination", AISTATS 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, logsumexp

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import check_tables, expected_counts, m_step
from surelabel.consolidation.evidence import KernelSum, kernel_pays, kernel_tables
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Pseudo-answers: right, wrong in each other way, per subtype, per class (as in the paper).
_RIGHT, _WRONG, _SUBTYPE, _CLASS = 4.0, 1.0, 0.1, 1.0


@dataclass(frozen=True)
class Subtypes:
    """The state of the variational iteration.

    ``share``: (n_items, n_classes, m), over all classes and subtypes. ``counts``:
    (n_annotators, observed, n_classes, m). ``log_confusion``: expected, of the same shape.
    ``joint``: (n_items, n_classes, m), log of ``share``.
    """

    share: Floats
    counts: Floats
    log_confusion: Floats
    joint: Floats


@dataclass
class EBCC(Classification):
    """``subtypes``: kinds of items per class, 2 ("easy and hard") by default, 1 for iBCC.

    Memory: 8 bytes x annotators x classes^2 x subtypes, several times. The paper starts at random;
    here the iteration starts from ``HierarchicalDawidSkene``, with the items that its annotators
    find hardest in the last subtype, so that the result is the same every time.
    """

    subtypes: int = 2
    max_iter: int = 200
    tol: float = 1e-3

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        check_tables("EBCC", answers)
        hierarchical = HierarchicalDawidSkene()
        annotators = hierarchical._learn(answers, gold, start).annotators
        posterior = gold.clamp(hierarchical._judge(answers, annotators))
        learned, _ = self.learn_from(answers, gold, annotators, posterior)
        return learned

    def learn_from(
        self, answers: Answers, gold: Gold, annotators: AnnotatorParameters, posterior: Floats
    ) -> tuple[Learned, Subtypes]:
        """The same from another algorithm's ``annotators`` and ``posterior``, (n_items, n_classes).

        The second is the state at the end, of which ``held_out`` makes chances.
        """
        rank = _by_rank(_surprise(answers, annotators, posterior), self.subtypes)
        share = posterior[:, :, None] * rank[:, None]
        if (
            kernel_pays(answers, answers.n_classes * self.subtypes)
            and not gold.item.size
            and answers.n_answers.all()
        ):
            return self._compiled(answers, share)
        n_iter, converged = 0, False
        state = _iterate(answers, share)
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            share = state.share.copy()
            _clamp(share, gold)
            before, posterior = posterior, gold.clamp(share.sum(axis=2))
            converged = bool(np.abs(posterior - before).max(initial=0.0) < self.tol)
            if not converged:
                state = _iterate(answers, share)
        return _learned(answers, posterior, gold, n_iter, converged), state

    def _compiled(self, answers: Answers, share: Floats) -> tuple[Learned, Subtypes]:
        """The same by the kernel, to which every subtype is a class; all items have answers, and
        none has a known label. The last turn is in 64 bits."""
        n, k, m = share.shape
        packed = PackedAnswers.of(answers)
        counts, sizes = _counts(answers, share)
        states = share.reshape(n, k * m).astype(np.float32)
        del share
        n_iter, converged = 0, False
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            before = states.reshape(n, k, m).sum(axis=2)
            _, log_confusion, log_state = _parameters(counts, sizes)
            tables = kernel_tables(log_confusion.reshape(-1, k * m), log_state.ravel())
            total = KernelSum(answers.n_annotators * k, k * m)
            total.add(packed, tables, tables, states)
            after = states.reshape(n, k, m).sum(axis=2)
            converged = bool(np.abs(after - before).max(initial=0.0) < self.tol)
            if not converged:
                answered, found = total.counts
                counts, sizes = answered.reshape(-1, k, k, m), found.reshape(k, m)
        state = _given(answers, counts, sizes)
        posterior = state.share.sum(axis=2)
        none = Gold(np.empty(0, np.int64), np.empty(0, np.int64))
        return _learned(answers, posterior, none, n_iter, converged), state


def held_out(answers: Answers, state: Subtypes) -> Floats:
    """(n_annotations,): log chance of each answer, by all but this answer.

    The item's subtype without the annotator's word for it, the annotator's table without the item.
    """
    i, a, observed = answers.item, answers.annotator, answers.label
    joint = state.joint[i] - state.log_confusion[a, observed]
    joint -= logsumexp(joint, axis=(1, 2), keepdims=True)
    own = state.share[i]
    right = state.counts[a, observed] - own
    total = state.counts.sum(axis=1)[a] - own
    found: Floats = np.log((np.exp(joint) * right / total).sum(axis=(1, 2)))
    return found


def _learned(
    answers: Answers, posterior: Floats, gold: Gold, n_iter: int, converged: bool
) -> Learned:
    counts = expected_counts(answers, posterior, gold.item)
    annotators = m_step(counts, lambda c: np.full_like(c, 0.01), answers)
    return Learned(annotators, n_iter, converged, posterior)


def _iterate(answers: Answers, share: Floats) -> Subtypes:
    """One turn of the variational updates (equations 4 to 8 of the paper)."""
    return _given(answers, *_counts(answers, share))


def _counts(answers: Answers, share: Floats) -> tuple[Floats, Floats]:
    """Expected answers (n_annotators, observed, n_classes, m), and items (n_classes, m)."""
    n, k, m = share.shape
    counts = (answers.one_hot_transposed @ share.reshape(n, -1)).reshape(-1, k, k, m)
    return counts, share.sum(axis=0)


def _parameters(counts: Floats, sizes: Floats) -> tuple[Floats, Floats, Floats]:
    """Counts with their prior, the expected log confusion, and log of how common states are."""
    k, m = sizes.shape
    prior = np.full((k, k), _WRONG) + np.eye(k) * (_RIGHT - _WRONG)
    counts = counts + prior[None, :, :, None]
    log_confusion = digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))
    classes = _CLASS + sizes.sum(axis=1)
    sizes = _SUBTYPE / m + sizes
    log_size = digamma(sizes) - digamma(sizes.sum(axis=1, keepdims=True))
    log_class = digamma(classes) - digamma(classes.sum())
    return counts, log_confusion, log_size + log_class[:, None]


def _given(answers: Answers, counts: Floats, sizes: Floats) -> Subtypes:
    k, m = sizes.shape
    counts, log_confusion, log_state = _parameters(counts, sizes)
    joint = answers.one_hot @ log_confusion.reshape(-1, k * m)
    joint = joint + log_state.reshape(-1)
    joint -= logsumexp(joint, axis=1, keepdims=True)
    joint = joint.reshape(-1, k, m)
    return Subtypes(np.exp(joint), counts, log_confusion, joint)


def _surprise(answers: Answers, annotators: AnnotatorParameters, posterior: Floats) -> Floats:
    """(n_items,): mean log chance of an item's answers; the lower, the harder the item."""
    chances = annotators.chances(answers.annotator, answers.label)
    chance = (posterior[answers.item] * chances).sum(axis=1)
    total = np.bincount(answers.item, weights=np.log(chance), minlength=answers.n_items)
    mean: Floats = total / np.maximum(answers.n_answers, 1)
    return mean


def _by_rank(score: Floats, m: int) -> Floats:
    """(len(score), m): soft membership of m groups of equal size by rank; equal scores alike."""
    _, place, size = np.unique(np.round(score, 9), return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - size / 2)[place] / max(len(score), 1)
    centre = (np.arange(m) + 0.5) / m
    weight = np.exp(-2 * ((rank[:, None] - centre) * m) ** 2) + 1e-3
    shares: Floats = weight / weight.sum(axis=1, keepdims=True)
    return shares


def _clamp(share: Floats, gold: Gold) -> None:
    """Gold items are of their class, in the subtypes that they look like."""
    within: NDArray[np.float64] = share[gold.item, gold.label]
    share[gold.item] = 0.0
    share[gold.item, gold.label] = within / np.maximum(within.sum(axis=1, keepdims=True), 1e-300)
