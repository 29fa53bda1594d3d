"""Label sets and ratings on the crowds of Snow et al. 2008, and on made up ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from page import Section, say

from surelabel.consolidation import multi_label, ratings
from workloads.consolidation.multi_label.crowds import emotions, f1, made_up_sets
from workloads.consolidation.ratings.crowds import SNOW, made_up_ratings, snow

_THRESHOLDS = (15, 25, 35, 50)
_SEEDS = range(4)
Codes = NDArray[np.int64]


def label_sets(section: Section) -> None:
    """F1 of the labels, mean over labels: emotions by threshold, and made up crowds."""
    crowds = {f"emotions from {t}": [emotions(t)] for t in _THRESHOLDS}
    crowds["made up, 5 people"] = [made_up_sets(seed) for seed in _SEEDS]
    crowds["made up, 3 people"] = [made_up_sets(seed, per_item=3) for seed in _SEEDS]
    names = [name for name in multi_label.METHODS if name not in ("Auto", "GroundTruth")]
    lines = []
    for crowd, all_ in crowds.items():
        scores = [
            [f1(multi_label.METHODS[n]().fit_predict(c.coded), c.truth) for n in names]
            for c in all_
        ]
        lines.append([crowd, *(f"{x:.3f}" for x in np.mean(scores, axis=0))])
    section.tables.append((
        "Label sets, F1 (mean over labels). Emotions: six emotions of 100 headlines, ten people "
        "each, chosen where rated that high; the truth are the experts' ratings, so cut too. Made "
        "up: 300 items, 8 labels of topics, people who see about 73 % of what applies and imagine "
        "8 % of what does not. `Auto` is `JointDawidSkene`:",
        ("crowd", *names),
        lines,
    ))  # fmt: skip
    emotion = np.array([[float(x) for x in line[1:]] for line in lines[: len(_THRESHOLDS)]])
    mean = dict(zip(names, emotion.mean(axis=0), strict=True))
    gain = mean["JointDawidSkene"] - mean["HierarchicalDawidSkene"]
    section.add(
        "label sets: F1 on emotions, all labels at once against each by itself",
        f"{mean['JointDawidSkene']:.3f} against {mean['HierarchicalDawidSkene']:.3f}",
        "> 0 between",
        bool(gain > 0),
    )
    section.notes.append(_gain_on_emotions())
    say("values: label sets")


def _gain_on_emotions() -> str:
    """F1 of all labels at once above that of each by itself, with an interval over headlines."""
    tables = []
    for threshold in _THRESHOLDS:
        crowd = emotions(threshold)
        found = []
        for name in ("JointDawidSkene", "HierarchicalDawidSkene"):
            result = multi_label.METHODS[name]().fit_predict(crowd.coded)
            chosen = np.zeros_like(crowd.truth)
            chosen[result.item[result.chosen], result.label[result.chosen]] = True
            found.append(chosen)
        tables.append((crowd.truth, *found))

    def score(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
        total = chosen.sum(axis=0) + truth.sum(axis=0)
        both = (chosen & truth).sum(axis=0)
        return float(np.mean(2 * both[total > 0] / total[total > 0]))

    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(1000):
        rows = _draw(rng, len(tables[0][0]))
        drawn.append(np.mean([
            score(joint[rows], truth[rows]) - score(alone[rows], truth[rows])
            for truth, joint, alone in tables
        ]))  # fmt: skip
    low, high = np.percentile(drawn, (2.5, 97.5))
    return (
        "`JointDawidSkene` above `HierarchicalDawidSkene` on the emotions, mean over thresholds: "
        f"95 % interval {low:+.3f} to {high:+.3f}, by bootstrap over headlines."
    )


def numbers(section: Section) -> None:
    """Correlation with the experts and root mean square error, over the eight sets."""
    names = ("Mean", "Median", "BiasAndNoise")
    lines, found = [], {}
    for per_item in (10, 5, 3):
        scores = []
        for name in SNOW:
            for seed in range(1 if per_item == 10 else 3):
                answers, truth = snow(name, per_item, seed)
                length = answers.high - answers.low
                row = []
                for method in names:
                    value = ratings.METHODS[method]().fit_predict(answers).value
                    row.append([
                        np.corrcoef(value, truth)[0, 1],
                        np.sqrt(np.mean((value - truth) ** 2)) / length,
                    ])  # fmt: skip
                scores.append(row)
        means = np.mean(scores, axis=0)
        found[per_item] = means
        lines += [
            [f"{per_item} people", method, *(f"{x:.4f}" for x in row)]
            for method, row in zip(names, means, strict=True)
        ]
    section.tables.append((
        "Ratings, mean over eight sets of Snow et al. (six emotions, valence, word similarity): "
        "correlation with the experts, and root mean square error in parts of the scale. Of ten "
        "ratings of an item all, or some drawn three times:",
        ("crowd", "method", "correlation", "error"),
        lines,
    ))  # fmt: skip
    section.add(
        "ratings: correlation with the experts, ten people, against mean and median",
        " / ".join(f"{found[10][i, 0]:.4f}" for i in (2, 0, 1)),
        "above the median",
        bool(found[10][2, 0] > found[10][1, 0]),
    )
    section.notes.append(_held_out())
    steps = []
    for seed in _SEEDS:
        answers, truth = made_up_ratings(seed, steps=5, n_annotators=25)
        results = [ratings.METHODS[n]().fit_predict(answers) for n in ("Auto", "Mean", "Median")]
        steps.append([np.mean(r.value == truth) for r in results])
    section.add(
        "ratings of five steps (made up, noises .3 to 2 steps): right, Auto / mean / median",
        " / ".join(f"{x:.3f}" for x in np.mean(steps, axis=0)),
    )
    say("values: ratings")


def _draw(rng: np.random.Generator, n: int) -> Codes:
    return rng.integers(n, size=n)


def _held_out() -> str:
    """What ``BiasAndNoise`` reaches where its constants are chosen on the seven other sets."""
    settings = [(k, h) for k in (5.0, 20.0, 50.0) for h in (1.345, 2.0, 3.0, 1e9)]
    sizes = (10, 5, 3)
    crowds = {
        (n, name): [snow(name, n, seed) for seed in range(1 if n == 10 else 3)]
        for n in sizes
        for name in SNOW
    }
    values = {
        (setting, crowd): [
            ratings.BiasAndNoise(strength=setting[0], huber=setting[1]).fit(answers).value_
            for answers, _ in drawn
        ]
        for setting in settings
        for crowd, drawn in crowds.items()
    }

    def gain(setting: tuple[float, float], crowd: tuple[int, str], rows: Codes | None) -> float:
        """Correlation above that of the mean; of these items, or of all."""
        gains = []
        for value, (answers, truth) in zip(values[setting, crowd], crowds[crowd], strict=True):
            mean = answers.per_item(answers.value) / answers.n_answers
            pick = slice(None) if rows is None else rows
            own, theirs = (np.corrcoef(x[pick], truth[pick])[0, 1] for x in (value, mean))
            gains.append(own - theirs)
        return float(np.mean(gains))

    every = {key: gain(*key, None) for key in values}
    chosen = {
        name: max(
            settings,
            key=lambda s, left=name: sum(
                every[s, (n, other)] for n in sizes for other in SNOW if other != left
            ),
        )
        for name in SNOW
    }
    rng = np.random.default_rng(0)
    told = []
    for n in sizes:
        held = np.mean([every[chosen[name], (n, name)] for name in SNOW])
        drawn = [
            np.mean([
                gain(chosen[name], (n, name), _draw(rng, len(crowds[n, name][0][1])))
                for name in SNOW
            ])
            for _ in range(200)
        ]  # fmt: skip
        low, high = np.percentile(drawn, (2.5, 97.5))
        told.append(f"{held:+.4f} with {n} people ({low:+.4f} to {high:+.4f})")
    return (
        "`BiasAndNoise` with its two constants chosen on the seven other sets each time, "
        f"correlation above that of the mean, 95 % by bootstrap over items: {', '.join(told)}."
    )
