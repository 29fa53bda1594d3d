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
from scipy.special import digamma

from surelabel.consolidation.answers import Answers, parts
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import check_tables, expected_counts, m_step
from surelabel.consolidation.evidence import kernel_pays
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.kernel_sum import UNITS, KernelSum, Tables
from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Pseudo-answers: right, wrong in each other way, per subtype, per class (as in the paper).
_RIGHT, _WRONG, _SUBTYPE, _CLASS = 4.0, 1.0, 0.1, 1.0
# It takes so many times the turns and the work of expectation maximisation: the kernel pays sooner.
_TURNS = 4


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
            kernel_pays(answers, _TURNS * answers.n_classes * self.subtypes)
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
        states = np.round(share.reshape(n, k * m) * UNITS).astype(np.int32)
        del share
        after = _by_class(states, m)
        n_iter, converged = 0, False
        while not converged and n_iter < self.max_iter:
            n_iter += 1
            _, log_confusion, log_state = _parameters(counts, sizes)
            tables = Tables.of_logs(log_confusion.reshape(-1, k * m), log_state.ravel())
            total = KernelSum(answers.n_annotators * k, k * m)
            total.add(packed, tables, tables, states)
            before, after = after, _by_class(states, m)
            converged = bool(np.abs(after - before).max(initial=0) < self.tol * UNITS)
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
    n, k, m = state.share.shape
    joint, share = state.joint.reshape(n, -1), state.share.reshape(n, -1)
    log_confusion = state.log_confusion.reshape(-1, k, k * m)
    counts = state.counts.reshape(-1, k, k * m)
    total = counts.sum(axis=1)
    found = np.empty(len(answers.item))
    for first, last in parts(len(answers.item), k * m):
        rows = slice(first, last)
        i, a, observed = answers.item[rows], answers.annotator[rows], answers.label[rows]
        others = joint[i] - log_confusion[a, observed]
        others -= others.max(axis=1, keepdims=True)
        np.exp(others, out=others)
        own = share[i]
        right = (counts[a, observed] - own) / (total[a] - own)
        found[rows] = np.log(np.einsum("ij,ij->i", others, right) / others.sum(axis=1))
    return found


def _by_class(states: NDArray[np.int32], m: int) -> NDArray[np.int32]:
    """(n_items, n_classes): sums over the m subtypes of each class."""
    # NumPy is slow at sums over a short axis.
    found = states[:, ::m].copy()
    for subtype in range(1, m):
        found += states[:, subtype::m]
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
    joint -= joint.max(axis=1, keepdims=True)
    share = np.exp(joint)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    joint -= np.log(total)
    shape = (-1, k, m)
    return Subtypes(share.reshape(shape), counts, log_confusion, joint.reshape(shape))


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
