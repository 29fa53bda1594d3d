"""Who needs more answers: decided by people's answers alone, never by a model.

An item is unsure while its leading label is at most one vote ahead, or nobody gave a usable
answer. It is asked about again, two people at a time, until it is sure or has had all it may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    answers: CodedAnswers, lines: Sequence[int], max_per_item: int, team: Sequence[str]
) -> list[MoreAnswers]:
    """The items of the next pass, in the order of ``lines``; nobody left to ask: not in it."""
    asked: dict[int, set[str]] = {line: set() for line in lines}
    votes: dict[int, dict[int, int]] = {line: {} for line in lines}
    triples = zip(
        answers.line.tolist(), answers.annotator.tolist(), answers.label.tolist(), strict=True
    )
    for line, annotator, label in triples:
        if line not in asked:
            continue
        asked[line].add(answers.annotators[annotator])
        if label >= 0:
            votes[line][label] = votes[line].get(label, 0) + 1
    more: list[MoreAnswers] = []
    for line in lines:
        left = sum(name not in asked[line] for name in team)
        wanted = min(_AT_A_TIME, max_per_item - len(asked[line]), left)
        if wanted > 0 and _is_unsure(votes[line]):
            more.append(MoreAnswers(line, wanted, tuple(sorted(asked[line]))))
    return more


def _is_unsure(votes: Mapping[int, int]) -> bool:
    ordered = sorted(votes.values(), reverse=True)
    if not ordered:
        return True
    second = ordered[1] if len(ordered) > 1 else 0
    # A single answer is sure where nobody asked for a second one.
    return second > 0 and ordered[0] - second <= 1


def usable_counts(answers: CodedAnswers, n_lines: int) -> np.ndarray:
    """Usable answers by line."""
    return np.bincount(answers.usable.line, minlength=n_lines)
