"""What every consolidation returns, and the annotators' parameters that outlive it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]

# Above so many cells (annotators x classes^2; 268 MB) nobody has a table of their own.
MAX_CELLS = 1 << 25


def has_tables(n_annotators: int, n_classes: int) -> bool:
    """Whether so many annotators and classes have confusion matrices, or one accuracy each."""
    return n_annotators * n_classes**2 <= MAX_CELLS


@dataclass(frozen=True)
class AnnotatorParameters(NamedAnnotators, ReadOnlyArrays):
    """How each annotator answers, and how common each class is.

    ``confusion[a, t, l]``: P(a answers l | truth t), (n_annotators, n_classes, n_classes), rows
    sum to 1. ``accuracy``, ``agreement``, ``n_answers``: (n_annotators,); accuracy is the chance
    of a right answer under ``prior``, agreement the share of answers that match the majority, or
    the label where it is known (nan without answers). ``prior``: (n_classes,). ``pooled``:
    (n_classes, n_classes), the confusion that an annotator without a history is given.

    More than ``MAX_CELLS`` cells are never allocated: then ``confusion`` is (n_annotators, 1, 1)
    and ``pooled`` (1, 1), the chance of a right answer whatever the truth, and mistakes are spread
    evenly over the other classes.
    """

    confusion: Floats
    accuracy: Floats
    agreement: Floats
    n_answers: NDArray[np.int64]
    prior: Floats
    pooled: Floats
    names: tuple[str, ...] = ()

    @classmethod
    def unknown(cls, names: Sequence[str], n_classes: int) -> AnnotatorParameters:
        """Annotators and classes that nothing is known about: all answers equally likely."""
        n = len(names)
        size = n_classes if has_tables(n, n_classes) else 1
        even = np.full((size, size), 1 / n_classes)
        return cls(
            confusion=np.tile(even, (n, 1, 1)),
            accuracy=np.full(n, 1 / n_classes),
            agreement=np.full(n, np.nan),
            n_answers=np.zeros(n, dtype=np.int64),
            prior=np.full(n_classes, 1 / n_classes),
            pooled=even,
            names=tuple(names),
        )

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.prior)

    @property
    def are_coins(self) -> bool:
        """Whether there is one accuracy each in place of a table."""
        return len(self.pooled) != self.n_classes

    @property
    def right(self) -> Floats:
        """(n_annotators, n_classes): P(the right answer | truth)."""
        diagonal = np.diagonal(self.confusion, axis1=1, axis2=2)
        return np.broadcast_to(diagonal, (len(self.confusion), self.n_classes))

    @cached_property
    def log_answer(self) -> Floats:
        """(n_annotators * n_classes, n_classes): log P(a answers l | t) at [a * n_classes + l, t].

        Only where there are tables.
        """
        found: Floats = np.log(self.confusion).transpose(0, 2, 1).reshape(-1, self.n_classes)
        return found

    def chances(self, annotator: Ints, label: Ints) -> Floats:
        """(n, n_classes): P(``annotator`` answers ``label`` | each truth); codes, (n,) each."""
        if not self.are_coins:
            found: Floats = self.confusion[annotator, :, label]
            return found
        right = self.confusion[annotator, 0, 0]
        found = np.tile(((1 - right) / (self.n_classes - 1))[:, None], self.n_classes)
        found[np.arange(len(right)), label] = right
        return found

    def same_answer(self, first: int, second: int) -> Floats:
        """(n_classes,): P(two annotators answer the same | each truth), erring independently."""
        one, other = self.confusion[first], self.confusion[second]
        same: Floats = np.einsum("tl,tl->t", one, other)
        if self.are_coins:
            both_wrong = (1 - one[0, 0]) * (1 - other[0, 0]) / (self.n_classes - 1)
            return np.full(self.n_classes, same[0] + both_wrong)
        return same

    @property
    def average_agreement(self) -> float:
        """The share of all answers that match the majority; 1 without answers."""
        known = ~np.isnan(self.agreement)
        n = self.n_answers[known].sum()
        return float(self.agreement[known] @ self.n_answers[known] / n) if n else 1.0

    def for_annotators(self, names: Sequence[str]) -> AnnotatorParameters:
        """The parameters in the order of ``names``; an unknown annotator gets the pooled ones.

        Pooled over everybody here, so they do not depend on who else is in ``names``.
        """
        places = self.places_of(names)
        usual, average = self.pooled.diagonal(), self.average_agreement
        return replace(
            self,
            confusion=places.take(self.confusion, self.pooled),
            accuracy=places.take(self.accuracy, float((self.prior * usual).sum())),
            agreement=places.take(np.nan_to_num(self.agreement, nan=average), average),
            n_answers=places.take(self.n_answers, 0),
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "prior": self.prior.tolist(),
            "pooled": self.pooled.tolist(),
            "annotators": [
                {
                    "name": self.names[code] if self.names else str(code),
                    "answers": int(self.n_answers[code]),
                    "accuracy": float(self.accuracy[code]),
                    "agreement": _number(self.agreement[code]),
                    "confusion": self.confusion[code].tolist(),
                }
                for code in range(len(self.n_answers))
            ],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> AnnotatorParameters:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        rows = value["annotators"]
        k = len(value["pooled"])
        return cls(
            confusion=np.array([row["confusion"] for row in rows], float).reshape(-1, k, k),
            accuracy=np.array([row["accuracy"] for row in rows], float),
            agreement=np.array(
                [np.nan if row["agreement"] is None else row["agreement"] for row in rows], float
            ),
            n_answers=np.array([row["answers"] for row in rows], np.int64),
            prior=np.array(value["prior"], float),
            pooled=np.array(value["pooled"], float),
            names=tuple(row["name"] for row in rows),
        )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class ConsolidationResult(ReadOnlyArrays):
    """One label per item.

    ``label``: (n_items,), -1 where nobody answered. ``confidence``: (n_items,), the posterior of
    that label, nan where nobody answered. ``posterior``: (n_items, n_classes). ``tied``:
    (n_items,), the label was chosen among equals by the tie rule. ``n_answers``: (n_items,),
    answers that counted.
    """

    label: NDArray[np.int64]
    confidence: Floats
    posterior: Floats
    annotators: AnnotatorParameters
    n_iter: int
    converged: bool
    tied: NDArray[np.bool_]
    n_answers: NDArray[np.int64]
