"""Crowds that compare and rank, with stated rates of error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.preferences import PreferenceAnswers, RankingAnswers
from surelabel.consolidation.preferences.davidson_fit import chances


def made_up_comparisons(
    seed: int,
    n_items: int = 300,
    n_objects: int | None = 30,
    n_annotators: int = 20,
    per_item: int = 3,
    bias: float = 0.3,
) -> tuple[PreferenceAnswers, NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Answers, the truth of each comparison (0 a, 1 b, 2 tie), scores, and position biases.

    Truths by Davidson's model, scores with a standard deviation of 1.5 and nu = .4; annotators
    right on 45 to 95 %, their odds of "a" raised by exp of a bias about ``bias``. No
    ``n_objects``: every comparison has objects of its own.
    """
    rng = np.random.default_rng(seed)
    if n_objects is None:
        first = 2 * np.arange(n_items)
        second, score = first + 1, 1.5 * rng.normal(size=2 * n_items)
    else:
        first = rng.integers(n_objects, size=n_items)
        second = (first + rng.integers(1, n_objects, size=n_items)) % n_objects
        score = 1.5 * rng.normal(size=n_objects)
    p = chances(score[first] - score[second], 0.4)
    truth = (rng.random((n_items, 1)) > p.cumsum(axis=1)).sum(axis=1)
    skill = rng.uniform(0.45, 0.95, n_annotators)
    biases = bias + bias * rng.normal(size=n_annotators)
    confusion = np.tile(((1 - skill) / 2)[:, None, None], (1, 3, 3))
    confusion[:, range(3), range(3)] = skill[:, None]
    confusion[:, :, 0] *= np.exp(biases)[:, None]
    confusion /= confusion.sum(axis=2, keepdims=True)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :per_item].ravel()
    up_to = confusion[who, truth[item]].cumsum(axis=1)
    choice = np.minimum((rng.random((len(item), 1)) > up_to).sum(axis=1), 2)
    objects = {} if n_objects is None else {"first": first, "second": second}
    answers = PreferenceAnswers.of(
        item, who, choice, n_items, n_annotators, n_objects=n_objects, **objects
    )
    return answers, truth, score, biases


def made_up_rankings(
    seed: int, n_items: int = 200, n_options: int = 5, n_annotators: int = 20, per_item: int = 3
) -> tuple[RankingAnswers, NDArray[np.int64]]:
    """Answers and the true order of each item, (n_items, n_options).

    An annotator sees each option's place (0, 1, ...) with normal noise of their own, .3 to 2.5.
    """
    rng = np.random.default_rng(seed)
    truth = np.argsort(rng.random((n_items, n_options)), axis=1)
    noise = rng.uniform(0.3, 2.5, n_annotators)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :per_item].ravel()
    place = np.argsort(truth, axis=1)[item]
    seen = place + noise[who][:, None] * rng.normal(size=place.shape)
    rank = np.argsort(np.argsort(seen, axis=1), axis=1)
    answers = RankingAnswers.of(
        item, who, np.repeat(np.arange(len(item)), n_options),
        np.tile(np.arange(n_options), len(item)), rank.ravel(),
        np.full(n_items, n_options), n_annotators,
    )  # fmt: skip
    return answers, truth
