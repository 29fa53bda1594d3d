"""Agreement on one class alone, where answers are marks: by hand, and as for classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from surelabel.agreement import alpha_of_class
from surelabel.consolidation.answers import Answers
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import (
    Box,
    Boxes,
    Instances,
    LabelSet,
    SemanticMask,
    Span,
    Spans,
    Verification,
)
from surelabel.value_agreement import agreement_of_classes, agreement_of_values
from workloads.value_cases import CASES, LABELS

MARKING = {
    name: task
    for name, task in TASK_TYPES.items()
    if isinstance(task, ValueTask) and task.marks_classes
}
WITHOUT_CLASSES = {"PairwisePreference", "Ranking", "FreeText", "Rating", "Custom"}


def task_of(name: str) -> ValueTask[Any]:
    return MARKING[name]


def given(items: list[list[Any]], labels: tuple[str, ...] = LABELS) -> ValueAnswers[Any]:
    """Answers of annotators 0, 1, … to each item."""
    return ValueAnswers(
        item=tuple(item for item, values in enumerate(items) for _ in values),
        annotator=tuple(who for values in items for who in range(len(values))),
        value=tuple(value for values in items for value in values),
        n_annotators=max(map(len, items)),
        sources=(None,) * len(items),
        classes=classes_of(labels),
    )


def pixels(*rows: list[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(rows, np.int32)


def test_every_type_either_marks_classes_or_has_none_to_mark() -> None:
    of_values = {name for name, task in TASK_TYPES.items() if isinstance(task, ValueTask)}
    assert of_values - set(MARKING) == WITHOUT_CLASSES
    rating = TASK_TYPES["Rating"]
    assert isinstance(rating, ValueTask)
    assert agreement_of_classes(rating, given([[]])) == []


@pytest.mark.parametrize("name", MARKING)
def test_what_two_answers_say_of_a_class_is_a_distance(name: str) -> None:
    task, rng = task_of(name), np.random.default_rng(3)
    truth = task.parse_answer(CASES[name][0], LABELS)
    told = [task.value_of(task.simulate(truth, 0.4, rng, LABELS), LABELS) for _ in range(8)]
    seen = []
    for label in range(len(LABELS)):
        for one in told:
            assert task.disagreement_about(one, one, label) == 0
            for other in told:
                apart = task.disagreement_about(one, other, label)
                assert 0 <= apart <= 1
                assert apart == pytest.approx(task.disagreement_about(other, one, label))
                seen.append(apart)
                if task.disagreement(one, other) == 0:
                    assert apart == 0
    assert max(seen) > 0
    # A class that nobody marked.
    assert task.disagreement_about(told[0], told[1], 99) == 0


@pytest.mark.parametrize(
    ("name", "as_value"),
    [
        ("TextClassificationMultiLabel", lambda label: LabelSet((label,))),
        ("LabelVerification", Verification),
    ],
)
def test_where_everybody_names_one_class_it_is_the_alpha_of_that_class(name, as_value) -> None:
    label = np.random.default_rng(0).choice(3, (25, 4), p=(0.6, 0.3, 0.1))
    answers = given([[as_value(int(each)) for each in row] for row in label])
    item, annotator = np.divmod(np.arange(100), 4)
    classes = Answers.of(item, annotator, label.ravel(), 25, 4, 3)
    found = agreement_of_classes(task_of(name), answers)
    assert len(found) == 3
    for code, each in enumerate(found):
        expected = alpha_of_class(classes, code)
        assert each.value == pytest.approx(expected.value)
        assert (each.n_items, each.n_answers) == (25, 100)
        # The same draws of items, to which chance does not count an answer with itself.
        assert each.low == pytest.approx(expected.low, abs=0.05)
        assert each.high == pytest.approx(expected.high, abs=0.05)


def test_people_agree_on_one_class_of_spans_and_not_on_the_other() -> None:
    # Of class 0 everybody has the same spans, of class 1 nobody has another's, of 2 nobody any.
    items = [
        [Spans((Span(0, item, item + 3), Span(1, 10 + 5 * who, 12 + 5 * who))) for who in range(3)]
        for item in range(4)
    ]
    sure, unsure, unseen = agreement_of_classes(task_of("NamedEntityRecognition"), given(items))
    assert sure.value == sure.low == sure.high == 1
    assert unsure.value < 0.1
    assert math.isnan(unseen.value)
    whole = agreement_of_values(task_of("NamedEntityRecognition"), given(items))
    assert unsure.value < whole.value < sure.value


def test_boxes_of_a_class_by_hand() -> None:
    def boxes(*drawn: Box) -> Boxes:
        return Boxes(drawn)

    falcon, half = Box(0, 0, 0, 10, 10), Box(0, 0, 0, 10, 5)
    duck, far = Box(2, 50, 50, 10, 10), Box(2, 200, 200, 10, 10)
    task = task_of("BoundingBox")
    one, other = boxes(falcon, duck), boxes(far, half)
    # A pair counts as much as it overlaps, here one half, of two boxes each.
    assert task.disagreement_about(one, other, 0) == pytest.approx(0.5)
    assert task.disagreement_about(one, other, 2) == 1
    assert task.disagreement(one, other) == pytest.approx(0.75)
    assert task.disagreement_about(one, boxes(duck), 0) == 1
    assert task.disagreement_about(boxes(), one, 1) == 0


def test_pixels_of_a_class_by_hand() -> None:
    task = task_of("SemanticSegmentation")
    one = SemanticMask(pixels([0, 0, 1, -1]))
    other = SemanticMask(pixels([0, 1, 1, -1]))
    # What is background for both counts for neither class.
    assert task.disagreement_about(one, other, 0) == pytest.approx(1 / 2)
    assert task.disagreement_about(one, other, 1) == pytest.approx(1 / 2)
    assert task.disagreement_about(one, other, 2) == 0
    assert task.disagreement_about(one, SemanticMask(pixels([0, 0])), 0) == 1


def test_objects_of_a_class_are_matched_among_themselves() -> None:
    task = task_of("InstanceSegmentation")
    one = Instances((0, 2), pixels([0, 0, -1, 1]))
    other = Instances((2, 0), pixels([1, 1, 0, -1]))
    assert task.disagreement_about(one, other, 0) == 0
    assert task.disagreement_about(one, other, 2) == 1
