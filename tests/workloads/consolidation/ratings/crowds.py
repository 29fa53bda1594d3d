"""Crowds that rate: made up ones, and the affect and similarity ratings of Snow et al. 2008."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numpy.typing import NDArray

from surelabel.consolidation.ratings import RatingAnswers
from workloads.consolidation.crowds import DATA

# Name and ends of the scale.
SNOW = {
    "anger": (0, 100), "disgust": (0, 100), "fear": (0, 100), "joy": (0, 100),
    "sadness": (0, 100), "surprise": (0, 100), "valence": (-100, 100), "wordsim": (0, 10),
}  # fmt: skip


def made_up_ratings(
    seed: int,
    n_items: int = 200,
    n_annotators: int = 30,
    per_item: int = 4,
    bias: float = 0.8,
    steps: int = 0,
    careless: float = 0.05,
) -> tuple[RatingAnswers, NDArray[np.float64]]:
    """Truths about 5 (give or take 1.5), annotators with a bias and noises from .3 to 2.

    Some answers are anything from 0 to 10. With ``steps``: on a scale of 1 to ``steps``.
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(5, 1.5, n_items)
    biases = bias * rng.normal(size=n_annotators)
    noise = rng.uniform(0.3, 2.0, n_annotators)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :per_item].ravel()
    if steps:
        truth = np.clip(np.round(rng.normal((steps + 1) / 2, steps / 4, n_items)), 1, steps)
    value = truth[item] + biases[who] + noise[who] * rng.normal(size=len(item))
    value = np.where(rng.random(len(item)) < careless, rng.uniform(0, 10, len(item)), value)
    if steps:
        value = np.clip(np.round(value), 1, steps)
        answers = RatingAnswers.of(
            item, who, value, n_items, n_annotators, low=1, high=steps, step=1
        )
    else:
        answers = RatingAnswers.of(item, who, value, n_items, n_annotators, low=-5, high=15)
    return answers, truth


def snow(name: str, per_item: int = 10, seed: int = 0) -> tuple[RatingAnswers, NDArray[np.float64]]:
    """One of the sets, ``per_item`` of the ten answers to each item, and the experts' ratings."""
    folder = DATA / "text" / "snow2008"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    items, item = np.unique([row["item"] for row in rows], return_inverse=True)
    workers, annotator = np.unique([row["worker"] for row in rows], return_inverse=True)
    value = np.array([float(row["label"]) for row in rows])
    truth = np.empty(len(items))
    truth[item] = [float(row["truth"]) for row in rows]
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(rows)), item))
    place = np.arange(len(rows)) - np.searchsorted(item[order], item[order])
    kept = np.sort(order[place < per_item])
    low, high = SNOW[name]
    answers = RatingAnswers.of(
        item[kept], annotator[kept], value[kept], len(items), len(workers), low=low, high=high
    )
    return answers, truth
