"""Counts that the kernel makes of answers: its tables, its whole numbers, its threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import Floats

# Products above e^-80 keep all digits of a 32-bit number, and so do their sums.
_MOST_LOG = 80.0
# Of a probability: what the kernel counts.
UNITS = 2.0**30


class Tables(NamedTuple):
    """What answers say, as the kernel takes it, in float32.

    ``answer``: (n_annotators * n_classes, n_classes), chances over the greatest of each row.
    ``prior``: (n_classes,), likewise. ``log_answer``, ``log_prior``: their logs. ``most``: answers
    to one item up to which chances may be multiplied. All of them empty stand for the shares of
    votes.
    """

    answer: NDArray[np.float32]
    prior: NDArray[np.float32]
    log_answer: NDArray[np.float32]
    log_prior: NDArray[np.float32]
    most: int

    @classmethod
    def of_logs(cls, log_answer: Floats, log_prior: Floats) -> Tables:
        """From logs, each row up to a constant: what is said of all states alike says nothing."""
        answer = log_answer - log_answer.max(axis=1, keepdims=True)
        prior = log_prior - log_prior.max()
        reach = -float(answer.min(initial=0.0))
        left = _MOST_LOG + float(prior.min())
        most = int(left / max(reach, 1e-6)) if left >= 0 else -1
        small, rare = answer.astype(np.float32), prior.astype(np.float32)
        return cls(np.exp(small), np.exp(rare), small, rare, most)

    @classmethod
    def votes(cls, n_states: int) -> Tables:
        """No tables: the shares of votes."""
        none, nothing = np.empty((0, n_states), np.float32), np.empty(0, np.float32)
        return cls(none, nothing, none, nothing, 0)


class KernelSum:
    """Counts of several shards so far, in the kernel's whole numbers.

    ``n_codes``: different answers (annotators x classes); ``n_states``: what an item can be.
    """

    def __init__(self, n_codes: int, n_states: int) -> None:
        self._answers = np.zeros((n_codes, n_states), np.int64)
        self._classes = np.zeros(n_states, np.int64)
        self._change = 0

    def add(
        self, shard: PackedAnswers, now: Tables, before: Tables, posterior: NDArray[np.int32]
    ) -> None:
        """Run the kernel over the shard, each thread on items of its own.

        ``posterior``: (n_items, n_states), the one before in ``UNITS``, changed in place; without
        rows it is computed again from ``before``.
        """
        from surelabel.consolidation.compiled import n_threads
        from surelabel.consolidation.em_kernel import count

        def run(place: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
            # The first thread adds to what is there; each other one needs a table of its own.
            mine = self._answers if place == 0 else np.zeros_like(self._answers)
            classes = self._classes if place == 0 else np.zeros_like(self._classes)
            change = count(
                shard.start, shard.code, shard.gold, now, before, posterior, mine, classes,
                int(bounds[place]), int(bounds[place + 1]),
            )  # fmt: skip
            return mine, classes, int(change)

        # A thread's own table is filled with zeros and added up: it must have answers enough.
        threads = max(1, min(n_threads(), len(shard.code) // len(self._answers)))
        even = np.linspace(0, len(shard.code), threads + 1)[1:-1]
        bounds = [0, *np.searchsorted(shard.start, even), shard.n_items]
        if threads == 1:
            found = [run(0)]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(run, range(threads)))
        for answers, classes, change in found:
            if answers is not self._answers:
                self._answers += answers
                self._classes += classes
            self._change = max(self._change, change)

    @property
    def change(self) -> float:
        """By how much the posterior differs from the one before in any entry."""
        return self._change / UNITS

    @property
    def counts(self) -> tuple[Floats, Floats]:
        """(n_codes, n_states) and (n_states,): expected answers and items."""
        return self._answers / UNITS, self._classes / UNITS
