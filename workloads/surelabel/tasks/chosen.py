"""Values that are one of a few choices go through the algorithms for classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from surelabel.consolidation import METHODS
from surelabel.tasks.valued import ValueAnswers

V = TypeVar("V")


def consolidate_choices(
    answers: ValueAnswers[V], code_of: Callable[[V], int], n_choices: int, method: str
) -> dict[int, tuple[int, float]]:
    """Choice and confidence of every item with answers; ``code_of``: the choice of a value."""
    gold = np.full(answers.n_items, -1, np.int64)
    for item, value in answers.gold.items():
        gold[item] = code_of(value)
    result = METHODS[method]().fit_predict(
        np.array(answers.item, np.int64),
        np.array(answers.annotator, np.int64),
        np.array([code_of(value) for value in answers.value], np.int64),
        answers.n_items,
        answers.n_annotators,
        n_choices,
        gold=gold,
    )
    labels, confidences = result.label.tolist(), result.confidence.tolist()
    answers.fit.note(result)
    return {
        item: (label, confidence)
        for item, (label, confidence) in enumerate(zip(labels, confidences, strict=True))
        if label >= 0
    }
