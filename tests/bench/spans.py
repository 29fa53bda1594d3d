"""How right each consolidation of spans is, by the truth and published figures, and its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
from page import ROOT, Section, publish, say
from span_crowds import DATA, WNUT_ANNOTATORS, SpanCrowd, alone, calibration, pico, wnut17

from surelabel.consolidation.spans import (
    BayesianSequenceCombination,
    JaccardClusters,
    SpanResult,
    TokenDawidSkene,
    TokenMajority,
    exact_score,
    relaxed_score,
)
from surelabel.consolidation.spans.overlap import covered

METHODS = {
    "BayesianSequenceCombination (Auto)": BayesianSequenceCombination(),
    "TokenDawidSkene": TokenDawidSkene(),
    "JaccardClusters, least 1/3": JaccardClusters(least=1 / 3),
    "JaccardClusters": JaccardClusters(),
    "TokenMajority": TokenMajority(),
}
# F1, relaxed, on the 191 abstracts of PICO (Simpson and Gurevych 2019).
_PUBLISHED = 75.1
_FIRST_CALL = """
import time
from bench.span_crowds import wnut17
from surelabel.consolidation.spans import BayesianSequenceCombination, SpanAnswers
crowd = wnut17(0)
a, texts = crowd.answers, crowd.texts[:200]
kept = a.span_item < 200
few = SpanAnswers.of(a.item[:1000], a.annotator[:1000], a.answer[kept], a.start[kept],
                     a.end[kept], a.label[kept], 200, a.n_annotators, a.n_classes)
for _ in range(2):
    started, busy = time.perf_counter(), time.process_time()
    BayesianSequenceCombination().fit_predict(few, texts=texts)
    print(time.perf_counter() - started, time.process_time() - busy)
"""


def standard_error(crowd: SpanCrowd, result, *, draws: int = 1000) -> float:
    """Of the relaxed F1, by bootstrap over the items whose truth is known."""
    found, truth = crowd.found(result), crowd.truth
    n = len(crowd.judged)
    sums = []
    for one, other in ((found, truth), (truth, found)):
        place = np.searchsorted(crowd.judged, one.group)
        share = covered(one, other) / (one.end - one.start)
        sums.append((np.bincount(place, share, n), np.bincount(place, minlength=n)))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(draws):
        kept = rng.integers(n, size=n)
        precision, recall = (good[kept].sum() / total[kept].sum() for good, total in sums)
        drawn.append(2 * precision * recall / (precision + recall))
    return float(np.std(drawn))


def measure_crowd(crowd: SpanCrowd) -> tuple[dict[str, list[float]], SpanResult]:
    """Of each method: exact P, R, F1, relaxed P, R, F1 (in %), ECE, CPU s; and Auto's result."""
    found, results = {}, []
    for name, method in METHODS.items():
        # One thread works, and on a machine that is shared its own time says more.
        started = time.process_time()
        result = method.fit_predict(crowd.answers, texts=crowd.texts)
        seconds = time.process_time() - started
        spans = crowd.found(result)
        exact = [100 * each for each in exact_score(spans, crowd.truth)]
        relaxed = [100 * each for each in relaxed_score(spans, crowd.truth)]
        found[name] = [*exact, *relaxed, calibration(crowd, result), seconds]
        results.append(result)
        say(f"spans: {name} {np.round(found[name], 3).tolist()}")
    return found, results[0]


def add_alone(section: Section, name: str, crowd: SpanCrowd) -> None:
    """How right spans are that one person alone looked for, and how sure they say they are."""
    one = alone(crowd)
    result = BayesianSequenceCombination().fit_predict(one.answers, texts=one.texts)
    right, _, _ = exact_score(one.found(result), one.truth)
    sure = result.confidence[np.isin(result.item, one.judged)].mean()
    section.add(f"{name}, one answer an item: exactly right, as sure", f"{right:.3f}, {sure:.3f}")


def add_table(section: Section, caption: str, found: dict[str, list[float]]) -> None:
    """All figures of one crowd."""
    header = ("method", "exact P", "R", "F1", "relaxed P", "R", "F1", "ECE", "CPU seconds")
    lines = [
        [name, *(f"{each:.1f}" for each in v[:6]), f"{v[6]:.3f}", f"{v[7]:.2f}"]
        for name, v in found.items()
    ]
    section.tables.append((caption, header, lines))


def measure() -> Section:
    """The section of the spans."""
    section = Section(
        "spans",
        "Spans by crowds: how right, how fast",
        "Exact F1: same start, end and class. Relaxed F1, as Nguyen et al. (2017) and Simpson and "
        "Gurevych (2019) define it: precision is the mean over the spans found of the share that "
        "true spans of the same class cover, recall the same the other way round, here in code "
        "points. ECE: 10 bins, of the confidence that a span is exactly right.",
    )
    best = "BayesianSequenceCombination (Auto)"
    crowd = pico()
    if crowd.texts is None:
        section.notes.append(
            "The texts of PICO in this folder are not those that its offsets point into (they are "
            "lists of keywords), so every method went without words; with the texts the sequence "
            "model is better."
        )
    found, result = measure_crowd(crowd)
    got, error = found[best][5], 100 * standard_error(crowd, result)
    shown = f"{got:.1f} (standard error {error:.1f})"
    section.add("PICO, relaxed F1", shown, f"≥ {_PUBLISHED}", got >= _PUBLISHED)
    section.add("PICO, ECE of the confidence", f"{found[best][6]:.3f}")
    section.add("PICO, dependence of answers, as found", f"{result.annotators.dependence}")
    section.add("PICO, all 4,740 abstracts", f"{found[best][7]:.2f} s of CPU")
    add_alone(section, "PICO", crowd)
    add_table(section, "PICO, 191 abstracts with truth, learned from all 4,740:", found)
    for seed in (0, 1):
        crowd = wnut17(seed)
        found, _ = measure_crowd(crowd)
        for other in ("TokenDawidSkene", "JaccardClusters, least 1/3"):
            ahead = found[best][2] - found[other][2]
            section.add(
                f"WNUT-17 seed {seed}, exact F1 above {other}", f"{ahead:+.1f}", "> 0", ahead > 0
            )
        add_alone(section, f"WNUT-17 seed {seed}", crowd)
        add_table(section, f"WNUT-17, five simulated annotators, seed {seed}:", found)
    section.tables.append((
        "The simulated annotators, errors per span (false: per sentence):",
        ("missed", "shifted", "mislabeled", "merged", "false"),
        [[f"{each:.2f}" for each in vars(errors).values()] for errors in WNUT_ANNOTATORS],
    ))  # fmt: skip
    first = subprocess.run(
        [sys.executable, "-c", _FIRST_CALL],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'workloads'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, busy, _, again = map(float, first.stdout.split())
    section.add(
        "first call, 1,000 answers",
        f"{seconds:.2f} s ({busy:.2f} s of CPU; {again:.2f} s the second time)",
        "< 0.5 s",
        seconds < 0.5,
    )
    return section


if __name__ == "__main__":
    if not (DATA / "ner").is_dir():
        say(f"spans is left out: no folder {DATA / 'ner'}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
