"""Answers and labels of every format: read as Ground Truth writes them, written as it does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import LabelError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    PaletteEntry,
    Rating,
    SemanticMask,
    SingleClass,
)
from workloads.consolidation.crowds import DATA
from workloads.tasks.ground_truth_lines import SAMPLES, Sample
from workloads.tasks.label_values import CATS, VALUES, each

samples = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read(sample: Sample) -> Label:
    form = LABEL_FORMATS[sample.task_type]
    return form.read_label(json.loads(sample.value), json.loads(sample.metadata), sample.classes)


def test_every_format_has_values_here():
    assert list(VALUES) == list(LABEL_FORMATS)
    assert {sample.task_type for sample in SAMPLES.values()} <= set(LABEL_FORMATS)


@samples
def test_a_documented_sample_comes_back_byte_for_byte(sample):
    value, metadata = LABEL_FORMATS[sample.task_type].write_label(read(sample), sample.classes)
    assert (compact(value), compact(metadata)) == (sample.value, sample.metadata)


@samples
def test_a_wart_is_written_only_where_it_was_read(sample):
    label = read(sample)
    assert label.warts == sample.warts
    form = LABEL_FORMATS[sample.task_type]
    value, metadata = form.write_label(replace(label, warts=frozenset()), sample.classes)
    assert not isinstance(value, str) or value.startswith("s3://")
    assert not {"job_name", "creation_date", "class_map"} & set(metadata)
    assert form.read_label(value, metadata, sample.classes) == replace(label, warts=frozenset())


@samples
def test_classes_are_found_in_a_sample(sample):
    seen = SeenClasses()
    seen.see_label(json.loads(sample.value), json.loads(sample.metadata))
    found = seen.settle()
    named = [name for name in found.names if not name.startswith("class ")]
    assert set(named) <= set(sample.classes.names)
    if sample.task_type in ("BoundingBox", "ImageClassificationMultiLabel", "LabelVerification"):
        assert all(found.code(name) == sample.classes.code(name) for name in named)


def test_the_real_job_is_read_whole_and_written_back_equal():
    folder = DATA / "classification" / "ground_truth_birds"
    if not folder.exists():
        pytest.skip(f"no {folder}: set SURELABEL_DATA")
    form = LABEL_FORMATS["ImageClassification"]
    attribute = "birds-open-images-clone"
    lines = [json.loads(line) for line in (folder / "output.manifest").read_text().splitlines()]
    seen = SeenClasses()
    for line in lines:
        seen.see_label(line[attribute], line[f"{attribute}-metadata"])
    classes = seen.settle()
    assert len(lines) == 302
    assert len(classes) == 10
    for line in lines:
        given = line[attribute], line[f"{attribute}-metadata"]
        label = form.read_label(*given, classes)
        assert (label.human, label.job_name) == (True, f"labeling-job/{attribute}")
        # Equal, but in the order of the documented samples.
        assert form.write_label(label, classes) == given


@each
def test_an_answer_is_read_as_it_was_written(name, value):
    form = LABEL_FORMATS[name]
    content = json.loads(json.dumps(form.answer_content(value, CATS)))
    if name != "Custom":
        assert len(content) == 1
        content = {"my-own-form": next(iter(content.values()))}
    assert form.parse_answer(content, CATS) == value


@each
def test_a_label_is_read_as_it_was_written(name, value):
    form = LABEL_FORMATS[name]
    if isinstance(inner := getattr(value, "value", value), SemanticMask):
        inner = replace(
            inner, mask=None, ref="s3://b/m.png", palette=(PaletteEntry(1, 0, "#000001"),)
        )
        value = (
            replace(value, value=inner) if value is not getattr(value, "value", value) else inner
        )
    for human in (True, False):
        label = Label(
            value, (), human, "labeling-job/x", "2026-01-02T03:04:05.000006", extra={"answers": 3}
        )
        written, metadata = json.loads(json.dumps(form.write_label(label, CATS)))
        assert list(metadata)[-1] == "answers"
        back = form.read_label(written, metadata, CATS)
        assert replace(back, named=()) == label


@pytest.mark.parametrize("form", LABEL_FORMATS.values(), ids=LABEL_FORMATS)
def test_nothing_but_a_label_is_a_label(form):
    pairs = [(None, None), (7, {}), ({"annotations": 3}, {}), (0, {"class-name": "Dog"})]
    for value, metadata in [*pairs, (0, []), (0, 7)]:
        if form.name == "Custom" and not isinstance(metadata, int | list):
            continue
        if form.name == "Rating" and value is not None and isinstance(metadata, dict):
            # A form's number, bare or under its element's name.
            number = 3 if isinstance(value, dict) else value
            assert form.read_label(value, metadata, CATS).value == Rating(number)
            continue
        with pytest.raises(LabelError):
            form.read_label(value, metadata, CATS)


def test_a_confidence_belongs_to_every_part_or_to_none():
    form = LABEL_FORMATS["BoundingBox"]
    value, metadata = form.write_label(Label(VALUES["BoundingBox"][0], (0.5, 1.0)), CATS)
    assert form.read_label(value, metadata, CATS).confidences == (0.5, 1.0)
    with pytest.raises(LabelError, match=r"metadata.objects: .* \(2\)"):
        form.read_label(value, metadata | {"objects": [{"confidence": 1}]}, CATS)


@pytest.mark.parametrize("name", ["ImageClassification", "TextClassification"])
def test_what_the_loop_writes_and_what_the_format_writes_is_the_same(name):
    task, form = TASK_TYPES[name], LABEL_FORMATS[name]
    assert (task.manifest_type, task.crowd_element) == (form.manifest_type, form.crowd_element)
    assert (task.needs_ref, task.needs_labels) == (form.needs_ref, form.needs_labels)
    assert task.answer_content(1, CATS.names) == form.answer_content(SingleClass(1), CATS)
    date = "2026-01-02T03:04:05.000006"
    by_task = task.write_label(
        1, CATS.names, confidence=0.75, human=False, job_name="j", creation_date=date
    )
    label = Label(SingleClass(1), (0.75,), False, "labeling-job/j", date)
    assert compact(by_task) == compact(form.write_label(label, CATS))


def test_what_a_format_does_not_know_of_a_label_goes_on_with_it():
    metadata = {
        "type": "groundtruth/video-object-detection",
        "human-annotated": "yes",
        "class-map": {"0": "car"},
        "objects": [],
    }
    form = LABEL_FORMATS["Custom"]
    label = form.read_label("s3://b/SeqLabel.json", metadata, Classes(()))
    assert form.write_label(label, Classes(())) == ("s3://b/SeqLabel.json", metadata)
