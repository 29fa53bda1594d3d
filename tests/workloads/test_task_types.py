"""Every task type of the registry whose label is a class: a new one arrives tested."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from surelabel.consolidation import METHODS
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.valued import ValueTask
from surelabel_contract.task_types import TASK_TYPE_FACTS
from workloads.consolidation.crowds import DATA

LABELS = ("Falcon", "Heron", "Duck")
FOUR = (*LABELS, "Goose")
OF_CLASSES = {n: task for n, task in TASK_TYPES.items() if not isinstance(task, ValueTask)}
types = pytest.mark.parametrize("task", OF_CLASSES.values(), ids=OF_CLASSES)


def source(task, number: int) -> bytes | str:
    if task.source_kind == "text":
        return f"text number {number}"
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (number * 40, 0, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_registry_and_the_contracts_list_agree():
    assert {name: task.needs_ref for name, task in TASK_TYPES.items()} == {
        name: facts.needs_ref for name, facts in TASK_TYPE_FACTS.items()
    }
    assert all(task.name == name for name, task in TASK_TYPES.items())
    assert set(TASK_TYPES) == set(LABEL_FORMATS)
    assert {name for name, facts in TASK_TYPE_FACTS.items() if facts.is_class} == set(OF_CLASSES)
    assert {name for name, facts in TASK_TYPE_FACTS.items() if facts.has_model} == {
        name
        for name, task in TASK_TYPES.items()
        if not isinstance(task, ValueTask) or task.learner is not None
    }
    encoded = {name: facts.encodes for name, facts in TASK_TYPE_FACTS.items() if facts.encodes}
    assert encoded == {name: TASK_TYPES[name].source_kind for name in encoded}
    assert all(TASK_TYPE_FACTS[name].has_model for name in encoded)
    assert {name for name, facts in TASK_TYPE_FACTS.items() if facts.least_labels} == {
        name for name, task in TASK_TYPES.items() if task.needs_labels
    }
    assert {name: facts.methods for name, facts in TASK_TYPE_FACTS.items()} == {
        name: tuple(task.methods if isinstance(task, ValueTask) else METHODS)
        for name, task in TASK_TYPES.items()
    }


@types
def test_an_answer_is_read_as_it_was_written(task):
    for class_id in range(3):
        content = json.loads(json.dumps(task.answer_content(class_id, LABELS)))
        assert list(content) == [task.crowd_element]
        assert task.parse_answer(content, LABELS) == class_id


@types
def test_any_key_is_accepted_around_an_answer(task):
    assert task.parse_answer({"my-own-form": {"label": "Heron"}}, LABELS) == 1


@types
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "MalformedAnswer"),
        ([], "MalformedAnswer"),
        ({}, "MalformedAnswer"),
        ({"a": {"label": "Duck"}, "b": {"label": "Duck"}}, "MalformedAnswer"),
        ({"a": "Duck"}, "MalformedAnswer"),
        ({"a": {"label": 2}}, "MalformedAnswer"),
        ({"a": {}}, "MalformedAnswer"),
        ({"a": {"label": "duck"}}, "UnknownLabel"),
        ({"a": {"label": "x" * 5_000}}, "UnknownLabel"),
    ],
)
def test_a_malformed_answer_has_a_reason(task, content, reason):
    with pytest.raises(AnswerError) as caught:
        task.parse_answer(content, LABELS)
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 300


@types
def test_a_label_is_read_as_it_was_written(task):
    for human in (True, False):
        value, metadata = task.write_label(
            2,
            LABELS,
            confidence=0.98765,
            human=human,
            job_name="birds",
            creation_date="2026-11-23T20:00:00.000000",
            extra={"certificate": 1},
        )
        value, metadata = json.loads(json.dumps([value, metadata]))
        assert task.read_label(value, metadata, LABELS) == 2
        assert metadata["human-annotated"] == ("yes" if human else "no")
        assert metadata["type"] == task.manifest_type
        assert metadata["certificate"] == 1


@types
def test_a_number_may_come_as_text_and_without_metadata(task):
    assert task.read_label("1", None, LABELS) == 1
    assert task.read_label(0, {}, LABELS) == 0


@types
@pytest.mark.parametrize("value", [3, -1, "3", "-1", "", "x", 1.0, True, None, [], "9" * 40, "٣"])
def test_a_label_that_is_no_class_is_refused_with_its_value(task, value):
    with pytest.raises(LabelError, match=re.escape(repr(value)[:40])):
        task.read_label(value, None, LABELS)


@types
def test_a_label_of_another_jobs_classes_is_refused(task):
    with pytest.raises(LabelError, match=r"class 0 is 'Falcon' in this job.*'Eagle'"):
        task.read_label(0, {"class-name": "Eagle"}, LABELS)


@types
def test_a_truth_record_names_a_class(task):
    assert task.read_truth({"source-ref": "file:///a.png", "label": "Duck"}, LABELS) == 2
    for record in ({}, {"label": "Goose"}, {"label": 2}, None, []):
        with pytest.raises(LabelError, match="'label' must be one of the job's 3 labels"):
            task.read_truth(record, LABELS)


@types
def test_the_loss_is_zero_for_equal_labels_alone(task):
    assert [[task.loss(a, b) for b in range(2)] for a in range(2)] == [[0, 1], [1, 0]]


@types
def test_a_simulated_person_is_right_as_often_as_said_and_wrong_evenly(task):
    rng = np.random.default_rng(0)
    answers = np.array([task.simulate(1, 0.7, rng, FOUR) for _ in range(8_000)])
    share = np.bincount(answers, minlength=4) / 8_000
    np.testing.assert_allclose(share, [0.1, 0.7, 0.1, 0.1], atol=0.02)
    assert {task.simulate(0, 0.0, rng, ["only"]) for _ in range(5)} == {0}


@types
def test_a_persons_skill_does_not_shift_the_stream_of_the_others(task):
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    task.simulate(0, 0.0, first, FOUR)
    task.simulate(0, 1.0, second, FOUR)
    assert first.integers(2**60) == second.integers(2**60)


@types
def test_features_do_not_depend_on_the_shard(task):
    sources = [source(task, number) for number in range(4)]
    together = task.features(sources)
    assert together.row.tolist() == [0, 1, 2, 3]
    for row, single in enumerate(sources):
        alone = task.features([single])
        assert alone.features.shape[1] == together.features.shape[1]
        assert _row(alone.features, 0) == _row(together.features, row)


@types
def test_a_broken_source_fails_alone(task):
    batch = task.features([source(task, 0), b"\xff\xfe\x00", source(task, 1)])
    assert batch.row.tolist() == [0, 2]
    assert batch.broken[0].row == 1
    assert batch.broken[0].reason == "BrokenMedia"
    assert batch.broken[0].message


def test_a_real_jobs_output_is_read_and_written_back_as_it_stands():
    path = DATA / "classification" / "ground_truth_birds" / "output.manifest"
    if not path.exists():
        pytest.skip(f"{path} is missing; set SURELABEL_DATA to the folder with the real data")
    task, attribute = TASK_TYPES["ImageClassification"], "birds-open-images-clone"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    names = {int(line[attribute]): line[f"{attribute}-metadata"]["class-name"] for line in lines}
    labels = [names.get(i, f"unused-{i}") for i in range(max(names) + 1)]
    for line in lines:
        value, metadata = line[attribute], line[f"{attribute}-metadata"]
        class_id = task.read_label(value, metadata, labels)
        again = task.write_label(
            class_id,
            labels,
            confidence=metadata["confidence"],
            human=True,
            job_name=attribute,
            creation_date=metadata["creation-date"],
        )
        assert again == (value, metadata)


def _row(features, row: int) -> list[float]:
    matrix = features[row]
    return (matrix.toarray() if hasattr(matrix, "toarray") else matrix).ravel().tolist()
