"""Who needs more answers.

An item is asked about again, two people at a time, while two more answers are expected to make its
label better by ``LEAST_GAIN``, and until it has had all it may. In a round with a sample people's
answers alone decide that, never a model: labels would lean towards the machine that they are to
test, if people were asked until they agree with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.answers import CodedAnswers

AT_A_TIME = 2
# Two more answers must raise the chance that the label is right by so much (or bring a label that
# is no class so much nearer to the truth). An item that is one vote ahead among people who are
# right in four cases of five stands to gain .096, one that is three ahead nothing.
LEAST_GAIN = 0.02


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
    gain: Mapping[int, float],
) -> list[MoreAnswers]:
    """The items of the next pass, in the order of ``lines``; nobody left to ask: not in it.

    ``gain``: by line what two more answers are worth; a line without one has no usable answer yet.
    """
    asked: dict[int, set[str]] = {line: set() for line in lines}
    for line, annotator in zip(answers.line.tolist(), answers.annotator.tolist(), strict=True):
        if line in asked:
            asked[line].add(answers.annotators[annotator])
    more: list[MoreAnswers] = []
    for line in lines:
        left = sum(name not in asked[line] for name in team)
        wanted = min(AT_A_TIME, max_per_item - len(asked[line]), left)
        if wanted > 0 and gain.get(line, 1.0) >= LEAST_GAIN:
            more.append(MoreAnswers(line, wanted, tuple(sorted(asked[line]))))
    return more


def gain_by_votes(usable: CodedAnswers) -> dict[int, float]:
    """1 where the leading label is at most one vote ahead of another, else 0.

    For answers of people whom nothing may be learned about yet.
    """
    votes: dict[int, Counter[int]] = {}
    for line, label in zip(usable.line.tolist(), usable.label.tolist(), strict=True):
        votes.setdefault(line, Counter())[label] += 1
    return {line: float(_is_close(counts)) for line, counts in votes.items()}


def _is_close(votes: Counter[int]) -> bool:
    first, *others = (count for _, count in votes.most_common(2))
    return bool(others) and first - others[0] <= 1


def usable_counts(answers: CodedAnswers, n_lines: int) -> np.ndarray:
    """Usable answers by line."""
    return np.bincount(answers.usable.line, minlength=n_lines)
