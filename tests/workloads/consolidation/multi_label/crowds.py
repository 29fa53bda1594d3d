"""Crowds that choose label sets: made up ones, and Snow's emotions of headlines."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from surelabel.consolidation.multi_label import MultiLabelAnswers, MultiLabelResult
from workloads.consolidation.crowds import DATA

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")


@dataclass(frozen=True)
class SetCrowd:
    """Answers in the order in which they came; ``truth``: (n_items, n_classes) booleans."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    answer: NDArray[np.int64]
    label: NDArray[np.int64]
    truth: NDArray[np.bool_]
    n_annotators: int

    @property
    def coded(self) -> MultiLabelAnswers:
        n_items, n_classes = self.truth.shape
        return MultiLabelAnswers.of(
            self.item, self.annotator, self.answer, self.label,
            n_items, self.n_annotators, n_classes,
        )  # fmt: skip

    def reordered(self, order: NDArray[np.int64]) -> SetCrowd:
        """Answer ``order[j]`` comes j-th."""
        place = np.argsort(order)
        return replace(
            self,
            item=self.item[order],
            annotator=self.annotator[order],
            answer=place[self.answer],
        )


def made_up_sets(
    seed: int,
    n_items: int = 300,
    n_classes: int = 8,
    n_annotators: int = 30,
    per_item: int = 5,
    seen: float = 1.0,
) -> SetCrowd:
    """Items of six topics, each with labels of its own; sensitivity about expit(``seen``).

    Annotators, labels and the pairs of both differ in how much is seen and how much imagined, with
    standard deviations of .8, .5 and .4 on the logit scale.
    """
    rng = np.random.default_rng(seed)
    topics = rng.beta(0.3, 1.2, (6, n_classes))
    truth = rng.random((n_items, n_classes)) < topics[rng.integers(6, size=n_items)]

    def rates(centre: float) -> NDArray[np.float64]:
        by_annotator = 0.8 * rng.normal(size=(n_annotators, 1))
        own = 0.4 * rng.normal(size=(n_annotators, n_classes))
        return expit(centre + 0.5 * rng.normal(size=n_classes) + by_annotator + own)

    sensitivity, specificity = rates(seen), rates(2.5)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :per_item].ravel()
    chance = np.where(truth[item], sensitivity[who], 1 - specificity[who])
    answer, label = np.nonzero(rng.random(chance.shape) < chance)
    return SetCrowd(item, who, answer, label, truth, n_annotators)


def emotions(threshold: float) -> SetCrowd:
    """Emotions of 100 headlines that an annotator (the experts: the truth) rated that high."""
    folder = DATA / "text" / "snow2008"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")
    chosen: dict[tuple[str, str], list[int]] = {}
    truths: dict[str, list[bool]] = {}
    for label, name in enumerate(EMOTIONS):
        with (folder / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                own = chosen.setdefault((row["item"], row["worker"]), [])
                if float(row["label"]) >= threshold:
                    own.append(label)
                truth = truths.setdefault(row["item"], [False] * len(EMOTIONS))
                truth[label] = float(row["truth"]) >= threshold
    items, workers = sorted(truths), sorted({worker for _, worker in chosen})
    return SetCrowd(
        item=np.array([items.index(item) for item, _ in chosen]),
        annotator=np.array([workers.index(worker) for _, worker in chosen]),
        answer=np.repeat(np.arange(len(chosen)), [len(own) for own in chosen.values()]),
        label=np.array([label for own in chosen.values() for label in own]),
        truth=np.array([truths[item] for item in items]),
        n_annotators=len(workers),
    )


def f1(result: MultiLabelResult, truth: NDArray[np.bool_]) -> float:
    """Mean over labels of F1."""
    found = np.zeros_like(truth)
    found[result.item[result.chosen], result.label[result.chosen]] = True
    both = (found & truth).sum(axis=0)
    total = found.sum(axis=0) + truth.sum(axis=0)
    return float(np.mean(2 * both[total > 0] / total[total > 0]))
