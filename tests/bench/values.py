"""Label sets, ratings, comparisons, rankings and texts: how right, how sure, how fast.

Label sets and ratings on the crowds of Snow et al. 2008; what has no real crowd with truth here is
measured on made up ones, whose rates of error are told. ``--no-peers`` leaves out crowd-kit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page import Section, publish, say
from peers.environment import peer_python

from surelabel.consolidation import HierarchicalDawidSkene, multi_label, preferences, ratings, texts
from surelabel.consolidation.multi_label import MultiLabelAnswers
from surelabel.consolidation.ratings import RatingAnswers
from surelabel.consolidation.texts.edit_distance import pair_distances
from workloads.consolidation.crowds import DATA
from workloads.consolidation.multi_label.crowds import emotions, f1, made_up_sets
from workloads.consolidation.preferences.crowds import made_up_comparisons, made_up_rankings
from workloads.consolidation.ratings.crowds import SNOW, made_up_ratings, snow
from workloads.consolidation.texts.crowds import made_up_transcripts

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


def speed(section: Section) -> None:
    """Seconds for large input."""
    rng = np.random.default_rng(0)
    n, k = 20_000, 10_000
    item = np.repeat(np.arange(n), 3)
    truth = rng.integers(k, size=(n, 4))
    marked = rng.random((len(item), 4)) < 0.8
    answers = MultiLabelAnswers.of(
        item, (item * 7 + np.tile(np.arange(3), n)) % 500, np.nonzero(marked)[0],
        truth[item][marked], n, 500, k,
    )  # fmt: skip
    _timed(section, "label sets: 20,000 items x 3, 10,000 labels",
           lambda: multi_label.METHODS["Auto"]().fit(answers))  # fmt: skip
    item = np.repeat(np.arange(200_000), 5)
    who = rng.integers(1000, size=len(item))
    value = rng.normal(5, 1, 200_000)[item] + rng.normal(0, 1, len(item))
    rated = RatingAnswers.of(item, who, value, 200_000, 1000)
    _timed(section, "ratings: 200,000 items x 5",
           lambda: ratings.METHODS["BiasAndNoise"]().fit(rated))  # fmt: skip
    typed, _ = made_up_transcripts(0, n_items=1000)
    _timed(section, "transcripts: 1,000 x 5", lambda: texts.METHODS["Auto"]().fit(typed))
    starts = np.arange(0, 64 * 2001, 64)
    codes = rng.integers(50, size=starts[-1])
    first, second = rng.integers(2000, size=(2, 300_000))
    pair_distances(codes, starts, first[:1], second[:1], many=0)
    _timed(section, "edit distances: 300,000 pairs of 64 tokens, kernel",
           lambda: pair_distances(codes, starts, first, second))  # fmt: skip
    few = slice(0, 20_000)
    _timed(section, "edit distances: 20,000 pairs of 64 tokens, long integers",
           lambda: pair_distances(codes, starts, first[few], second[few]))  # fmt: skip
    say("values: speed")


def _timed(section: Section, what: str, run) -> None:
    started, busy = time.perf_counter(), time.process_time()
    run()
    # Others may be working on the machine; then only the processor's time says something.
    busy = time.process_time() - busy
    section.add(what, f"{time.perf_counter() - started:.2f} s ({busy:.2f} s of processor)")


def crowd_kit() -> dict[str, dict]:
    """Its scores of 2,000 comparisons and its texts of the first made up crowd."""
    answers, _, _, _ = made_up_comparisons(0, n_items=2000)
    c = answers.choices
    # It knows no ties.
    won = np.where(c.label == 0, answers.first[c.item], answers.second[c.item])
    kept = c.label < 2
    typed, _ = made_up_transcripts(0)
    source = {
        "comparisons": {
            "worker": c.annotator[kept].tolist(), "left": answers.first[c.item][kept].tolist(),
            "right": answers.second[c.item][kept].tolist(), "label": won[kept].tolist(),
        },
        "texts": {
            "task": typed.item.tolist(), "worker": typed.annotator.tolist(),
            "text": [" ".join(tokens) for tokens in typed.tokens],
        },
    }  # fmt: skip
    script = Path(__file__).with_name("peers") / "crowd_kit_values_peer.py"
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        asked, told = Path(folder) / "in.json", Path(folder) / "out.json"
        asked.write_text(json.dumps(source))
        subprocess.run([peer_python(), script, asked, told], check=True)
        found: dict[str, dict] = json.loads(told.read_text())
    return found


def measure(with_peers: bool) -> Section:
    """The section of all families."""
    section = Section(
        "values",
        "Label sets, ratings, comparisons, rankings, texts",
        "Real crowds (`SURELABEL_DATA`, text/snow2008) for label sets and ratings; the others are "
        "made up, with rates of error that are told, and means over four of them. The choice of "
        "`BiasAndNoise`'s two constants was made on the same eight sets.",
    )
    peers = crowd_kit() if with_peers else None
    label_sets(section)
    numbers(section)
    comparisons(section, peers)
    orders(section)
    transcripts(section, peers)
    speed(section)
    if peers is not None:
        for name, seconds in peers["seconds"].items():
            section.add(f"crowd-kit {name}, the same input", f"{seconds:.2f} s")
    return section


if __name__ == "__main__":
    if not (DATA / "text" / "snow2008").is_dir():
        say(f"values is left out: no folder {DATA}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure("--no-peers" not in sys.argv))
