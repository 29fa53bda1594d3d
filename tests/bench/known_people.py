"""What labels gain where people are known: from earlier rounds, or from items whose truth is known.

Three answers an item, of real crowds whose labels are no classes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from consolidation import data
from page import Section, publish, say
from value_crowds import Given, ValueCrowd, boxes, choices, label_sets, ratings, spans

_ANSWERS, _ROUND, _SEEDS = 3, 20, 2
# Items of earlier rounds, whose 2,000 answers are as many as a job remembers.
_REMEMBERED = 660


def by_rounds(crowd: ValueCrowd, given: dict[int, Given]) -> list[float]:
    """Mean distance to the truth when rounds know nothing of each other, and when they do."""
    items = list(given)
    losses = []
    for start in range(0, len(items), _ROUND):
        own = items[start : start + _ROUND]
        before = items[max(start - _REMEMBERED, 0) : start]
        alone = crowd.labels({item: given[item] for item in own})
        knowing = crowd.labels({item: given[item] for item in (*before, *own)})
        losses.append([crowd.loss(alone), crowd.loss({item: knowing[item] for item in own})])
    return [float(loss) for loss in np.mean(losses, axis=0)]


def by_gold(crowd: ValueCrowd, given: dict[int, Given]) -> list[float]:
    """Mean distance to the truth on half of the items: the others' truth not known, and known."""
    items = list(given)
    known, rest = items[: len(items) // 2], items[len(items) // 2 :]
    losses = []
    for gold in ({}, {item: crowd.truth[item] for item in known}):
        labels = crowd.labels(given, gold)
        losses.append(crowd.loss({item: labels[item] for item in rest}))
    return losses


def measure() -> Section:
    """The section."""
    section = Section(
        "known_people",
        "People who are known, where labels are no classes",
        f"Real crowds (`SURELABEL_DATA`), {_ANSWERS} answers an item, drawn {_SEEDS} times. Mean "
        "distance of labels to the truth: ratings in parts of the scale, label sets by MASI, boxes "
        "1 - soft F1, spans 1 - relaxed F1, choices the share of wrong ones.",
    )
    found: dict[str, list[list[float]]] = {}
    for crowds in (choices, label_sets, ratings, spans, boxes):
        for crowd in crowds():
            for seed in range(_SEEDS):
                answers = crowd.shuffled(seed)
                order = np.random.default_rng(seed).permutation(sorted(crowd.truth)).tolist()
                given = {item: answers[item][:_ANSWERS] for item in order}
                figures = by_rounds(crowd, given) + by_gold(crowd, given)
                found.setdefault(crowd.name, []).append(figures)
        say(f"known people: {crowd.name}")
    means = {name: np.mean(each, axis=0) for name, each in found.items()}
    for name, (alone, knowing, without, with_gold) in means.items():
        # Objects learn nothing from gold, and remember nothing.
        if name != "boxes":
            section.add(
                f"{name}: known from earlier rounds, against each round by itself",
                f"{knowing:.4f} against {alone:.4f}", "< 0 between", bool(knowing < alone),
            )  # fmt: skip
            section.add(
                f"{name}: half of the items known, against none",
                f"{with_gold:.4f} against {without:.4f}", "< 0 between", bool(with_gold < without),
            )  # fmt: skip
    section.tables.append((
        f"Rounds of {_ROUND} items, and gold for half of the items (measured on the others):",
        ("labels", "rounds alone", "rounds knowing", "no gold", "gold"),
        [[name, *(f"{x:.4f}" for x in figures)] for name, figures in means.items()],
    ))  # fmt: skip
    return section


if __name__ == "__main__":
    if not (data() / "classification").is_dir():
        say(f"known_people is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
