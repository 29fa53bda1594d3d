"""How often masks are decoded on their way to a label: that is most of the work."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES, regions
from surelabel.tasks.valued import OnDemand, ValueAnswers, classes_of
from surelabel.tasks.values import Adjustment, Instances, SemanticMask
from surelabel.value_agreement import AnnotatorAgreement

LABELS = ("Falcon", "Duck")
TRUTH = np.full((24, 30), -1, np.int32)
TRUTH[3:12, 4:20] = 0
TRUTH[15:22, 8:28] = 1
VALUES: dict[str, tuple[str, Any]] = {
    "SemanticSegmentation": ("SemanticSegmentation", SemanticMask(TRUTH)),
    "InstanceSegmentation": ("InstanceSegmentation", Instances((0, 1), TRUTH)),
    "an adjusted mask": ("LabelAdjustment", Adjustment(SemanticMask(TRUTH), adjusted=True)),
    "adjusted instances": ("LabelAdjustment", Adjustment(Instances((0, 1), TRUTH), adjusted=True)),
}


@pytest.mark.parametrize("batch_pixels", [1, 10**9])
@pytest.mark.parametrize("kind", VALUES)
def test_consolidation_and_agreement_decode_each_mask_once(
    monkeypatch: pytest.MonkeyPatch, kind: str, batch_pixels: int
) -> None:
    monkeypatch.setattr(regions, "_BATCH_PIXELS", batch_pixels)
    name, truth = VALUES[kind]
    task, rng = TASK_TYPES[name], np.random.default_rng(0)
    said = [task.vary(truth, 0.6, rng, len(LABELS)) for _ in range(12)]
    asked: Counter[int] = Counter()

    def decoded(row: int) -> Any:
        asked[row] += 1
        return said[row]

    answers = ValueAnswers(
        item=tuple(row // 3 for row in range(12)),
        annotator=(0, 1, 2) * 4,
        value=OnDemand[Any](12, decoded),
        n_annotators=3,
        sources=(None,) * 4,
        classes=classes_of(LABELS),
    )
    agreement = AnnotatorAgreement(task, answers)
    labels = {}
    for item, label in task.consolidate(answers):
        labels[item] = label.value
        agreement.add(item, label)
    # Of an adjustment the first answer to an item shows what kind of label it is.
    once_more = name == "LabelAdjustment"
    assert asked == {row: 1 + (once_more and row % 3 == 0) for row in range(12)}
    for who, (count, mean) in enumerate(agreement.means()):
        rows = range(who, 12, 3)
        apart = [task.disagreement(said[row], labels[row // 3]) for row in rows]
        assert count == 4
        assert mean == pytest.approx(1 - np.mean(apart))
