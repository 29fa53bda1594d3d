"""Values that are one of a few choices go through the algorithms for classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from surelabel.consolidation import Auto
from surelabel.tasks.valued import ValueAnswers


def consolidate_choices(
    answers: ValueAnswers[Any], codes: Sequence[int], n_choices: int
) -> dict[int, tuple[int, float]]:
    """Choice and confidence of every item with answers; ``codes``: the choice of each answer."""
    result = Auto().fit_predict(
        np.array(answers.item, np.int64),
        np.array(answers.annotator, np.int64),
        np.array(codes, np.int64),
        answers.n_items,
        answers.n_annotators,
        n_choices,
    )
    labels, confidences = result.label.tolist(), result.confidence.tolist()
    answers.fit.note(result)
    return {
        item: (label, confidence)
        for item, (label, confidence) in enumerate(zip(labels, confidences, strict=True))
        if label >= 0
    }
