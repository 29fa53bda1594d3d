"""Made up answers of spans for the tests."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.spans import SpanAnswers

A, B = (0, 5, 0), (10, 20, 1)


def answers_of(rows, n_items=1, n_annotators=3, n_classes=2):
    return SpanAnswers.of_lists(rows, n_items, n_annotators, n_classes)


def made_up(seed, n_items=25, n_annotators=4, n_classes=3):
    """(rows, truth): texts of 100 code points, people who miss, shift and mislabel."""
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    care = rng.uniform(0.6, 0.95, n_annotators)
    for item in range(n_items):
        true = [(s, s + int(rng.integers(3, 15)), int(rng.integers(n_classes)))
                for s in (5, 30, 60) if rng.random() < 0.7]  # fmt: skip
        truth.append(true)
        for who in range(n_annotators):
            held = []
            for mark in true:
                start, end, label = mark
                if rng.random() < care[who]:
                    if rng.random() > care[who]:
                        start += int(rng.integers(-2, 3))
                    if rng.random() > care[who]:
                        label = int(rng.integers(n_classes))
                    held.append((start, end, label))
            rows.append((item, who, held))
    return rows, truth


def spans(result, n_items):
    return [result.spans_of(item) for item in range(n_items)]
