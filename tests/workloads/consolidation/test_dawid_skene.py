"""Dawid-Skene against plain loops, and the published anaesthetists."""

from __future__ import annotations

import math

import numpy as np
import pytest

from surelabel.consolidation import DawidSkene
from workloads.consolidation.crowds import made_up_crowd


def plain_dawid_skene(crowd, smoothing: float, max_iter: int, tol: float):
    """The same algorithm in loops, straight from the paper."""
    answers = {}
    for i, a, label in zip(crowd.item, crowd.annotator, crowd.label, strict=True):
        answers[int(i), int(a)] = int(label)
    n, w, k = crowd.n_items, crowd.n_annotators, crowd.n_classes
    posterior = [[0.0] * k for _ in range(n)]
    for (i, _), label in answers.items():
        posterior[i][label] += 1
    posterior = [[v / sum(row) for v in row] for row in posterior]
    for _ in range(max_iter):
        total = [sum(row[t] for row in posterior) for t in range(k)]
        prior = [(value + 1) / (n + k) for value in total]
        confusion = [[[smoothing] * k for _ in range(k)] for _ in range(w)]
        for (i, a), label in answers.items():
            for t in range(k):
                confusion[a][t][label] += posterior[i][t]
        for a in range(w):
            for t in range(k):
                row = confusion[a][t]
                confusion[a][t] = [value / sum(row) for value in row]
        logs = [[math.log(p) for p in prior] for _ in range(n)]
        for (i, a), label in answers.items():
            for t in range(k):
                logs[i][t] += math.log(confusion[a][t][label])
        after = []
        for row in logs:
            top = max(row)
            weights = [math.exp(value - top) for value in row]
            after.append([value / sum(weights) for value in weights])
        change = max(
            abs(x - y)
            for p, q in zip(posterior, after, strict=True)
            for x, y in zip(p, q, strict=True)
        )
        posterior = after
        if change < tol:
            break
    return np.array(posterior)


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_its_brute_force_twin(seed):
    crowd = made_up_crowd(seed, n_items=25, n_annotators=5, n_classes=3)
    expected = plain_dawid_skene(crowd, 0.01, 100, 1e-3)
    np.testing.assert_allclose(crowd.fit(DawidSkene()).posterior, expected, atol=1e-9)


def test_it_says_whether_it_converged():
    crowd = made_up_crowd(0)
    assert crowd.fit(DawidSkene()).converged
    stopped = crowd.fit(DawidSkene(max_iter=1, tol=1e-12))
    assert not stopped.converged
    assert stopped.n_iter == 1


def test_an_annotator_who_always_swaps_two_classes_is_read_backwards():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    answers = np.stack([truth, truth, 1 - truth, np.where(rng.random(200) < 0.8, truth, 1 - truth)])
    item = np.tile(np.arange(200), 4)
    annotator = np.repeat(np.arange(4), 200)
    result = DawidSkene().fit_predict(item, annotator, answers.ravel(), 200, 4, 2)
    assert result.annotators.accuracy[2] < 0.05
    np.testing.assert_array_equal(result.label, truth)


def test_frozen_annotators_of_the_wrong_shape_are_refused():
    crowd = made_up_crowd(0)
    frozen = crowd.fit(DawidSkene()).annotators
    with pytest.raises(
        ValueError, match=r"frozen_annotators.confusion must have shape \(1, 4, 4\)"
    ):
        DawidSkene().fit_predict(
            np.array([0]), np.array([0]), np.array([0]), 1, 1, 4, frozen_annotators=frozen
        )
