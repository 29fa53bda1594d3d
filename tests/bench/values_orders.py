"""Comparisons, rankings and texts: made up crowds, whose rates of error are told."""

from __future__ import annotations

import numpy as np
from page import Section, say
from scipy.stats import kendalltau

from surelabel.consolidation import HierarchicalDawidSkene, preferences, texts
from workloads.consolidation.preferences.crowds import made_up_comparisons, made_up_rankings
from workloads.consolidation.texts.crowds import made_up_transcripts

_SEEDS = range(4)


def comparisons(section: Section, peers: dict[str, dict] | None) -> None:
    """Accuracy of the choice, and Kendall's tau of the objects' scores."""
    lines = []
    for crowd, options in {
        "30 objects, 3 people": {},
        "30 objects, 5 people": {"per_item": 5},
        "objects that meet once, 3 people": {"n_objects": None},
    }.items():
        scores: dict[str, list[list[float]]] = {}
        for seed in _SEEDS:
            answers, truth, score, _ = made_up_comparisons(seed, **options)
            c = answers.choices
            alone = HierarchicalDawidSkene().fit_predict(
                c.item, c.annotator, c.label, c.n_items, c.n_annotators, 3
            )
            own = np.mean(alone.label == truth)
            scores.setdefault("HierarchicalDawidSkene (3 classes)", []).append([own, np.nan])
            for name, method in preferences.METHODS.items():
                if name != "Auto":
                    result = method().fit_predict(answers)
                    tau = kendalltau(result.score, score).statistic
                    scores.setdefault(name, []).append([np.mean(result.choice == truth), tau])
        means = {name: np.mean(rows, axis=0) for name, rows in scores.items()}
        lines += [[crowd, name, *(f"{x:.3f}" for x in row)] for name, row in means.items()]
        ours = means["DavidsonDawidSkene"][0]
        section.add(
            f"comparisons, {crowd}: right, Auto / each by itself",
            f"{ours:.3f} / {means['HierarchicalDawidSkene (3 classes)'][0]:.3f}",
        )
    section.tables.append((
        "300 comparisons (made up: right on 45 to 95 %, odds of the first raised by about 35 %): "
        "choices that are right, and Kendall's tau of the scores. `Auto` is `DavidsonDawidSkene`:",
        ("crowd", "method", "right", "tau"),
        lines,
    ))  # fmt: skip
    if peers is not None:
        answers, _, score, _ = made_up_comparisons(0, n_items=2000)
        for name, found in peers["scores"].items():
            tau = kendalltau([found[str(i)] for i in range(30)], score).statistic
            ours = kendalltau(preferences.METHODS["Auto"]().fit_predict(answers).score, score)
            section.add(
                f"comparisons (2,000): tau, Auto against crowd-kit {name}",
                f"{ours.statistic:.3f} / {tau:.3f}",
            )
    say("values: comparisons")


def orders(section: Section) -> None:
    """Pairs in the wrong order, whole orders right, and what confidence says of them."""
    lines = []
    for per_item in (3, 5):
        scores: dict[str, list[list[float]]] = {}
        for seed in _SEEDS:
            answers, truth = made_up_rankings(seed, per_item=per_item)
            place = np.argsort(truth, axis=1)
            for name, method in preferences.RANKING_METHODS.items():
                if name == "Auto":
                    continue
                result = method().fit_predict(answers)
                own = np.take_along_axis(place, result.option.reshape(truth.shape), axis=1)
                pairs = np.mean([own[:, a] > own[:, b] for a in range(5) for b in range(a + 1, 5)])
                whole = np.mean((own == np.arange(5)).all(axis=1))
                scores.setdefault(name, []).append([pairs, whole, result.confidence.mean()])
        lines += [
            [f"{per_item} people", name, *(f"{x:.3f}" for x in np.mean(rows, axis=0))]
            for name, rows in scores.items()
        ]
    section.tables.append((
        "Rankings of five options (made up: places seen with noises of .3 to 2.5): pairs the wrong "
        "way round, whole orders right, mean confidence. `Auto` is `Kemeny`:",
        ("crowd", "method", "wrong pairs", "right orders", "confidence"),
        lines,
    ))  # fmt: skip
    say("values: rankings")


def transcripts(section: Section, peers: dict[str, dict] | None) -> None:
    """Word error rates against the true texts."""
    names = [name for name in texts.METHODS if name != "Auto"]
    scores = []
    for seed in _SEEDS:
        answers, truth = made_up_transcripts(seed)
        words = [t.split() for t in truth]
        total = sum(map(len, words))
        single = sum(
            texts.edit_distance(tokens, words[item])
            for tokens, item in zip(answers.tokens, answers.item.tolist(), strict=True)
        )
        row = [single / 5 / total]
        for name in names:
            found = texts.METHODS[name]().fit_predict(answers)
            wrong = sum(texts.edit_distance(a, b) for a, b in zip(found.tokens, words, strict=True))
            row.append(wrong / total)
        scores.append(row)
    means = np.mean(scores, axis=0)
    line = [f"{x:.4f}" for x in means]
    if peers is not None:
        _, truth = made_up_transcripts(0)
        found = peers["texts"]["ROVER"]
        words = [t.split() for t in truth]
        wrong = sum(texts.edit_distance(found[str(i)].split(), w) for i, w in enumerate(words))
        names, line = [*names, "crowd-kit ROVER (first crowd)"], [
            *line, f"{wrong / sum(map(len, words)):.4f}",
        ]  # fmt: skip
    section.tables.append((
        "Transcripts (made up: 80 texts of 4 to 16 words, five people each, who get 2 to 35 % of "
        "the words wrong): word error rate. `Auto` is `Rover`:",
        ("one annotator", *names),
        [line],
    ))  # fmt: skip
    section.add(
        "transcripts: word error rate, Auto / closest to the centre / one annotator",
        f"{means[names.index('Rover') + 1]:.4f} / "
        f"{means[names.index('ClosestToCentre') + 1]:.4f} / {means[0]:.4f}",
        "below both",
        bool(means[names.index("Rover") + 1] < min(means[0], means[2])),
    )
    say("values: transcripts")
