"""Both multi-label classifications: any number of classes for a picture or a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.multi_label import METHODS, MultiLabelAnswers
from surelabel.consolidation.multi_label import disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.multi_label.format import IMAGE_FORMAT, TEXT_FORMAT
from surelabel.tasks.multi_label.learner import LabelSetLearner, image_features, text_features
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import LabelSet


@dataclass(frozen=True)
class MultiLabel(ValueTask[LabelSet]):
    """A set of classes; the empty one is an answer, too."""

    methods: ClassVar[Mapping[str, Any]] = METHODS
    marks_classes: ClassVar[bool] = True
    has_chances: ClassVar[bool] = True

    def disagreement(self, first: LabelSet, second: LabelSet) -> float:
        """See ``ValueTask``; the MASI distance of the sets."""
        return apart(first.labels, second.labels)

    def disagreement_about(self, first: LabelSet, second: LabelSet, label: int) -> float:
        """See ``ValueTask``; 1 where one set has the class and the other does not."""
        return float((label in first.labels) != (label in second.labels))

    def consolidate(
        self, answers: ValueAnswers[LabelSet], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[LabelSet]]]:
        """See ``ValueTask``; the classes that more probably apply than not."""
        marks = [(row, label) for row, value in enumerate(answers.value) for label in value.labels]
        row, label = np.array(marks, np.int64).reshape(-1, 2).T
        coded = MultiLabelAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            row,
            label,
            answers.n_items,
            max(answers.n_annotators, 1),
            max(len(answers.classes), 1),
        )
        gold = {item: value.labels for item, value in answers.gold.items()}
        result = self.methods[method]().fit_predict(
            coded, gold=gold, frozen_annotators=answers.known
        )
        starts = np.searchsorted(result.item, np.arange(answers.n_items + 1))
        for item, _ in answers.by_item():
            rows = np.arange(starts[item], starts[item + 1])
            codes, chances = result.label[rows].tolist(), result.confidence[rows].tolist()
            rows = rows[result.chosen[rows]]
            yield (
                item,
                Consolidated(
                    LabelSet(tuple(result.label[rows].tolist())),
                    float(result.set_confidence[item]),
                    tuple(result.confidence[rows].tolist()),
                    chances=dict(zip(codes, chances, strict=True)),
                ),
            )
        answers.fit.note(result)

    def vary(self, truth: LabelSet, accuracy: float, rng: Random, n_classes: int) -> LabelSet:
        """See ``ValueTask``; who errs leaves a class out, or takes one more."""
        chosen = [label for label in truth.labels if rng.random() < accuracy]
        if rng.random() > accuracy:
            chosen.append(int(rng.integers(0, n_classes)))
        return LabelSet(tuple(sorted(set(chosen))))


IMAGE_MULTI_LABEL = MultiLabel(
    IMAGE_FORMAT, source_kind="image", learner=LabelSetLearner(image_features)
)
TEXT_MULTI_LABEL = MultiLabel(
    TEXT_FORMAT, max_source_bytes=1_000_000, learner=LabelSetLearner(text_features)
)
