"""Crowds for the tests: made up ones, and the real sets of $SURELABEL_DATA."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from surelabel.consolidation.answers import Answers

DATA = Path(os.environ.get("SURELABEL_DATA", Path(__file__).parents[4] / "shared" / "data"))


@dataclass(frozen=True)
class Crowd:
    """Answers in the order in which they came, and the truth (-1: not known)."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    label: NDArray[np.int64]
    truth: NDArray[np.int64]
    n_annotators: int
    n_classes: int

    @property
    def n_items(self) -> int:
        return len(self.truth)

    @property
    def coded(self) -> Answers:
        return Answers.of(
            self.item,
            self.annotator,
            self.label,
            self.n_items,
            self.n_annotators,
            self.n_classes,
        )

    def fit(self, method, **options):
        return method.fit_predict(
            self.item,
            self.annotator,
            self.label,
            self.n_items,
            self.n_annotators,
            self.n_classes,
            **options,
        )

    def accuracy(self, result) -> float:
        known = self.truth >= 0
        return float(np.mean(result.label[known] == self.truth[known]))


def made_up_crowd(seed: int, n_items: int = 60, n_annotators: int = 7, n_classes: int = 4) -> Crowd:
    """Annotators of very different skill, three to five answers per item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_items)
    skill = rng.uniform(0.4, 0.98, n_annotators)
    rows = []
    for item in range(n_items):
        for who in rng.permutation(n_annotators)[: rng.integers(3, 6)]:
            right = rng.random() < skill[who]
            rows.append((item, who, truth[item] if right else rng.integers(n_classes)))
    order = rng.permutation(len(rows))
    item, annotator, label = np.array(rows, dtype=np.int64)[order].T
    return Crowd(item, annotator, label, truth, n_annotators, n_classes)


def team_crowd(
    seed: int, skill: Sequence[float], n_items: int, n_classes: int, per_item: int = 3
) -> Crowd:
    """``per_item`` of a small team answer each item; mistakes are spread over all classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_items)
    who = np.argsort(rng.random((n_items, len(skill))), axis=1)[:, :per_item]
    right = rng.random(who.shape) < np.array(skill)[who]
    mistake = (truth[:, None] + rng.integers(1, n_classes, size=who.shape)) % n_classes
    label = np.where(right, truth[:, None], mistake)
    item = np.repeat(np.arange(n_items), per_item)
    return Crowd(item, who.ravel(), label.ravel(), truth, len(skill), n_classes)


def real_crowd(name: str) -> Crowd:
    """One of the classification sets; skips the test where the data is missing."""
    folder = DATA / "classification" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")
    answers = np.loadtxt(folder / "labels.csv", delimiter=",", skiprows=1, dtype=np.int64)
    truths = np.loadtxt(folder / "truth.csv", delimiter=",", skiprows=1, dtype=np.int64, ndmin=2)
    items, item = np.unique(answers[:, 0], return_inverse=True)
    workers, annotator = np.unique(answers[:, 1], return_inverse=True)
    truth = np.full(len(items), -1, np.int64)
    known = dict(truths.tolist())
    for position, name_ in enumerate(items.tolist()):
        truth[position] = known.get(name_, -1)
    n_classes = int(max(answers[:, 2].max(), truth.max())) + 1
    return Crowd(item, annotator, answers[:, 2], truth, len(workers), n_classes)


def ground_truth_birds() -> Crowd:
    """The answers of a real Ground Truth job; skips the test where the data is missing."""
    folder = DATA / "classification" / "ground_truth_birds"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")
    known = {
        row["ImageId"]: row["Label"]
        for row in json.loads((folder / "true_labels.json").read_text())
    }
    lines = (folder / "output.manifest").read_text().splitlines()
    truth = [known[Path(json.loads(line)["source-ref"]).stem] for line in lines]
    rows = [
        (int(path.parent.name), answer["workerId"], *answer["answerContent"].values())
        for path in sorted(folder.glob("worker-response/*/*/*.json"))
        for answer in json.loads(path.read_text())["answers"]
    ]
    names = [content["label"] for _, _, content in rows]
    classes = sorted({*names, *truth})
    workers, annotator = np.unique([worker for _, worker, _ in rows], return_inverse=True)
    return Crowd(
        np.array([item for item, _, _ in rows]),
        annotator,
        np.array([classes.index(name) for name in names]),
        np.array([classes.index(name) for name in truth]),
        len(workers),
        len(classes),
    )


def relabeled(crowd: Crowd, order: NDArray[np.int64]) -> Crowd:
    """Class c is called order[c]."""
    truth = np.where(crowd.truth >= 0, order[crowd.truth], -1)
    return replace(crowd, label=order[crowd.label], truth=truth)
