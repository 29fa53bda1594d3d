"""Manifests of converted labels have all that Ground Truth's have."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from surelabel.exports import EXPORTS, ExportError, read_labeled_manifest, write_labeled_manifest
from surelabel.exports.class_list import FILE
from surelabel.tasks.class_codes import codes_of, recoded, without
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    PaletteEntry,
    SemanticMask,
    SingleClass,
    Verification,
)
from workloads.exports.examples import BACK, CREATED, DATA, SIZE, images
from workloads.exports.sameness import assert_same

KEEPING = (
    *("coco", "voc", "yolo", "yolo-obb", "yolo-seg", "yolo-pose", "cvat", "label-studio"),
    *("spacy", "spacy-docbin", "png", "coco-panoptic", "huggingface"),
)
# Their labels are of no class.
CLASSLESS = ("FreeText", "Rating")
# What says the confidence of people's labels, by task type.
CONFIDENCES = {
    "BoundingBox": ("objects", [{"confidence": 0.5}, {"confidence": 1}]),
    "Polygon": ("objects", [{"confidence": 0}] * 2),
    "Polyline": ("objects", [{"confidence": 0}]),
    "Keypoint": ("objects", [{"confidence": 0}] * 3),
    "InstanceSegmentation": ("objects", [{"confidence": 0}] * 3),
    "NamedEntityRecognition": ("entities", [{"confidence": 0}] * 4),
    "ImageClassification": ("confidence", 0),
    "TextClassification": ("confidence", 0),
    "ImageClassificationMultiLabel": ("confidence-map", {"2": 0, "0": 0}),
    "TextClassificationMultiLabel": ("confidence-map", {"1": 0, "2": 0}),
    "FreeText": ("confidence", 0),
    "Rating": ("confidence", 0),
}


def written(data, tmp_path, attribute="mine", created=CREATED):
    path = tmp_path / "out.manifest"
    notes = write_labeled_manifest(data, attribute, path, created=created)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line[f"{attribute}-metadata"], line) for line in lines], notes


@pytest.mark.parametrize("kind", CONFIDENCES)
def test_a_label_without_provenance_gets_that_of_one_person(tmp_path, kind):
    (metadata, line), *_ = written(DATA[kind], tmp_path)[0]
    assert metadata["creation-date"] == "2026-01-02T03:04:05.000000"
    assert metadata["job-name"] == "labeling-job/mine"
    assert metadata["human-annotated"] == "yes"
    key, expected = CONFIDENCES[kind]
    assert metadata[key] == expected
    if key == "objects":
        marks = next(each for name, each in line["mine"].items() if name != "image_size")
        assert len(marks) == len(metadata["objects"])


def test_a_mask_has_a_confidence_for_each_color(tmp_path):
    metadata = written(DATA["SemanticSegmentation"], tmp_path, "road-ref")[0][0][0]
    assert metadata["job-name"] == "labeling-job/road"
    colors = metadata["internal-color-map"].values()
    assert [each["confidence"] for each in colors] == [0] * 4


def test_the_time_is_that_of_utc(tmp_path):
    there = datetime(2026, 1, 2, 5, 4, 5, 17, tzinfo=timezone(timedelta(hours=2)))
    metadata = written(DATA["Rating"], tmp_path, created=there)[0][0][0]
    assert metadata["creation-date"] == "2026-01-02T03:04:05.000017"


def test_what_a_label_says_of_its_job_stays(tmp_path):
    label = Label(
        Boxes((Box(0, 1, 2, 3, 4),), SIZE), (0.25,), False, "labeling-job/a", "2020-01-01T00:00:00"
    )
    data = replace(
        DATA["BoundingBox"],
        examples=(replace(DATA["BoundingBox"].examples[0], label=label),),
    )
    metadata = written(data, tmp_path)[0][0][0]
    assert metadata["job-name"] == "labeling-job/a"
    assert metadata["creation-date"] == "2020-01-01T00:00:00"
    assert metadata["objects"] == [{"confidence": 0.25}]
    assert metadata["human-annotated"] == "no"


def test_classes_that_no_item_has_are_in_the_first_line(tmp_path):
    lines, notes = written(
        images("BoundingBox", Boxes((Box(2, 1, 2, 3, 4),)), Boxes((Box(2, 1, 2, 3, 4),))), tmp_path
    )
    assert notes == []
    maps = [metadata["class-map"] for metadata, _ in lines]
    assert maps == [{"0": "Dog", "1": "Big cat", "2": "Ärger 🐦"}, {"2": "Ärger 🐦"}]


def test_a_manifest_of_one_class_a_label_tells_which_it_cannot_name(tmp_path):
    lines, notes = written(images("ImageClassification", SingleClass(1)), tmp_path)
    assert lines[0][0]["class-name"] == "Big cat"
    (note,) = notes
    assert note.startswith("2 classes that no item has: left out, a manifest of ImageClassific")
    assert note.endswith("no place for them: Dog, Ärger 🐦.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, kind in BACK if name in KEEPING and kind not in CLASSLESS],
)
def test_no_format_loses_a_class_that_nothing_has(tmp_path, name, kind):
    data = DATA[kind]
    more = replace(data, classes=Classes.of((*data.classes.names, "never seen")))
    EXPORTS[name].write(more, tmp_path)
    back = EXPORTS[name].read(tmp_path, kind)
    assert back.classes.names == more.classes.names
    assert_same(more, back)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"labels\.json: is not JSON"),
        ("{}", r"labels"),
        ('{"labels": [{"label": 3}]}', r"label"),
        ('{"labels": [{"label": "a"}, {"label": "a"}]}', "'a' stands twice. Remove one"),
    ],
)
def test_a_broken_list_of_classes_is_told(tmp_path, text, message):
    EXPORTS["voc"].write(DATA["BoundingBox"], tmp_path)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ExportError, match=message):
        EXPORTS["voc"].read(tmp_path, None)


def test_a_class_of_the_files_that_the_list_does_not_have_comes_behind_it(tmp_path):
    EXPORTS["voc"].write(DATA["BoundingBox"], tmp_path)
    (tmp_path / FILE).write_text('{"labels": [{"label": "Big cat"}, {"label": "Zebra"}]}')
    assert EXPORTS["voc"].read(tmp_path, None).classes.names == ("Big cat", "Zebra", "Dog")


def gappy(tmp_path, *codes):
    names = {"0": "dog", "5": "bone"}
    box = [{"class_id": code, "left": 1, "top": 2, "width": 3, "height": 4} for code in codes]
    line = {
        "source-ref": "s3://b/0.png",
        "box": {"image_size": [{"width": 40, "height": 20, "depth": 3}], "annotations": box},
        "box-metadata": {"type": "groundtruth/object-detection", "class-map": names},
    }
    (tmp_path / "in.manifest").write_text(json.dumps(line))
    return tmp_path / "in.manifest"


def test_gaps_between_class_numbers_are_closed_and_told(tmp_path):
    data, _ = read_labeled_manifest(gappy(tmp_path, 5, 0))
    assert data.classes.names == ("dog", "bone")
    assert [box.label for box in data.examples[0].label.value.boxes] == [1, 0]
    assert data.examples[0].label.named == (0, 1)
    assert data.notes == (
        "4 class numbers without a name and without labels: left out, and the classes behind "
        "renumbered: bone 5 -> 1.",
    )
    EXPORTS["yolo"].write(data, tmp_path / "yolo")
    assert 'names:\n  0: "dog"\n  1: "bone"\n' in (tmp_path / "yolo/data.yaml").read_text()


def test_a_number_that_a_label_uses_stays_though_it_has_no_name(tmp_path):
    data, _ = read_labeled_manifest(gappy(tmp_path, 5, 2))
    assert data.classes.names == ("dog", "class 2", "bone")
    assert [box.label for box in data.examples[0].label.value.boxes] == [2, 1]


def test_numbers_that_are_given_are_not_touched(tmp_path):
    classes = Classes.of(("dog", "a", "b", "c", "d", "bone"))
    data, _ = read_labeled_manifest(gappy(tmp_path, 5), classes=classes)
    assert data.classes is classes
    assert data.notes == ()


def test_codes_are_found_and_changed_in_every_value():
    new = without([1], 4)
    assert new == {-1: -1, 0: 0, 2: 1, 3: 2}
    mask = np.array([[-1, 0], [3, 3]], np.int32)
    semantic = SemanticMask(mask, None, (PaletteEntry(0, -1, ""), PaletteEntry(4, 3, "")))
    assert sorted(codes_of(semantic)) == [-1, -1, 0, 3, 3]
    changed = recoded(semantic, new)
    assert changed.mask.tolist() == [[-1, 0], [2, 2]]
    assert changed.mask.dtype == np.int32
    assert [each.label for each in changed.palette] == [-1, 2]
    assert recoded(Verification(3, ("too wide",)), new) == Verification(2, ("too wide",))
    for each in DATA.values():
        for example in each.examples:
            swapped = recoded(example.label.value, {-1: -1, 0: 2, 1: 1, 2: 0})
            assert recoded(swapped, {-1: -1, 0: 2, 1: 1, 2: 0}) == example.label.value
