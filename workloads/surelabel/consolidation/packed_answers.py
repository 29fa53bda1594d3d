"""Answers as compact as they get, in memory or on disk: what a pass over millions of them reads.

Four bytes an answer and eight an item. Shards of one crowd, each with all answers to its items, are
learned from together as ``learn_from_shards`` does, in memory, from disk or on many machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answers import Answers, Codes, agreement, parts
from surelabel.consolidation.result import Floats

_LARGEST_CODE = 2**31


@dataclass(frozen=True)
class PackedAnswers:
    """``start``: (n_items + 1,), where each item's answers begin. ``code``: (n_answers,), annotator
    * n_classes + label. ``gold``: (n_items,), the known label or -1, or (0,) if none is known.
    ``first_item``: the number of the first item in the whole crowd.
    """

    start: NDArray[np.int64]
    code: NDArray[np.int32]
    gold: NDArray[np.int32]
    n_annotators: int
    n_classes: int
    first_item: int = 0

    @classmethod
    def of(
        cls, answers: Answers, gold: ArrayLike | None = None, first_item: int = 0
    ) -> PackedAnswers:
        """The same answers. ``gold``: (n_items,), the known label or -1.

        ValueError for more than 2^31 annotators x classes, and gold labels out of range.
        """
        w, k = answers.n_annotators, answers.n_classes
        if w * k > _LARGEST_CODE:
            raise ValueError(
                f"n_annotators x n_classes must be at most 2^31 to be packed; got {w:,} x {k:,}."
            )
        rows, label = answers.gold_rows(gold)
        known = np.full(answers.n_items if rows.size else 0, -1, np.int32)
        known[rows] = label
        code = np.empty(len(answers.item), np.int32)
        np.multiply(answers.annotator, k, out=code, casting="same_kind")
        np.add(code, answers.label, out=code, casting="same_kind")
        return cls(answers.starts, code, known, w, k, first_item)

    def save(self, folder: Path) -> None:
        """Write it into ``folder``, which is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        sizes = np.array([self.n_annotators, self.n_classes, self.first_item], np.int64)
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array)
        np.save(folder / "sizes.npy", sizes)

    @classmethod
    def load(cls, folder: Path) -> PackedAnswers:
        """What ``save`` wrote, mapped into memory: pages are read when they are needed.

        ValueError where the files do not belong together.
        """
        # Copy on write only because kernels are compiled apart for arrays that cannot be written.
        start, code, gold = (
            np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c"))
            for name in ("start", "code", "gold")
        )
        n_annotators, n_classes, first_item = np.load(folder / "sizes.npy").tolist()
        n_items = len(start) - 1
        if n_items < 0 or start[0] != 0 or start[-1] != len(code) or len(gold) not in {0, n_items}:
            raise ValueError(
                f"{folder} must hold one shard as save wrote it; start.npy has {len(start)} "
                f"entries, code.npy {len(code)}, gold.npy {len(gold)}. Write it again."
            )
        return cls(start, code, gold, n_annotators, n_classes, first_item)

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self.start) - 1

    @cached_property
    def by_annotator(self) -> Codes:
        """(n_annotators,): answers per annotator."""
        found = np.zeros(self.n_annotators, np.int64)
        for _, part in self.in_parts():
            found += part.by_annotator
        return found

    @cached_property
    def with_majority(self) -> Codes:
        """As ``Answers.with_majority``."""
        return added_up([part.with_majority for _, part in self.in_parts()], self.n_annotators)

    @property
    def majority_agreement(self) -> Floats:
        """As ``Answers.majority_agreement``."""
        return agreement(self.with_majority, self.by_annotator)

    def in_parts(self) -> Iterator[tuple[int, Answers]]:
        """The first item (from 0 on) and the answers of each part, in order."""
        for first, last in parts(self.n_items, self.n_classes):
            yield first, self.only_items(first, last)

    def only_items(self, first: int, last: int) -> Answers:
        """The answers to the items ``first`` to ``last - 1``, which are renumbered from 0."""
        begin, end = self.start[first], self.start[last]
        code = self.code[begin:end].astype(np.int64)
        n = np.diff(self.start[first : last + 1])
        annotator, label = np.divmod(code, self.n_classes)
        item = np.repeat(np.arange(last - first), n)
        known = self.gold[first:last].astype(np.int64) if len(self.gold) else None
        return Answers(
            item, annotator, label, last - first, self.n_annotators, self.n_classes, known
        )

    def _arrays(self) -> dict[str, NDArray[np.integer]]:
        return {"start": self.start, "code": self.code, "gold": self.gold}


def added_up(tables: list[Codes], n_annotators: int) -> Codes:
    """The sum of tables (n_annotators, m) that may differ in m."""
    widest = max((table.shape[1] for table in tables), default=1)
    found = np.zeros((n_annotators, widest), np.int64)
    for table in tables:
        found[:, : table.shape[1]] += table
    return found
