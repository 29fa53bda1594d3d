"""Who needs more answers.

Where labels are classes an item is asked about again, one person at a time, while its label is less
sure than ``1 - LEAST_DOUBT``; two who agree are mostly enough, and nobody knows beforehand which
items take five. Where they are not, two people at a time, while two more answers are expected to
bring the label nearer to the truth by ``LEAST_GAIN``. Either way until an item has had all it may.

In a sample people's answers alone decide that, never a model: labels would lean towards the machine
that they are to test, if people were asked until they agree with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

# Against five answers for every item, on ten real crowds: a third fewer answers and .9 points more
# wrong labels; at .2 it is 28 % fewer and .5 points more (docs/benchmarks.md).
LEAST_DOUBT = 0.25
# Two more answers must bring a label so much nearer to the truth.
LEAST_GAIN = 0.02


@dataclass(frozen=True)
class MoreAnswers:
    """An item that more people are asked about, and who was asked before."""

    line: int
    annotators: int
    exclude: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """By line how much further answers are wanted, from which ``value`` on they are asked for, and
    how many at a time. A line without one has no usable answer yet."""

    value: Mapping[int, float]
    least: float
    at_a_time: int


def next_pass(
    answers: CodedAnswers,
    lines: Sequence[int],
    max_per_item: int,
    team: Sequence[str],
    wanted: Wanted,
) -> list[MoreAnswers]:
    """The items of the next pass, in the order of ``lines``; nobody left to ask: not in it."""
    asked: dict[int, set[str]] = {line: set() for line in lines}
    for line, annotator in zip(answers.line.tolist(), answers.annotator.tolist(), strict=True):
        if line in asked:
            asked[line].add(answers.annotators[annotator])
    more: list[MoreAnswers] = []
    for line in lines:
        left = sum(name not in asked[line] for name in team)
        n = min(wanted.at_a_time, max_per_item - len(asked[line]), left)
        if n > 0 and wanted.value.get(line, 1.0) >= wanted.least:
            more.append(MoreAnswers(line, n, tuple(sorted(asked[line]))))
    return more


def doubt_of(posterior: Floats, n_answers: Codes, *, one_is_enough: bool) -> Floats:
    """(n_items,): the chance that the label is wrong.

    ``posterior``: (n_items, n_classes). One answer alone, which nothing speaks against, is no sure
    label: 1; or 0 where nobody asked for a second one.
    """
    doubt = 1 - posterior.max(axis=1)
    return np.asarray(np.where(n_answers == 1, 0.0 if one_is_enough else 1.0, doubt))


def wanted_by_doubt(lines: Codes, doubt: Floats) -> Wanted:
    """Of labels that are classes; ``lines`` and ``doubt``: (n_items,)."""
    return Wanted(dict(zip(lines.tolist(), doubt.tolist(), strict=True)), LEAST_DOUBT, 1)


def wanted_by_votes(usable: CodedAnswers) -> Wanted:
    """1 where the leading label is at most one vote ahead of another, else 0.

    For answers of people whom nothing may be learned about yet.
    """
    votes: dict[int, Counter[int]] = {}
    for line, label in zip(usable.line.tolist(), usable.label.tolist(), strict=True):
        votes.setdefault(line, Counter())[label] += 1
    return Wanted({line: float(_is_close(c)) for line, c in votes.items()}, LEAST_DOUBT, 1)


def _is_close(votes: Counter[int]) -> bool:
    first, *others = (count for _, count in votes.most_common(2))
    return bool(others) and first - others[0] <= 1


def usable_counts(answers: CodedAnswers, n_lines: int) -> np.ndarray:
    """Usable answers by line."""
    return np.bincount(answers.usable.line, minlength=n_lines)
