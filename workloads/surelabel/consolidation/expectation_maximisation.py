"""Expectation maximisation: annotators from labels and labels from annotators, until both stand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import Counts, Crowd
from surelabel.consolidation.evidence import Evidence, KernelEvidence, evidence_of
from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import AnnotatorParameters


class ExpectationMaximisation(Classification):
    """What an annotator is learned from, and when it ends; the M step is the algorithm's own.

    Converged: no entry of the posterior moved by ``tol`` or more.
    """

    max_iter: int
    tol: float

    @abstractmethod
    def _m_step(self, counts: Counts, crowd: Crowd) -> AnnotatorParameters:
        """The annotators that explain these counts."""

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        return self._iterate(evidence_of(answers, gold), start)

    def learn_from_shards(
        self, shards: Iterable[PackedAnswers], *, start: AnnotatorParameters | None = None
    ) -> Learned:
        """The annotators of one crowd whose answers come in shards, in memory or on disk.

        ``shards`` is gone through anew for every pass, so it must be a list or whatever else can
        be iterated over again; one shard is in use at a time. How many there are, and how many
        threads (``OMP_NUM_THREADS``), changes no bit of the result. ``label_shard`` then labels
        each. ``start``: annotators to start from, as for ``fit``. ValueError for no shards, and
        for shards of different crowds.
        """
        self.check_parameters()
        return self._iterate(KernelEvidence(shards), start)

    def _iterate(self, evidence: Evidence, start: AnnotatorParameters | None) -> Learned:
        def m(counts: Counts) -> AnnotatorParameters:
            return self._with_prior(self._m_step(counts, evidence))

        return iterate(evidence, m, self.max_iter, self.tol, start)


def iterate(
    evidence: Evidence,
    m: Callable[[Counts], AnnotatorParameters],
    max_iter: int,
    tol: float,
    start: AnnotatorParameters | None,
) -> Learned:
    """M steps and E steps from the shares of votes on, or from what ``start`` makes of the answers.

    The annotators that come back are those of the last E step.
    """
    annotators = m(evidence.from_votes() if start is None else evidence.given(start)[0])
    for n_iter in range(1, max_iter + 1):
        counts, change = evidence.given(annotators)
        if change < tol:
            return Learned(annotators, n_iter)
        if n_iter < max_iter:
            annotators = m(counts)
    return Learned(annotators, max_iter, False)
