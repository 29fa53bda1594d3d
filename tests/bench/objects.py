"""How right, how sure and how fast the consolidation of objects is, on real boxes and made up ones.

Beside it ensemble-boxes' weighted boxes fusion, in an environment of its own.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray
from page import ROOT, Section, publish, say
from peers.environment import peer_python
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import roc_auc_score

from surelabel.consolidation.objects import METHODS, Auto, Boxes, ObjectAnswers, SupportVote

# F1 and mean IoU that the default must reach, seconds for the made up boxes, and times the peer.
_F1, _IOU, _SECONDS, _FASTER = 0.9315, 0.843, 0.15, 50
_FIRST_CALL = 0.5
_LEAST, _BINS, _REPEATS = 0.5, 15, 5
_ITEMS, _ANNOTATORS, _OBJECTS, _CROWD = 10_000, 5, 8, 50

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class Pedestrians:
    """1,448 images, seven annotators each; 938 of them annotated by an expert."""

    def __init__(self) -> None:
        folder = data() / "boxes" / "pedestrians_mturk"

        def rows(name: str) -> list[dict[str, str]]:
            with (folder / f"{name}.csv").open(encoding="utf-8") as file:
                return list(csv.DictReader(file))

        def corners(lines: list[dict[str, str]]) -> Floats:
            return np.array([[float(row[k]) for k in ("x1", "y1", "x2", "y2")] for row in lines])

        images = {row["image"]: code for code, row in enumerate(rows("images"))}
        assignments, boxes, truth = rows("assignments"), rows("boxes"), rows("truth_boxes")
        names = sorted({row["worker"] for row in assignments})
        workers = {name: code for code, name in enumerate(names)}
        place = {(row["image"], row["worker"]): k for k, row in enumerate(assignments)}
        self.answers = ObjectAnswers.of(
            np.array([images[row["image"]] for row in assignments]),
            np.array([workers[row["worker"]] for row in assignments]),
            np.array([place[row["image"], row["worker"]] for row in boxes]),
            Boxes(corners(boxes)),
            np.zeros(len(boxes), np.int64),
            len(images),
            len(workers),
            1,
        )
        self.expert = np.zeros(len(images), dtype=bool)
        self.expert[[images[row["image"]] for row in rows("truth_images")]] = True
        self.true_item = np.array([images[row["image"]] for row in truth])
        self.truth = Boxes(corners(truth))

    def score(self, item: Codes, corners: Floats, confidence: Floats) -> list[float]:
        """F1, mean IoU of right boxes; AUROC and ECE (15 bins) of the confidence."""
        there = np.flatnonzero(self.expert[item])
        item, boxes, confidence = item[there], Boxes(corners[there]), confidence[there]
        found = np.zeros(len(item))
        for image in np.unique(item):
            mine = np.flatnonzero(item == image)
            theirs = np.flatnonzero(self.true_item == image)
            a, b = np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))
            table = boxes.similarity(a, self.truth, b).reshape(len(mine), len(theirs))
            table = np.where(table >= _LEAST, table, 0)
            rows, columns = linear_sum_assignment(table, maximize=True)
            found[mine[rows]] = table[rows, columns]
        right = found > 0
        f1 = 2 * right.sum() / (len(found) + len(self.true_item))
        bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
        off = np.bincount(bins, weights=confidence - right, minlength=_BINS)
        auroc = roc_auc_score(right, confidence)
        return [f1, found[right].mean(), auroc, np.abs(off).sum() / len(right)]


def data() -> Path:
    """The folder with the real data."""
    return Path(os.environ.get("SURELABEL_DATA", ROOT.parent / "shared" / "data"))


def made_up() -> ObjectAnswers:
    """10,000 images x 5 annotators x 8 boxes, jittered by a twentieth of their size."""
    rng = np.random.default_rng(0)
    box = np.concatenate(
        (rng.uniform(0, 900, (_ITEMS, _OBJECTS, 2)), rng.uniform(40, 200, (_ITEMS, _OBJECTS, 2))),
        axis=2,
    )
    item = np.repeat(np.arange(_ITEMS), _ANNOTATORS)
    who = np.argsort(rng.random((_ITEMS, _CROWD)), axis=1)[:, :_ANNOTATORS].ravel()
    marks = box[item].reshape(-1, 4)
    marks = marks + rng.normal(0, 0.05, marks.shape) * np.tile(marks[:, 2:], 2)
    answer = np.repeat(np.arange(len(item)), _OBJECTS)
    label = np.zeros(len(marks), np.int64)
    return ObjectAnswers.of(item, who, answer, Boxes.of(marks), label, _ITEMS, _CROWD, 1)


def again(answers: ObjectAnswers) -> ObjectAnswers:
    """The same without what was computed from it before."""
    return ObjectAnswers(**{name: getattr(answers, name) for name in answers.__dataclass_fields__})


def weighted_boxes_fusion(answers: ObjectAnswers) -> tuple[Codes, Floats, Floats, float]:
    """The peer's item, corners and score of each box, and its seconds."""
    script = Path(__file__).with_name("peers") / "ensemble_boxes_peer.py"
    corners = answers.geometry.bounds()
    # It wants coordinates from 0 to 1.
    low, high = corners.min(), corners.max()
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source,
            answer_item=answers.item,
            answer=answers.answer,
            corners=(corners - low) / (high - low),
            label=answers.label,
        )
        subprocess.run([peer_python(), script, source, result], check=True)
        with np.load(result) as found:
            box = found["corners"] * (high - low) + low
            return found["item"], box, found["score"], float(found["seconds"])


def seconds_of(
    method: type[Auto] | type[SupportVote], answers: ObjectAnswers
) -> tuple[float, float]:
    """Seconds, and seconds of CPU: the best of several."""
    method().fit(answers)
    found = []
    for _ in range(_REPEATS):
        fresh = again(answers)
        started, cpu = time.perf_counter(), time.process_time()
        method().fit(fresh)
        found.append((time.perf_counter() - started, time.process_time() - cpu))
    return min(found)


def quality(section: Section) -> None:
    """F1, mean IoU and confidence on the pedestrians."""
    crowd = Pedestrians()
    found = {}
    for name, method in METHODS.items():
        result = method().fit_predict(crowd.answers)
        found[name] = crowd.score(result.item, result.geometry.bounds(), result.confidence)
        say(f"objects: {name} {np.round(found[name], 4).tolist()}")
    item, corners, support, _ = weighted_boxes_fusion(crowd.answers)
    best: tuple[float, list[float]] = max(
        (scores[0], scores)
        for least in np.arange(1, 8) / 7
        for kept in [np.flatnonzero(support >= least - 1e-6)]
        if len(kept)
        for scores in [crowd.score(item[kept], corners[kept], support[kept])]
    )
    found["ensemble-boxes, weighted boxes fusion"] = best[1]
    f1, iou, _, _ = found["Auto"]
    section.add("Auto, F1", f"{f1:.4f}", f"≥ {_F1}", f1 >= _F1)
    section.add("Auto, mean IoU", f"{iou:.4f}", f"≥ {_IOU}", iou >= _IOU)
    section.tables.append((
        "Pedestrians, 938 images with an expert's truth; IoU ≥ 0.5. AUROC and ECE (15 bins) are "
        "of the confidence of the boxes that are kept. Weighted boxes fusion: the least support "
        "(of 1/7 to 7/7) that is best by this truth.",
        ("method", "F1", "mean IoU", "AUROC", "ECE"),
        [[name, *(f"{value:.4f}" for value in values)] for name, values in found.items()],
    ))  # fmt: skip


def speed(section: Section) -> None:
    """Seconds and memory for many boxes."""
    answers = made_up()
    name = f"{_ITEMS:,} images x {_ANNOTATORS} x {_OBJECTS} boxes"
    (vote, vote_cpu), (auto, auto_cpu) = (seconds_of(m, answers) for m in (SupportVote, Auto))
    say(f"objects: SupportVote {vote:.3f} s, Auto {auto:.3f} s")
    fresh = again(answers)
    tracemalloc.start()
    Auto().fit(fresh)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    *_, theirs = weighted_boxes_fusion(answers)
    limit = f"≤ {_SECONDS} s"
    for which, wall, cpu in (("SupportVote", vote, vote_cpu), ("Auto", auto, auto_cpu)):
        got = f"{wall:.3f} s ({cpu:.3f} s of CPU)"
        section.add(f"{name}: {which}", got, limit, wall <= _SECONDS)
    times = theirs / auto
    section.add(
        f"{name}: Auto is faster than weighted boxes fusion ({theirs:.1f} s) by",
        f"{times:.0f} times",
        f"≥ {_FASTER}",
        times >= _FASTER,
    )
    section.add(f"{name}: Auto's peak memory above its input", f"{peak:.0f} MB")


def first_calls(section: Section) -> None:
    """Seconds of outlines in a process that has consolidated nothing yet."""
    script = Path(__file__).with_name("first_outlines.py")
    for kind in ("Polygons", "Polylines"):
        done = subprocess.run(
            [sys.executable, script, kind], stdout=subprocess.PIPE, check=True, text=True
        )
        seconds = json.loads(done.stdout)["seconds"]
        section.add(
            f"first call after import, 1,000 answers: {kind} of 20 vertices",
            f"{seconds:.2f} s",
            f"≤ {_FIRST_CALL} s",
            seconds <= _FIRST_CALL,
        )


def measure() -> Section:
    """The section of objects."""
    section = Section(
        "objects",
        "Objects that several people marked: how right, how sure, how fast",
        f"Matching, support, fusion and confidence together, on {numba.get_num_threads()} threads. "
        "Best of five, after the first call. The peer matches and fuses, on one.",
    )
    quality(section)
    speed(section)
    first_calls(section)
    return section


if __name__ == "__main__":
    if not (data() / "boxes").is_dir():
        say(f"objects is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
