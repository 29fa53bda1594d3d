"""How many answers the loop's passes save against a fixed number for every item.

Real crowds gave more answers than the simulation lets out, in an order drawn by a seed. It begins
with two of each item and asks for the next real one wherever ``stages/passes.py`` would, so who is
asked is chance, as in a job.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from another_answer import Crowd
from consolidation import SETS, data
from page import Section, publish, say

from surelabel.consolidation import HierarchicalDawidSkene
from surelabel.stages.passes import LEAST_DOUBT, doubt_of

_FIXED, _TARGET = 5, 0.35
# The most answers that a job may ask for, and the passes that the operator lets a round have.
_FIRST, _MOST, _PASSES = 2, 9, 9
_SEEDS = 5
# Above so many items fewer orders of the answers are enough.
_LARGE, _SEEDS_OF_LARGE = 2_000, 1
# Other limits of doubt, for the whole curve.
_DOUBTS = (0.3, LEAST_DOUBT, 0.2)
_NUMBERS = (2, 3, 4, _FIXED, 7)

Codes = NDArray[np.int64]
Found = tuple[dict[int, "Point"], dict[float, "Point"]]


@dataclass(frozen=True)
class Point:
    """Answers an item, and the share of right labels."""

    answers: float
    accuracy: float


def asked(crowd: Crowd, least: float) -> Codes:
    """Answers of each item when no label is doubtful any more, or no answer left."""
    have = crowd.first.copy()
    for _ in range(_PASSES - 1):
        a = crowd.answers(have)
        # As the loop judges, once people are known from earlier rounds.
        result = HierarchicalDawidSkene().fit_predict(
            a.item, a.annotator, a.label, a.n_items, a.n_annotators, a.n_classes
        )
        doubt = doubt_of(result.posterior, result.n_answers, one_is_enough=False)
        more = (have < crowd.total) & (doubt >= least)
        if not more.any():
            break
        have[more] += 1
    return have


def of_set(name: str) -> Found:
    """By number of answers for every item, and by limit of doubt."""
    fixed: dict[int, list[Point]] = {number: [] for number in _NUMBERS}
    adaptive: dict[float, list[Point]] = {least: [] for least in _DOUBTS}
    seed, crowd = 0, Crowd(name, 0, _FIRST, _MOST)
    while seed < (_SEEDS_OF_LARGE if len(crowd.truth) > _LARGE else _SEEDS):
        crowd = Crowd(name, seed, _FIRST, _MOST)
        for number in _NUMBERS:
            fixed[number].append(_point(crowd, np.minimum(crowd.total, number)))
        for least in _DOUBTS:
            adaptive[least].append(_point(crowd, asked(crowd, least)))
        seed += 1
    return (
        {number: _mean(points) for number, points in fixed.items()},
        {least: _mean(points) for least, points in adaptive.items()},
    )


def measure() -> Section:
    """The section."""
    section = Section(
        "adaptive_redundancy",
        "Further answers where labels are doubtful, against a fixed number",
        f"{len(SETS)} real crowds with truth (`SURELABEL_DATA`), {_SEEDS} orders of "
        f"their answers (sets above {_LARGE:,} items {_SEEDS_OF_LARGE}). Fixed: {_FIXED} answers "
        f"for every item, or all that it has. Asked: {_FIRST} for every item, then one more, "
        f"{_MOST} at most and in {_PASSES} passes, wherever the label is less sure than "
        f"{1 - LEAST_DOUBT:g}, as `stages/passes.py` does; annotators are judged anew after each "
        "pass, by all answers. "
        "Labels at the end are `Auto`'s either way. Means over the sets.",
    )
    found = {}
    for name in SETS:
        found[name] = of_set(name)
        say(f"adaptive redundancy: {name}")
    curve = [_over_sets(found, least) for least in _DOUBTS]
    own = curve[_DOUBTS.index(LEAST_DOUBT)]
    share, more_right = own
    section.add(
        f"wrong labels where doubt is asked about, less those with {_FIXED} answers for every item",
        f"{-more_right:+.2%}",
        "≤ 0",
        more_right >= 0,
    )
    section.add(
        "answers that this saves", f"{1 - share:.1%}", f"≥ {_TARGET:.0%}", 1 - share >= _TARGET
    )
    same = _share_at_same_error(curve)
    section.add(
        f"answers saved at the error of {_FIXED} for every item, between the limits of the table",
        "at none of them" if same is None else f"{1 - same:.1%}",
        f"≥ {_TARGET:.0%}",
        same is not None and 1 - same >= _TARGET,
    )
    _add_tables(section, found)
    return section


def _point(crowd: Crowd, have: Codes) -> Point:
    return Point(float(have.mean()), crowd.accuracy(have))


def _mean(points: list[Point]) -> Point:
    return Point(
        float(np.mean([point.answers for point in points])),
        float(np.mean([point.accuracy for point in points])),
    )


def _over_sets(found: Mapping[str, Found], least: float) -> tuple[float, float]:
    """Answers as a share of those of fixed redundancy, and by how much labels are more often
    right."""
    pairs = [(adaptive[least], fixed[_FIXED]) for fixed, adaptive in found.values()]
    return (
        float(np.mean([ours.answers / theirs.answers for ours, theirs in pairs])),
        float(np.mean([ours.accuracy - theirs.accuracy for ours, theirs in pairs])),
    )


def _share_at_same_error(curve: list[tuple[float, float]]) -> float | None:
    """The share of answers at which labels are as often right; None: at none of these limits."""
    share, more_right = zip(*sorted(curve), strict=True)
    best = np.maximum.accumulate(more_right)
    return float(np.interp(0.0, best, share)) if best[-1] >= 0 else None


def _add_tables(section: Section, found: Mapping[str, Found]) -> None:
    lines = []
    for name, (fixed, adaptive) in found.items():
        base, own = fixed[_FIXED], adaptive[LEAST_DOUBT]
        cells = [f"{base.answers:.2f}", f"{base.accuracy:.4f}"]
        for least in _DOUBTS:
            point = adaptive[least]
            cells += [f"{point.answers:.2f}", f"{point.accuracy:.4f}"]
        lines.append([name, *cells, f"{1 - own.answers / base.answers:.0%}"])
    header = ["set", f"fixed {_FIXED}", "right"]
    for least in _DOUBTS:
        header += [f"asked below {1 - least:g}", "right"]
    section.tables.append((
        f"Answers an item, and the share of right labels; the last column is what the loop's limit "
        f"({1 - LEAST_DOUBT:g}) saves. Sets with few answers an item (product has three, s_rel and "
        "trec five) cannot ask for more where it would pay:",
        (*header, "saved"),
        lines,
    ))  # fmt: skip
    section.tables.append((
        "The same number of answers for every item, share of right labels:",
        ("set", *(str(number) for number in _NUMBERS)),
        [[name, *(f"{fixed[number].accuracy:.4f}" for number in _NUMBERS)]
         for name, (fixed, _) in found.items()],
    ))  # fmt: skip


if __name__ == "__main__":
    if not (data() / "classification").is_dir():
        say(f"adaptive_redundancy is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
