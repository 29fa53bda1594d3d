"""Bayesian sequence combination: a hidden Markov model of the true tags, annotators with memory.

E. Simpson and I. Gurevych, "A Bayesian Approach for Sequence Tagging with Crowds" (EMNLP 2019),
doi:10.18653/v1/D19-1101, with their annotator model "seq": what an annotator says of a unit depends
on its true tag and on the annotator's own tag before. Variational Bayes with forward-backward, then
Viterbi; both know that a span goes on only where it began.

The units of the chain are the pieces between the offsets that answers use, not words: a word in
the middle of a span says nothing new, and a chain over words believes it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from surelabel.consolidation.spans import decode
from surelabel.consolidation.spans.answers import Floats, SpanAnswers
from surelabel.consolidation.spans.base import Learned, SpanMethod
from surelabel.consolidation.spans.forward_backward import NEVER, Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.result import SpanAnnotators
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.token_majority import unique_marks, vote_shares
from surelabel.consolidation.spans.units import Units
from surelabel.consolidation.spans.words import WordsOfUnits

_LEAST = 1e-12


class _Model(NamedTuple):
    """Expected logarithms: emission [a, before, own, true], initial and transition of true tags."""

    emission: Floats
    initial: Floats
    transition: Floats


@dataclass
class BayesianSequenceCombination(SpanMethod):
    """``strength``: pseudo-answers behind each row [before, true] of an annotator's table, shaped
    as the annotator's tags are whatever went before; those have ``right`` pseudo-answers on the
    true tag and ``wrong`` on each other. ``word_weight``: how much of what words say is believed,
    below 1 since neighbours repeat each other; 0 ignores the texts.
    """

    max_iter: int = 20
    tol: float = 1e-3
    strength: float = 10.0
    right: float = 8.0
    wrong: float = 1.0
    word_weight: float = 0.2

    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        units = Units.of(answers)
        sequences = build_sequences(answers, units, assign_layers(answers))
        lattice = Lattice(sequences)
        allowed = allowed_transitions(answers.n_classes)
        words = None
        if texts is not None and self.word_weight > 0:
            words = WordsOfUnits.of(sequences, texts)
        posterior = vote_shares(lattice)
        follows = ~lattice.begins[1:]
        pairs = posterior[:-1][follows].T @ posterior[1:][follows]
        n_iter, converged = 0, False
        while n_iter < self.max_iter and not converged:
            n_iter += 1
            counts = lattice.count(posterior)
            model = self._expect(counts, posterior[lattice.begins].sum(axis=0), pairs, allowed)
            log_likelihood = lattice.emissions(model.emission)
            if words is not None:
                table = words.learn(posterior)
                log_likelihood += self.word_weight * words.evidence(table, lattice.n_units)
            found = lattice.forward_backward(
                log_likelihood, np.exp(model.initial), np.exp(model.transition)
            )
            pairs = found.pairs
            change = np.abs(found.tags - posterior).max(initial=0)
            posterior, converged = found.tags, bool(change < self.tol)
        return self._decode(answers, lattice, model, found, log_likelihood, n_iter, converged)

    def _decode(self, answers, lattice, model, found, log_likelihood, n_iter, converged):
        path = lattice.viterbi(log_likelihood, model.initial, model.transition)
        runs = decode.runs(lattice.sequences, path)
        chance = decode.span_probability(lattice, found, np.exp(model.transition), runs)
        marks, confidence = unique_marks(decode.marks_of(lattice.sequences, *runs), chance)
        return Learned.without_model(marks, confidence, answers)

    def _expect(
        self, counts: Floats, first: Floats, pairs: Floats, allowed: NDArray[np.bool_]
    ) -> _Model:
        """The Dirichlet posteriors' expected logarithms."""
        n_tags = len(allowed)
        free = counts.sum(axis=1) + self.wrong + (self.right - self.wrong) * np.eye(n_tags)
        free /= free.sum(axis=1, keepdims=True)
        prior = free[:, None] * allowed[None, :, :, None]
        prior *= self.strength / prior.sum(axis=2, keepdims=True)
        own = counts + prior
        possible = allowed[None, :, :, None]
        emission = np.where(possible, digamma(np.maximum(own, _LEAST)), NEVER)
        emission = emission - digamma(own.sum(axis=2, keepdims=True))
        onward = np.where(allowed, digamma(np.maximum(pairs + allowed, _LEAST)), NEVER)
        onward = onward - digamma((pairs + allowed).sum(axis=1, keepdims=True))
        begin = first + allowed[0]
        initial = np.where(allowed[0], digamma(np.maximum(begin, _LEAST)), NEVER)
        return _Model(emission, initial - digamma(begin.sum()), onward)


def allowed_transitions(n_classes: int) -> NDArray[np.bool_]:
    """[before, after]: a span goes on only after its beginning, or after it went on already."""
    allowed = np.ones((1 + 2 * n_classes,) * 2, dtype=bool)
    allowed[:, 2::2] = False
    begin, inside = np.arange(n_classes) * 2 + 1, np.arange(n_classes) * 2 + 2
    allowed[begin, inside] = allowed[inside, inside] = True
    return allowed
