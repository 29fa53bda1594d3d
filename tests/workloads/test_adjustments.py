"""Corrections of every kind of label that can be drawn, together as one job has them."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.label_adjustment.task import LabelAdjustment
from surelabel.tasks.valued import ValueAnswers, classes_of
from surelabel.tasks.values import Adjustment
from workloads.value_cases import CASES, LABELS

TASK = TASK_TYPES["LabelAdjustment"]
assert isinstance(TASK, LabelAdjustment)
KINDS = [each.form.name for each in TASK.kinds]


def corrected(kind: str, adjusted: bool | None = True) -> Adjustment:
    value = TASK.value_of(TASK.parse_answer(CASES[kind][0], LABELS), LABELS).value
    return Adjustment(value, adjusted)


def answers(*per_item: list[Adjustment]) -> ValueAnswers[Adjustment]:
    rows = [(item, who) for item, told in enumerate(per_item) for who in range(len(told))]
    return ValueAnswers(
        item=tuple(item for item, _ in rows),
        annotator=tuple(who for _, who in rows),
        value=[each for told in per_item for each in told],
        n_annotators=5,
        sources=(None,) * len(per_item),
        classes=classes_of(LABELS),
    )


def test_all_that_can_be_drawn_can_be_corrected() -> None:
    assert KINDS == [
        "BoundingBox",
        "Polygon",
        "Polyline",
        "Keypoint",
        "SemanticSegmentation",
        "InstanceSegmentation",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_several_corrections_become_one(kind: str) -> None:
    truth = corrected(kind)
    rng = np.random.default_rng(2)
    told = [TASK.vary(truth, 0.9, rng, len(LABELS)) for _ in range(5)]
    ((item, found),) = TASK.consolidate(answers(told))
    assert item == 0
    assert found.value.adjusted is True
    assert type(found.value.value) is type(truth.value)
    single = np.mean([TASK.disagreement(truth, each) for each in told])
    assert TASK.disagreement(found.value, truth) <= single
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([False, False, True], True),
        ([False, False, False], False),
        ([None, None, None], None),
        ([None, False, None], False),
    ],
    ids=str,
)
def test_a_label_is_adjusted_if_anybody_has_changed_it(
    said: list[bool | None], expected: bool | None
) -> None:
    told = [corrected("BoundingBox", each) for each in said]
    ((_, found),) = TASK.consolidate(answers(told))
    assert found.value.adjusted is expected


def test_items_of_several_kinds_come_in_their_order() -> None:
    kinds = ["Keypoint", "BoundingBox", "Keypoint", "SemanticSegmentation", "BoundingBox"]
    told = answers(*[[corrected(kind)] * 3 for kind in kinds])
    found = list(TASK.consolidate(told))
    assert [item for item, _ in found] == [0, 1, 2, 3, 4]
    for kind, (_, label) in zip(kinds, found, strict=True):
        assert TASK.disagreement(label.value, corrected(kind)) < 0.05


def test_labels_of_two_kinds_have_nothing_in_common() -> None:
    boxes, points = corrected("BoundingBox"), corrected("Keypoint")
    assert TASK.disagreement(boxes, points) == 1
    assert TASK.frame(boxes) != TASK.frame(points)
    size = TASK.frame(corrected("SemanticSegmentation")).size
    assert size == (80, 60)


@pytest.mark.parametrize("kind", KINDS)
def test_who_sees_a_label_that_is_right_leaves_it(kind: str) -> None:
    truth = corrected(kind)
    told = TASK.vary_shown(truth, truth.value, 1.0, np.random.default_rng(1), len(LABELS))
    assert told == Adjustment(truth.value, adjusted=False)
