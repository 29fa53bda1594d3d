"""The end of every consolidation: the best label of each item, ties by rule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.result import AnnotatorParameters, ConsolidationResult, Floats

TIE = 1e-9


class Ids(Protocol):
    """Names by number: a list, or whatever computes them."""

    def __getitem__(self, index: int, /) -> str: ...


@dataclass(frozen=True)
class Numbers:
    """Item ``i`` is called by its number, ``first + i``."""

    first: int = 0

    def __getitem__(self, index: int, /) -> str:
        return str(self.first + index)


def build_result(
    answers: Answers,
    posterior_of: Callable[[int, Answers], Floats],
    annotators: AnnotatorParameters,
    *,
    gold_rows: NDArray[np.int64],
    n_iter: int,
    converged: bool,
    item_ids: Ids | None,
    label_names: Sequence[str] | None,
) -> ConsolidationResult:
    """Choose labels; ties: higher vote count, then class prior, then a hash of item and label.

    ``posterior_of``: the rows of a part of the answers, which begins at that item.
    """
    _check_names("item_ids", item_ids, answers.n_items, "n_items")
    _check_names("label_names", label_names, answers.n_classes, "n_classes")
    n = answers.n_items
    posterior = np.empty((n, answers.n_classes))
    label, confidence, tied = np.empty(n, np.int64), np.empty(n), np.empty(n, bool)
    for first, part in answers.in_parts():
        rows = slice(first, first + part.n_items)
        posterior[rows] = posterior_of(first, part)
        label[rows], tied[rows] = choose(
            posterior[rows], part.votes, annotators.prior, item_ids, label_names, first
        )
        chosen = label[rows, None]
        confidence[rows] = np.take_along_axis(posterior[rows], chosen, axis=1)[:, 0]
    unknown = answers.n_answers == 0
    unknown[gold_rows] = False
    label[unknown] = -1
    tied[unknown] = False
    confidence[unknown] = np.nan
    return ConsolidationResult(
        label=label,
        confidence=confidence,
        posterior=posterior,
        annotators=annotators,
        n_iter=n_iter,
        converged=converged,
        tied=tied,
        n_answers=answers.n_answers,
    )


def _check_names(field: str, names: Ids | None, n: int, size: str) -> None:
    """ValueError unless there are as many as there must be; computed ones are never too few."""
    length = getattr(names, "__len__", None)
    if length is not None and length() != n:
        raise ValueError(
            f"{field} must have {n} entries ({size}); got {length()}. Name every code, in the "
            "order of the codes."
        )


def choose(
    posterior: Floats,
    votes: Floats,
    prior: Floats,
    item_ids: Ids | None = None,
    label_names: Sequence[str] | None = None,
    first: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The best class of each row, and whether another was equally good (within 1e-9).

    ``first``: the number of the first row's item.
    """
    if posterior.shape[0] == 0:
        return np.empty(0, np.int64), np.empty(0, bool)
    candidate = posterior >= posterior.max(axis=1, keepdims=True) - TIE
    tied = candidate.sum(axis=1) > 1
    label = posterior.argmax(axis=1).astype(np.int64)
    rows = np.flatnonzero(tied)
    if rows.size:
        left = candidate[rows]
        for score in (votes[rows], np.broadcast_to(prior, left.shape)):
            best = np.where(left, score, -np.inf)
            left = left & (best >= best.max(axis=1, keepdims=True) - TIE)
        label[rows] = left.argmax(axis=1)
        for row in np.flatnonzero(left.sum(axis=1) > 1):
            item = int(rows[row])
            name = item_ids[first + item] if item_ids is not None else str(first + item)
            classes = np.flatnonzero(left[row]).tolist()
            label[item] = min(classes, key=lambda c: _hash(name, _name(label_names, c)))
    return label, tied


def _name(label_names: Sequence[str] | None, label: int) -> str:
    return label_names[label] if label_names is not None else str(label)


def _hash(item_id: str, label_name: str) -> bytes:
    # The length keeps ("a", "bc") and ("ab", "c") apart.
    return hashlib.sha256(f"{len(item_id)}:{item_id}{label_name}".encode()).digest()
