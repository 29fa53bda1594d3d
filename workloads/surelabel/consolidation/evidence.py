"""Where expectation maximisation gets its counts from: sparse arrays, a kernel, or many shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Protocol

import numpy as np

from surelabel.consolidation.answers import Answers, Codes, agreement, clamped
from surelabel.consolidation.confusion import Counts, check_shape, e_step, expected_counts
from surelabel.consolidation.kernel_sum import KernelSum, Tables
from surelabel.consolidation.packed_answers import PackedAnswers, added_up
from surelabel.consolidation.result import MAX_CELLS, AnnotatorParameters, Floats, has_tables

# Answers x classes from which on the kernel is taken. Below, all iterations together take less time
# than Numba takes to be imported.
_PAYS = 4_000_000


class Evidence(Protocol):
    """Answers, as expectation maximisation asks for them."""

    @property
    def by_annotator(self) -> Codes:
        """(n_annotators,): answers per annotator."""

    @property
    def majority_agreement(self) -> Floats:
        """(n_annotators,): share of answers that match the majority."""

    def from_votes(self) -> Counts:
        """What the shares of votes count."""

    def given(self, annotators: AnnotatorParameters) -> tuple[Counts, float]:
        """What the posterior by these annotators counts, and by how much it differs from the one
        before in any entry."""


def kernel_pays(answers: Answers, n_states: int) -> bool:
    """Whether so many answers, to items in so many possible states, are work for the kernel."""
    return len(answers.item) * n_states >= _PAYS


def evidence_of(answers: Answers, gold: tuple[Codes, Codes]) -> Evidence:
    """The fastest for so many answers. ``gold``: items whose label is known, and the label."""
    pays = kernel_pays(answers, answers.n_classes)
    if not pays or not has_tables(answers.n_annotators, answers.n_classes):
        return SparseEvidence(answers, *gold)
    rows, label = gold
    known = np.full(answers.n_items, -1, np.int64)
    known[rows] = label
    return KernelEvidence([PackedAnswers.of(answers, known)], keep=True)


class SparseEvidence:
    """Sparse products in 64 bits; nothing to import or compile."""

    def __init__(self, answers: Answers, gold_rows: Codes, gold_label: Codes) -> None:
        self._answers = answers.knowing(gold_rows, gold_label)
        self._rows, self._label = gold_rows, gold_label
        self._posterior: Floats | None = None

    @property
    def by_annotator(self) -> Codes:
        """(n_annotators,)."""
        return self._answers.by_annotator

    @property
    def majority_agreement(self) -> Floats:
        """(n_annotators,)."""
        return self._answers.majority_agreement

    def from_votes(self) -> Counts:
        """What the shares of votes count."""
        return self._counts(self._answers.vote_shares())[0]

    def given(self, annotators: AnnotatorParameters) -> tuple[Counts, float]:
        """Counts and change."""
        return self._counts(e_step(self._answers, annotators))

    def _counts(self, posterior: Floats) -> tuple[Counts, float]:
        before, self._posterior = self._posterior, clamped(posterior, self._rows, self._label)
        change = np.inf if before is None else np.abs(posterior - before).max(initial=0.0)
        return expected_counts(self._answers, posterior, self._rows), float(change)


class KernelEvidence:
    """The kernel over one shard after another.

    ``shards`` is gone through once for each pass, and may read them from disk every time.
    ``keep``: keep the posterior before in memory, if there is one shard; else it is computed again.
    """

    def __init__(self, shards: Iterable[PackedAnswers], *, keep: bool = False) -> None:
        self._shards = shards
        first = next(iter(shards), None)
        if first is None:
            raise ValueError("shards must hold at least one shard; got none.")
        self._w, self._k = first.n_annotators, first.n_classes
        if not has_tables(self._w, self._k):
            raise ValueError(
                f"n_annotators x n_classes^2 must be at most {MAX_CELLS:,} to learn from shards; "
                f"got {self._w:,} x {self._k:,}^2. Fit OneCoinDawidSkene in one piece."
            )
        self._before = Tables.votes(self._k)
        self._posterior = np.zeros((first.n_items if keep else 0, self._k), np.int32)

    @cached_property
    def by_annotator(self) -> Codes:
        """(n_annotators,)."""
        return self._majority[0]

    @cached_property
    def majority_agreement(self) -> Floats:
        """(n_annotators,)."""
        by_annotator, with_majority = self._majority
        return agreement(with_majority, by_annotator)

    @cached_property
    def _majority(self) -> tuple[Codes, Codes]:
        by_annotator = np.zeros(self._w, np.int64)
        tables = []
        for shard in self._all():
            by_annotator += shard.by_annotator
            tables.append(shard.with_majority)
        return by_annotator, added_up(tables, self._w)

    def _all(self) -> Iterator[PackedAnswers]:
        # The kernel looks up codes unseen: a shard of another crowd must not come so far.
        for shard in self._shards:
            sizes = (shard.n_annotators, shard.n_classes)
            if sizes != (self._w, self._k):
                raise ValueError(
                    "shards must all have the same n_annotators and n_classes; got "
                    f"{(self._w, self._k)} and {sizes}."
                )
            yield shard

    def from_votes(self) -> Counts:
        """What the shares of votes count."""
        return self._counts(Tables.votes(self._k))[0]

    def given(self, annotators: AnnotatorParameters) -> tuple[Counts, float]:
        """Counts and change."""
        check_shape("start", self._w, self._k, annotators)
        return self._counts(Tables.of_logs(annotators.log_answer, np.log(annotators.prior)))

    def _counts(self, tables: Tables) -> tuple[Counts, float]:
        total = KernelSum(self._w * self._k, self._k)
        for shard in self._all():
            total.add(shard, tables, self._before, self._posterior)
        self._before = tables
        answers, classes = total.counts
        return Counts(answers.reshape(self._w, self._k, self._k), classes), total.change
