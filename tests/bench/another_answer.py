"""What further answers bring where they are asked by their value, by votes, and anywhere.

Real crowds gave more answers than the simulation lets out: it begins with two of each item (three
where labels are no classes) and asks for the next real ones of the items that a rule picks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from consolidation import SETS, data, read, score
from page import Section, publish, say
from value_crowds import ValueCrowd, boxes, label_sets, ratings

from surelabel.consolidation import (
    Auto,
    ConsolidationResult,
    value_of_closer_answers,
    value_of_two_answers,
)
from surelabel.consolidation.answers import Answers

# Answers of each item at first, and at most.
_WAYS = ((2, 6), (3, 5))
_AT_A_TIME, _SEEDS = 2, 2
# Of values: how many more answers a third of the items gets, after the first ones.
_FIRST_VALUES, _MORE_VALUES, _SHARE = 3, 2, 1 / 3
# Above so many items one order of the answers is enough.
_LARGE = 3_000

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Rule = Callable[[Answers, ConsolidationResult], Floats]


class Crowd:
    """A set whose answers come in an order drawn by ``seed``; ``have`` says how many are out."""

    def __init__(self, name: str, seed: int, first: int, most: int) -> None:
        item, annotator, label, self.truth = read(name)
        self.n_annotators = int(annotator.max()) + 1
        self.n_classes = int(max(label.max(), self.truth.max())) + 1
        # Of several answers to one item the last counts.
        pair = item * self.n_annotators + annotator
        _, last = np.unique(pair[::-1], return_index=True)
        kept = np.sort(len(item) - 1 - last)
        shuffled = np.random.default_rng(seed).permutation(kept)
        order = shuffled[np.argsort(item[shuffled], kind="stable")]
        self.item, self.annotator, self.label = item[order], annotator[order], label[order]
        starts = np.searchsorted(self.item, np.arange(len(self.truth)))
        self.rank = np.arange(len(self.item)) - starts[self.item]
        self.total = np.minimum(np.bincount(self.item, minlength=len(self.truth)), most)
        self.first = np.minimum(self.total, first)

    def answers(self, have: Codes) -> Answers:
        """The first ``have`` answers of each item."""
        rows = self.rank < have[self.item]
        columns = self.item[rows], self.annotator[rows], self.label[rows]
        return Answers.of(*columns, len(self.truth), self.n_annotators, self.n_classes)

    def fit(self, have: Codes) -> ConsolidationResult:
        """Their labels."""
        a = self.answers(have)
        return Auto().fit_predict(
            a.item, a.annotator, a.label, a.n_items, a.n_annotators, a.n_classes
        )

    def accuracy(self, have: Codes) -> float:
        """Share of right labels."""
        return score(self.fit(have).posterior, self.truth)[0]


def by_value(answers: Answers, result: ConsolidationResult) -> Floats:
    """By how much two more answers raise the chance that the label is right."""
    return value_of_two_answers(result.posterior, result.annotators)


def by_doubt(answers: Answers, result: ConsolidationResult) -> Floats:
    """The least sure label first."""
    return 1 - result.posterior.max(axis=1)


def by_votes(answers: Answers, result: ConsolidationResult) -> Floats:
    """1 where the leading label is at most one vote ahead."""
    second, first = np.partition(answers.votes, -2, axis=1)[:, -2:].T
    return (first - second <= 1).astype(float)


def ask(
    crowd: Crowd, rule: Rule, least: float, rng: np.random.Generator, budget: list[int] | None
) -> tuple[Codes, list[int]]:
    """Answers let out of each item, and how many were asked for in each pass.

    ``least``: the value from which an item is asked about. ``budget``: of each pass, for rules that
    may spend as much as another one did; None: as they will.
    """
    have = crowd.first.copy()
    spent: list[int] = []
    while budget is None or len(spent) < len(budget):
        value = rule(crowd.answers(have), crowd.fit(have))
        open_ = np.flatnonzero((have < crowd.total) & (value >= least))
        order = open_[np.lexsort((rng.random(len(open_)), -value[open_]))]
        more = np.minimum(crowd.total[order] - have[order], _AT_A_TIME)
        if budget is not None:
            more = more[: np.searchsorted(np.cumsum(more), budget[len(spent)]) + 1]
        if not len(more):
            break
        have[order[: len(more)]] += more
        spent.append(int(more.sum()))
    return have, spent


def of_set(name: str, first: int, most: int) -> list[float]:
    """Answers an item that votes ask for, and accuracies (first, votes, anywhere, doubt, value,
    with all answers)."""
    found = []
    for seed in range(_SEEDS):
        crowd = Crowd(name, seed, first, most)
        n, rng = len(crowd.truth), np.random.default_rng(100 + seed)
        votes, spent = ask(crowd, by_votes, 1, rng, None)
        rules: list[Rule] = [lambda answers, _: np.zeros(answers.n_items), by_doubt, by_value]
        same = [crowd.accuracy(ask(crowd, rule, 0, rng, spent)[0]) for rule in rules]
        found.append([
            sum(spent) / n,
            crowd.accuracy(crowd.first),
            crowd.accuracy(votes),
            *same,
            crowd.accuracy(crowd.total),
        ])  # fmt: skip
        if n > _LARGE:
            break
    return [float(x) for x in np.mean(found, axis=0)]


def of_values(crowd: ValueCrowd, seed: int) -> list[float]:
    """Mean distance of labels to the truth: at first; when a third of the items has more answers
    (anywhere, by doubt, by value); when all have."""
    given, rng = crowd.shuffled(seed), np.random.default_rng(100 + seed)
    n, total = len(given), np.array([len(each) for each in given])
    first = np.minimum(total, _FIRST_VALUES)

    def labels(have: Codes) -> dict[int, Any]:
        return crowd.labels({item: given[item][:k] for item, k in enumerate(have.tolist())})

    def apart(item: int) -> float:
        pairs = list(combinations([value for _, value in given[item][: first[item]]], 2))
        return float(np.mean([crowd.apart(*pair) for pair in pairs])) if pairs else 0.0

    at_first = labels(first)
    doubt = np.array([1 - at_first[item].confidence for item in range(n)])
    distance = np.array([apart(item) for item in range(n)])
    value = value_of_closer_answers(distance, first.astype(float))
    losses = [crowd.loss(at_first)]
    for rule in (np.zeros(n), doubt, value):
        order = np.lexsort((rng.random(n), -rule))[: int(_SHARE * n)]
        have = first.copy()
        have[order] = np.minimum(have[order] + _MORE_VALUES, total[order])
        losses.append(crowd.loss(labels(have)))
    return [*losses, crowd.loss(labels(np.minimum(first + _MORE_VALUES, total)))]


def measure() -> Section:
    """The section."""
    section = Section(
        "another_answer",
        "One more answer, where?",
        "Real further answers, asked for by rule (`SURELABEL_DATA`). Of classes each item has "
        "two at first and six at most, or three and five; in each pass the votes' rule asks two "
        "more people wherever the leading label is at most one vote ahead, and the other rules "
        "spend as many answers in each pass where they will. By value: `value_of_two_answers`; by "
        "doubt, as the loop does: the least sure label first. Labels are "
        f"`Auto`'s; orders of the answers drawn {_SEEDS} times (sets above {_LARGE:,} items once).",
    )
    for first, most in _WAYS:
        _add_classes(section, first, most)
    _add_values(section)
    return section


def _add_classes(section: Section, first: int, most: int) -> None:
    lines, found = [], []
    for name in SETS:
        figures = of_set(name, first, most)
        found.append(figures)
        lines.append([name, *_shown(figures)])
        say(f"another answer: {first} to {most}, {name}")
    mean = [float(x) for x in np.mean(found, axis=0)]
    _, _, votes, anywhere, doubt, value, _ = mean
    what = f"classes, {first} to {most} answers"
    section.add(
        f"{what}: accuracy when asked by doubt, against by votes, as many answers",
        f"{doubt:.4f} against {votes:.4f}, anywhere {anywhere:.4f}, by value {value:.4f}",
        "> 0 between",
        doubt > votes,
    )
    section.tables.append((
        f"{first} to {most} answers, accuracy on each set; the first column is the further answers "
        "an item that votes ask for:",
        ("set", "asked", "first", "votes", "anywhere", "doubt", "value", "all"),
        [*lines, ["mean", *_shown(mean)]],
    ))  # fmt: skip


def _add_values(section: Section) -> None:
    of_kind: dict[str, list[list[float]]] = {}
    for crowds in (ratings, label_sets, boxes):
        for crowd in crowds():
            seeds = range(1 if len(crowd.truth) > 500 else 3)
            of_kind.setdefault(crowd.name, []).extend(of_values(crowd, seed) for seed in seeds)
        say(f"another answer: {crowd.name}")
    means = {name: np.mean(each, axis=0) for name, each in of_kind.items()}
    section.tables.append((
        "Labels that are no classes: mean distance to the truth with three answers each, when a "
        "third of the items gets two more (anywhere, by doubt, which is 1 less the confidence, by "
        "value, which is `value_of_closer_answers`), and when all do. Three orders of the answers "
        "(boxes: one):",
        ("labels", "three each", "anywhere", "doubt", "value", "five each"),
        [[name, *(f"{x:.4f}" for x in figures)] for name, figures in means.items()],
    ))  # fmt: skip
    for name, (_, anywhere, _, value, _) in means.items():
        section.add(
            f"{name}: distance to the truth when asked by value, against anywhere",
            f"{value:.4f} against {anywhere:.4f}",
            "< 0 between",
            bool(value < anywhere),
        )


def _shown(figures: list[float]) -> list[str]:
    return [f"{x:.2f}" if place == 0 else f"{x:.4f}" for place, x in enumerate(figures)]


if __name__ == "__main__":
    if not (data() / "classification").is_dir():
        say(f"another_answer is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
