"""Every task type whose label is more than a class: a new one arrives tested."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES, learnable
from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import InstanceSegmentationFormat
from surelabel.tasks.label_format import Label
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import Instances, SemanticMask
from surelabel_contract.errors import ConfigurationError
from workloads.value_cases import CASES, LABELS, manifest_type

# Answers that there is nothing to mark.
_NO_MASK = np.full((6, 8), -1, np.int32)
NOTHING = {
    "ImageClassificationMultiLabel": {"x": {"labels": []}},
    "TextClassificationMultiLabel": {"x": {"labels": []}},
    "BoundingBox": {"x": {"boundingBoxes": []}},
    "Polygon": {"x": {"polygons": []}},
    "Polyline": {"x": {"polylines": []}},
    "Keypoint": {"x": {"keypoints": []}},
    "NamedEntityRecognition": {"x": {"entities": []}},
    "SemanticSegmentation": SemanticSegmentationFormat().answer_content(
        SemanticMask(_NO_MASK), Classes.of(LABELS)
    ),
    "InstanceSegmentation": InstanceSegmentationFormat().answer_content(
        Instances((), _NO_MASK), Classes.of(LABELS)
    ),
    "Ranking": {"x": {"order": []}},
    "LabelAdjustment": {"x": {"boundingBoxes": []}},
}
OF_VALUES = {n: task for n, task in TASK_TYPES.items() if isinstance(task, ValueTask)}
types = pytest.mark.parametrize("task", OF_VALUES.values(), ids=OF_VALUES)


def truth_of(task):
    return task.parse_answer(CASES[task.name][0], LABELS)


def people(task, accuracy: float, n: int = 200) -> list[bytes]:
    rng = np.random.default_rng(5)
    return [task.simulate(truth_of(task), accuracy, rng, LABELS) for _ in range(n)]


def test_every_type_has_a_case():
    assert set(CASES) == set(OF_VALUES)


@types
def test_answers_become_canonical_bytes_and_back(task):
    given = CASES[task.name][0]
    coded = task.parse_answer(given, LABELS)
    assert task.answer_content(coded, LABELS) == given
    # The order of keys and an element of one's own make no difference.
    ((element, inner),) = given.items()
    turned = {"mine" if task.name != "Custom" else element: dict(reversed(list(inner.items())))}
    assert task.parse_answer(turned, LABELS) == coded
    assert task.read_truth({"answer": given}, LABELS) == coded


@types
def test_what_cannot_be_read_has_a_reason(task):
    with pytest.raises(AnswerError) as caught:
        task.parse_answer(CASES[task.name][1], LABELS)
    assert caught.value.reason
    assert len(str(caught.value)) < 300
    for record in ({"answer": CASES[task.name][1]}, {"label": "Duck"}, None, []):
        with pytest.raises(LabelError, match="'answer'"):
            task.read_truth(record, LABELS)


@types
def test_a_label_is_read_as_it_was_written(task):
    value = task.value_of(truth_of(task), LABELS)
    found = dict(task.consolidate(answers(task, [truth_of(task)] * 3)))[0]
    value = task.stored(value, classes_of(LABELS), lambda ending, data: f"s3://b/0.{ending}")
    written = task.write_label(
        Label(value, found.confidences, True, "labeling-job/x", "2026-11-23T20:00:00.000000"),
        LABELS,
    )
    label, metadata = json.loads(json.dumps(written))
    assert task.read(label, metadata, LABELS).value == value
    assert task.read_label(label, metadata, LABELS) == 0
    assert metadata["type"] == manifest_type(task.name, task.manifest_type)


@types
def test_disagreement_is_a_distance(task):
    told = [task.value_of(each, LABELS) for each in people(task, 0.5, 12)]
    for one in told:
        assert task.disagreement(one, one) == 0
        for other in told:
            apart = task.disagreement(one, other)
            assert 0 <= apart <= 1
            assert apart == pytest.approx(task.disagreement(other, one))


@types
def test_simulated_people_err_as_much_as_they_are_said_to(task):
    truth = task.value_of(truth_of(task), LABELS)

    def error(accuracy: float) -> float:
        told = (task.value_of(each, LABELS) for each in people(task, accuracy))
        return float(np.mean([task.disagreement(truth, each) for each in told]))

    assert error(1.0) < error(0.8) < error(0.3)
    assert len(set(people(task, 0.3))) > 1


def answers(task, coded: list[bytes], n_items: int = 1) -> ValueAnswers:
    """Answers of as many people to each item, item after item."""
    each = len(coded) // n_items
    return ValueAnswers(
        item=tuple(n // each for n in range(len(coded))),
        annotator=tuple(n % each for n in range(len(coded))),
        value=tuple(task.value_of(one, LABELS) for one in coded),
        n_annotators=each,
        sources=(None,) * n_items,
        classes=classes_of(LABELS),
    )


@types
def test_the_label_of_several_people_is_better_than_theirs(task):
    told = people(task, 0.75, 250)
    truth = task.value_of(truth_of(task), LABELS)
    labels = dict(task.consolidate(answers(task, told, 50)))
    assert sorted(labels) == list(range(50))
    single = np.mean([task.disagreement(truth, task.value_of(each, LABELS)) for each in told])
    assert np.mean([task.disagreement(truth, each.value) for each in labels.values()]) < single
    assert all(0 <= each.confidence <= 1 for each in labels.values())
    assert all(0 <= part <= 1 for each in labels.values() for part in each.confidences)


@types
def test_every_method_gives_every_item_a_label(task):
    told = people(task, 0.75, 60)
    for method in task.methods:
        labels = dict(task.consolidate(answers(task, told, 12), method))
        assert sorted(labels) == list(range(12))
        assert all(0 <= each.confidence <= 1 for each in labels.values())


@types
def test_all_agree_on_what_all_say(task):
    truth = task.value_of(truth_of(task), LABELS)
    found = dict(task.consolidate(answers(task, [truth_of(task)] * 5)))[0]
    assert task.disagreement(found.value, truth) == pytest.approx(0, abs=1e-3)
    assert found.confidence > 0.5


# Types whose methods learn nothing of people from known labels: what is known only stands.
NO_GAIN = {
    "BoundingBox", "Polygon", "Polyline", "Keypoint", "SemanticSegmentation",
    "InstanceSegmentation", "LabelAdjustment", "Custom",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(OF_VALUES) - NO_GAIN))
def test_who_is_right_on_gold_is_believed_elsewhere(name):
    task = OF_VALUES[name]
    truth, rng = task.value_of(truth_of(task), LABELS), np.random.default_rng(3)
    told = (task.simulate(truth_of(task), 0.0, rng, LABELS) for _ in range(100))
    apart = ((task.disagreement(truth, task.value_of(each, LABELS)), each) for each in told)
    wrong = next(each for far, each in apart if far > 0.1)
    # Of three people two are always wrong together; 40 items are known.
    given = answers(task, [truth_of(task), wrong, wrong] * 41, 41)
    known = replace(given, gold=dict.fromkeys(range(40), truth))
    without, with_gold = (dict(task.consolidate(each))[40].value for each in (given, known))
    assert task.disagreement(without, truth) > 0.1
    assert task.disagreement(with_gold, truth) < 0.05


@types
def test_one_answer_is_the_label(task):
    told = people(task, 0.5, 1)
    found = dict(task.consolidate(answers(task, told)))[0]
    value = task.value_of(told[0], LABELS)
    assert task.disagreement(found.value, value) == pytest.approx(0, abs=1e-3)


@types
def test_a_lone_answer_that_says_nothing_is_no_certainty(task):
    if task.name not in NOTHING:
        pytest.skip("an answer of this type always says something")
    coded = task.parse_answer(NOTHING[task.name], LABELS)
    alone = dict(task.consolidate(answers(task, [coded])))[0].confidence
    three = dict(task.consolidate(answers(task, [coded] * 3)))[0].confidence
    assert 0.4 < alone < three < 1


@types
def test_no_answers_give_no_labels(task):
    nothing = ValueAnswers((), (), (), 0, (None, None), classes_of(LABELS))
    assert dict(task.consolidate(nothing)) == {}


@pytest.mark.parametrize("name", [n for n, task in OF_VALUES.items() if task.learner is None])
def test_models_cannot_learn_it(name):
    with pytest.raises(ConfigurationError, match="leave autoLabeling out"):
        learnable(name)


def boxes_answer(*boxes: dict[str, float]) -> dict[str, object]:
    return {"x": {"boundingBoxes": [{"label": "Duck", **box} for box in boxes]}}


def test_upright_and_rotated_boxes_can_be_compared_and_fused():
    task = OF_VALUES["BoundingBox"]
    place = {"left": 10, "top": 10, "width": 50, "height": 20}
    told = [boxes_answer(place), boxes_answer({**place, "rotation": 4}), boxes_answer(place)]
    values = [task.value_of(task.parse_answer(each, LABELS), LABELS) for each in told]
    assert 0 < task.disagreement(values[0], values[1]) < 0.3
    assert task.disagreement(values[1], values[0]) == task.disagreement(values[0], values[1])
    coded = [task.parse_answer(each, LABELS) for each in told]
    (box,) = dict(task.consolidate(answers(task, coded)))[0].value.boxes
    assert box.width == pytest.approx(50, abs=0.5)


def test_points_of_an_image_of_unknown_size_are_found():
    task = OF_VALUES["Keypoint"]
    told = [
        {"x": {"keypoints": [{"label": "Duck", "x": x, "y": y}]}}
        for x, y in ((1000, 500), (1002, 500), (1001, 501))
    ]
    coded = [task.parse_answer(each, LABELS) for each in told]
    label = dict(task.consolidate(answers(task, coded)))[0]
    (point,) = label.value.points
    assert (point.x, point.y) == (pytest.approx(1001, abs=1), pytest.approx(500, abs=1))
    assert label.confidence > 0.5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Rating", {"x": {"value": 1e200}}),
        ("BoundingBox", boxes_answer({"left": 1e308, "top": 1, "width": 1, "height": 1})),
        ("Polygon", {"x": {"polygons": [{"label": "Duck", "vertices": [{"x": 1e30, "y": 1}]}]}}),
    ],
)
def test_numbers_that_would_spoil_the_others_are_refused(name, content):
    with pytest.raises(AnswerError, match=r"must be below 1e\+12"):
        OF_VALUES[name].parse_answer(content, LABELS)
