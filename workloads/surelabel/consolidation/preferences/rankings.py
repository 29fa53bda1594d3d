"""Rankings: each item has several options, which people put into order, ties and gaps allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.checked import Codes, Floats, codes, latest, same_length
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays


@dataclass(frozen=True)
class RankingAnswers:
    """Who ranked what. ``item``, ``annotator``: (n_answers,), by both, at most one per pair.

    ``answer``, ``option``, ``rank``: (n_marks,), by answer and option: the answer (a row of these)
    that gave the option, coded from 0 within its item, that rank; lower is better, equal ranks are
    a tie, an option without a mark was not ranked. ``n_options``: (n_items,).
    """

    item: Codes
    annotator: Codes
    answer: Codes
    option: Codes
    rank: Codes
    n_options: Codes
    n_annotators: int

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        answer: ArrayLike,
        option: ArrayLike,
        rank: ArrayLike,
        n_options: ArrayLike,
        n_annotators: int,
    ) -> RankingAnswers:
        """Checked. Of an annotator's answers to one item the last counts.

        ValueError: codes out of range, an option that its item does not have, or one that an
        answer ranks twice.
        """
        sizes = codes("n_options", n_options, 0, np.iinfo(np.int32).max)
        i = codes("item", item, 0, len(sizes))
        a = codes("annotator", annotator, 0, n_annotators)
        same_length(item=i, annotator=a)
        row = codes("answer", answer, 0, len(i))
        o = codes("option", option, 0, int(sizes.max(initial=0)))
        place = codes("rank", rank, np.iinfo(np.int32).min, np.iinfo(np.int32).max)
        same_length(answer=row, option=o, rank=place)
        wrong = np.flatnonzero(o >= sizes[i[row]])
        if wrong.size:
            at = int(wrong[0])
            raise ValueError(
                f"option must be below n_options of its item ({sizes[i[row[at]]]}); got {o[at]} at "
                f"position {at}."
            )
        kept = latest(i, a, n_annotators)
        new = np.full(len(i), -1, np.int64)
        new[kept] = np.arange(len(kept))
        counts = np.flatnonzero(new[row] >= 0)
        order = counts[np.lexsort((o[counts], new[row[counts]]))]
        row, o, place = new[row[order]], o[order], place[order]
        twice = np.flatnonzero((row[1:] == row[:-1]) & (o[1:] == o[:-1]))
        if twice.size:
            at = int(order[twice[0] + 1])
            raise ValueError(
                f"option {o[twice[0]]} is ranked twice by one answer, at position {at}."
            )
        return cls(i[kept], a[kept], row, o, place, sizes, n_annotators)

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self.n_options)

    @cached_property
    def first_option(self) -> Codes:
        """(n_items,): where an item's options begin in arrays over the options of all items."""
        return np.cumsum(self.n_options) - self.n_options

    @cached_property
    def pairs(self) -> RankedPairs:
        """Every two options that an answer ranks, one before the other or tied."""
        size = np.bincount(self.answer, minlength=len(self.item))
        start = np.cumsum(size) - size
        # Mark m with each later mark of the same answer.
        later = (start + size)[self.answer] - np.arange(len(self.answer)) - 1
        one = np.repeat(np.arange(len(self.answer)), later)
        other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(later) - later, later)
        sign = np.sign(self.rank[other] - self.rank[one])
        return RankedPairs(self.answer[one], self.option[one], self.option[other], sign)


@dataclass(frozen=True)
class RankedPairs:
    """All (n_pairs,): ``sign`` is 1 where ``one`` is ranked before ``other``, -1 after, 0 tied."""

    answer: Codes
    one: Codes
    other: Codes
    sign: Codes


@dataclass(frozen=True)
class RankingAnnotators(NamedAnnotators):
    """``accuracy``: (n_annotators,), chance to put two options into the right order.

    ``n_answers``: (n_annotators,). ``average``: the accuracy of an annotator without a history.
    """

    accuracy: Floats
    n_answers: Codes
    average: float
    names: tuple[str, ...] = ()

    def for_annotators(self, names: Sequence[str]) -> RankingAnnotators:
        """The parameters in the order of ``names``; an unknown annotator is the average one."""
        places = self.places_of(names)
        return replace(
            self,
            accuracy=places.take(self.accuracy, self.average),
            n_answers=places.take(self.n_answers, 0),
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "accuracy": self.accuracy.tolist(),
            "answers": self.n_answers.tolist(),
            "average": self.average,
            "names": list(self.names),
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> RankingAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        accuracy, n = np.array(value["accuracy"], float), np.array(value["answers"], np.int64)
        return cls(accuracy, n, value["average"], tuple(value["names"]))


@dataclass(frozen=True)
class RankingResult(ReadOnlyArrays):
    """An order of each item's options.

    ``item``, ``option``, ``score``: (sum of n_options,), by item and from the best option on; the
    scores are the method's own. ``confidence``: (n_items,), the chance that the whole order is
    right; nan where nobody answered. ``n_answers``: (n_items,).
    """

    item: Codes
    option: Codes
    score: Floats
    confidence: Floats
    n_answers: Codes
    annotators: RankingAnnotators
    n_iter: int
    converged: bool

    def order_of(self, item: int) -> list[int]:
        """The item's options from the best on."""
        found: list[int] = self.option[self.item == item].tolist()
        return found


def disagreement(first: Mapping[int, int], second: Mapping[int, int]) -> float:
    """Kendall's tau distance of two rankings {option: rank}, 0 to 1.

    R. Fagin et al., "Comparing Partial Rankings", 2006, doi:10.1137/05063088X: over the pairs that
    both rank, 1 where the orders are opposite, 1/2 where one has a tie, over their number. Without
    such a pair: 0 if both rank the same options (none, or one), else 1.
    """
    both = sorted(set(first) & set(second))
    n = len(both) * (len(both) - 1) // 2
    if not n:
        return 0.0 if set(first) == set(second) else 1.0
    apart = 0.0
    for place, a in enumerate(both):
        for b in both[place + 1 :]:
            x = (first[a] > first[b]) - (first[a] < first[b])
            y = (second[a] > second[b]) - (second[a] < second[b])
            apart += abs(x - y) / 2
    return apart / n
