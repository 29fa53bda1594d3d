"""Who needs more answers: decided by people's answers alone, never by a model.

An item is unsure while its leading label is at most one vote ahead, or nobody gave a usable
answer; where labels are no classes, while the answers are far apart. It is asked about again, two
people at a time, until it is sure or has had all it may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.answers import CodedAnswers

_AT_A_TIME = 2


@dataclass(frozen=True)
class MoreAnswers:
    """An item that more people are asked about, and who was asked before."""

    line: int
    annotators: int
    exclude: tuple[str, ...]


def next_pass(
    answers: CodedAnswers,
    lines: Sequence[int],
    max_per_item: int,
    team: Sequence[str],
    is_unsure: Callable[[list[int]], bool],
) -> list[MoreAnswers]:
    """The items of the next pass, in the order of ``lines``; nobody left to ask: not in it.

    ``is_unsure``: whether these usable answers to an item need more of them.
    """
    asked: dict[int, set[str]] = {line: set() for line in lines}
    given: dict[int, list[int]] = {line: [] for line in lines}
    triples = zip(
        answers.line.tolist(), answers.annotator.tolist(), answers.label.tolist(), strict=True
    )
    for line, annotator, label in triples:
        if line not in asked:
            continue
        asked[line].add(answers.annotators[annotator])
        if label >= 0:
            given[line].append(label)
    more: list[MoreAnswers] = []
    for line in lines:
        left = sum(name not in asked[line] for name in team)
        wanted = min(_AT_A_TIME, max_per_item - len(asked[line]), left)
        if wanted > 0 and is_unsure(given[line]):
            more.append(MoreAnswers(line, wanted, tuple(sorted(asked[line]))))
    return more


def is_close(labels: list[int]) -> bool:
    """Whether the leading label is at most one vote ahead of another, or there is none."""
    ordered = [count for _, count in Counter(labels).most_common(2)]
    # A single answer is sure where nobody asked for a second one.
    return not ordered or (len(ordered) > 1 and ordered[0] - ordered[1] <= 1)


def usable_counts(answers: CodedAnswers, n_lines: int) -> np.ndarray:
    """Usable answers by line."""
    return np.bincount(answers.usable.line, minlength=n_lines)
