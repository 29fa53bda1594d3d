"""Bayesian sequence combination: a hidden Markov model of the true tags, annotators with memory.

E. Simpson and I. Gurevych, "A Bayesian Approach for Sequence Tagging with Crowds" (EMNLP 2019),
doi:10.18653/v1/D19-1101, with their annotator model "seq": what an annotator says of a unit depends
on its true tag and on the annotator's own tag before. Variational Bayes with forward-backward, then
Viterbi; both know that a span goes on only where it began.

Two things differ from the paper. The units of the chain are the pieces between the offsets that
answers use, not words: a word in the middle of a span says nothing new, and a chain over words
takes it for news. And words count for less than they would if neighbours were independent. Beside
that, a span's confidence counts answers for as many as they are worth (``dependence``), and a lone
one by what is known of its author (``lone_answers``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.spans import decode
from surelabel.consolidation.spans.annotator_prior import prior_counts
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.base import Learned, SpanMethod
from surelabel.consolidation.spans.dependence import damping, learn_dependence
from surelabel.consolidation.spans.forward_backward import NEVER, Lattice, Posterior
from surelabel.consolidation.spans.label_vote import vote_labels
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.lone_answers import believed, n_compared
from surelabel.consolidation.spans.overlap import Marks
from surelabel.consolidation.spans.result import SpanAnnotators
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.token_majority import unique_marks, vote_shares
from surelabel.consolidation.spans.units import Units
from surelabel.consolidation.spans.words import WordsOfUnits, WordTable

_LEAST = 1e-12
# Log odds that somebody is right who knows the truth.
_CERTAIN = 50.0
# Numbers in the annotators' tables; above it one table for all classes has to do.
_MAX_CELLS = 4_000_000


class _Model(NamedTuple):
    """Logarithms: emission [a, before, own, true], initial and transition of true tags."""

    emission: Floats
    initial: Floats
    transition: Floats


class _Found(NamedTuple):
    """Where the iteration ended; ``learned`` is None for frozen annotators.

    ``answers``, ``beside``: (n_units, n_tags), what annotators and what words say, logarithms.
    """

    model: _Model
    posterior: Posterior
    answers: Floats
    beside: Floats | None
    learned: Learned | None

    @property
    def log_likelihood(self) -> Floats:
        """(n_units, n_tags): of all that was said."""
        return _sum(self.answers, self.beside)


@dataclass
class BayesianSequenceCombination(SpanMethod):
    """``strength``: pseudo-answers behind each row [before, true] of an annotator's table
    (``annotator_prior``). ``max_iter``, ``tol``: converged when no chance of a tag moved by ``tol``
    or more. ``word_weight``: how much of what words say is believed; 0 ignores the
    texts. Ties: the lower tag, so rather no span than one, and the lower class.

    Spans of one answer that overlap come into layers (``assign_layers``), each a chain of its own
    with the same annotators. With so many classes that tables of all tags would be too large, the
    chain knows spans without classes, and annotators vote on the class of each span found.
    """

    # PICO's 4,740 abstracts need 181, the 191 of them whose truth is known alone 211.
    max_iter: int = 500
    tol: float = 1e-3
    strength: float = 10.0
    word_weight: float = 0.4

    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        layer = assign_layers(answers)
        by_class = _is_by_class(answers)
        if frozen is not None:
            # As it was when they were learned, however many annotators there are now.
            by_class = frozen.emission.shape[-1] == 1 + 2 * answers.n_classes
        nameless = replace(answers, label=np.zeros_like(answers.label), n_classes=1)
        sequences = build_sequences(
            answers if by_class else nameless, Units.of_pieces(answers, texts), layer
        )
        lattice = Lattice(sequences)
        words = None
        if texts is not None and self.word_weight > 0:
            known = None if frozen is None else frozen.vocabulary
            words = WordsOfUnits.of(lattice, texts, known)
        found = (
            self._iterate(lattice, words, answers.oracle)
            if frozen is None
            else self._judge(lattice, words, frozen)
        )
        model = found.model
        path = lattice.viterbi(found.log_likelihood, model.initial, model.transition)
        runs = decode.runs(sequences, path)
        dependence = (
            learn_dependence(
                lattice,
                found.beside,
                model.emission,
                np.exp(model.initial),
                np.exp(model.transition),
                answers.oracle,
            )
            if frozen is None
            else frozen.dependence
        )
        posterior = _damped(lattice, found, dependence)
        chance = decode.span_probability(lattice, posterior, np.exp(model.transition), runs)
        compared = n_compared(answers) if frozen is None else frozen.n_compared
        chance = believed(sequences, runs[0], chance, compared)
        if not by_class:
            label, share = vote_labels(answers, sequences, layer, runs)
            runs, chance = (runs[0], runs[1], label), chance * share
        marks, confidence = unique_marks(decode.marks_of(sequences, *runs), chance)
        learned = found.learned or Learned.without_model(marks, confidence, answers)
        return replace(learned, marks=marks, confidence=confidence, dependence=dependence)

    def _iterate(self, lattice: Lattice, words: WordsOfUnits | None, oracle: int | None) -> _Found:
        """Variational Bayes from the shares of votes on."""
        allowed = allowed_transitions(lattice.sequences.n_classes)
        tags = vote_shares(lattice)
        follows = ~lattice.begins[1:]
        pairs = tags[:-1][follows].T @ tags[1:][follows]
        table = WordTable.empty(lattice.sequences.n_tags)
        n_iter, converged = 0, False
        while not converged and n_iter < max(self.max_iter, 1):
            n_iter += 1
            counts = lattice.count(tags)
            if oracle is not None:
                # Nobody is believed to be as good because somebody knows the truth.
                counts[oracle] = 0.0
            first = tags[lattice.begins].sum(axis=0)
            model = self._expect(counts, first, pairs, allowed)
            if oracle is not None:
                model.emission[oracle] = _CERTAIN * (np.eye(len(allowed)) - 1)
            said, beside = lattice.emissions(model.emission), None
            if words is not None:
                table, beside = words.learn(tags)
                beside *= self.word_weight
            posterior = lattice.forward_backward(
                _sum(said, beside), np.exp(model.initial), np.exp(model.transition)
            )
            pairs = posterior.pairs
            converged = bool(np.abs(posterior.tags - tags).max(initial=0.0) < self.tol)
            tags = posterior.tags
        nothing = np.empty(0, np.int64)
        everybody = counts.sum(axis=0, keepdims=True)
        learned = Learned(
            Marks(nothing, nothing, nothing, nothing),
            np.empty(0),
            emission=_rows(counts + prior_counts(counts, allowed, self.strength)),
            pooled=_rows(everybody + prior_counts(everybody, allowed, self.strength))[0],
            initial=(first + allowed[0]) / (first + allowed[0]).sum(),
            transition=(pairs + allowed) / (pairs + allowed).sum(axis=1, keepdims=True),
            table=table,
            n_iter=n_iter,
            converged=converged,
        )
        return _Found(model, posterior, said, beside, learned)

    def _judge(
        self, lattice: Lattice, words: WordsOfUnits | None, frozen: SpanAnnotators
    ) -> _Found:
        """Each item by itself, by what is known of annotators and words."""
        model = _Model(
            _log(frozen.emission.swapaxes(2, 3)), _log(frozen.initial), _log(frozen.transition)
        )
        said, beside = lattice.emissions(model.emission), None
        if words is not None:
            table = WordTable(frozen.vocabulary, frozen.word_evidence)
            beside = self.word_weight * words.evidence(table)
        posterior = lattice.forward_backward(_sum(said, beside), frozen.initial, frozen.transition)
        return _Found(model, posterior, said, beside, None)

    def _expect(
        self, counts: Floats, first: Floats, pairs: Floats, allowed: NDArray[np.bool_]
    ) -> _Model:
        """The expected logarithms under the Dirichlet posteriors."""
        own = counts + prior_counts(counts, allowed, self.strength)
        return _Model(
            _expected_log(own, allowed[None, :, :, None], axis=2),
            _expected_log(first + allowed[0], allowed[0], axis=0),
            _expected_log(pairs + allowed, allowed, axis=1),
        )


def allowed_transitions(n_classes: int) -> NDArray[np.bool_]:
    """[before, after]: a span goes on only after its beginning, or after it went on already."""
    allowed = np.ones((1 + 2 * n_classes,) * 2, dtype=bool)
    allowed[:, 2::2] = False
    begin, inside = np.arange(n_classes) * 2 + 1, np.arange(n_classes) * 2 + 2
    allowed[begin, inside] = allowed[inside, inside] = True
    return allowed


def _damped(lattice: Lattice, found: _Found, dependence: float) -> Posterior:
    """The posterior where answers to one item are worth as many as they are."""
    if not dependence:
        return found.posterior
    s = lattice.sequences
    factor = damping(np.repeat(s.n_readings, s.length), dependence)
    said = _sum(found.answers * factor[:, None], found.beside)
    return lattice.forward_backward(
        said, np.exp(found.model.initial), np.exp(found.model.transition)
    )


def _sum(answers: Floats, beside: Floats | None) -> Floats:
    return answers if beside is None else answers + beside


def _is_by_class(answers: SpanAnswers) -> bool:
    return answers.n_annotators * (1 + 2 * answers.n_classes) ** 3 <= _MAX_CELLS


def _expected_log(dirichlet: Floats, possible: NDArray[np.bool_], axis: int) -> Floats:
    total = digamma(dirichlet.sum(axis=axis, keepdims=True))
    return np.asarray(np.where(possible, digamma(np.maximum(dirichlet, _LEAST)) - total, NEVER))


def _rows(counts: Floats) -> Floats:
    """P(own | before, true) as [a, before, true, own]."""
    return np.ascontiguousarray((counts / counts.sum(axis=2, keepdims=True)).swapaxes(2, 3))


def _log(probability: Floats) -> Floats:
    possible = probability > 0
    return np.asarray(np.where(possible, np.log(np.where(possible, probability, 1.0)), NEVER))
