"""Label Studio's JSON: read by the SDK of Label Studio, and what is wrong in it is told."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from surelabel.exports import EXPORTS, ExportError
from surelabel.exports.label_studio import CONTROLS
from surelabel.tasks.values import Boxes
from workloads.exports.examples import BOXES, CLASSES, DATA, OUTLINE, ROTATED, SIZE, images
from workloads.exports.readers.environment import needs_readers, read_by
from workloads.exports.sameness import assert_same

FORMAT = EXPORTS["label-studio"]
KINDS = [kind for kind in FORMAT.task_types if kind in DATA]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What Label Studio's SDK reads, by task type; ``Rotated`` are boxes, one of them rotated."""
    home = tmp_path_factory.mktemp("label_studio")
    rotated = images("BoundingBox", Boxes((ROTATED, *BOXES), SIZE))
    data = {kind: DATA[kind] for kind in KINDS} | {"Rotated": rotated}
    for name, each in data.items():
        FORMAT.write(each, home / name)
    found = read_by("read_label_studio.py", home, *(home / name for name in data))
    return dict(zip(data, found, strict=True))


@needs_readers
def test_every_annotation_fits_the_labeling_interface_that_is_written_with_it(read):
    for kind, found in read.items():
        n = 1 if kind == "Rotated" else len(DATA[kind].examples)
        assert found["wrong"] == [[]] * n, kind


@needs_readers
def test_its_converter_to_coco_has_our_boxes_and_polygons(read):
    found = json.loads(read["BoundingBox"]["COCO"]["result.json"])
    names = {each["id"]: each["name"] for each in found["categories"]}
    assert [(names[a["category_id"]], a["bbox"]) for a in found["annotations"]] == [
        ("Big cat", [2.5, 3, 10, 4]),
        ("Dog", [0, 0, 40, 20]),
    ]
    found = json.loads(read["Polygon"]["COCO"]["result.json"])
    flat = [each for point in OUTLINE for each in point]
    assert found["annotations"][0]["segmentation"][0] == pytest.approx(flat)


@needs_readers
def test_its_converter_to_oriented_boxes_has_our_corners(read, tmp_path):
    EXPORTS["yolo-obb"].write(images("BoundingBox", Boxes((ROTATED, *BOXES), SIZE)), tmp_path)
    ours = (tmp_path / "labels" / "0.txt").read_text().splitlines()
    theirs = read["Rotated"]["YOLO_OBB"]["0.txt"].splitlines()
    classes = read["Rotated"]["YOLO_OBB"]["classes.txt"].splitlines()
    for mine, other in zip(ours, theirs, strict=True):
        code, *numbers = other.split()
        my_code, *my_numbers = mine.split()
        assert classes[int(code)] == CLASSES.names[int(my_code)]
        corners, my_corners = (list(map(float, each)) for each in (numbers, my_numbers))
        assert corners == pytest.approx(my_corners, abs=1e-6)


@needs_readers
def test_its_converter_to_conll_tags_our_spans(read):
    lines = read["NamedEntityRecognition"]["CONLL2003"]["result.conll"].splitlines()
    tagged = [line.split(" -X- _ ") for line in lines if " -X- _ " in line]
    assert [(word, tag) for word, tag in tagged if tag != "O"] == [
        ("Ann", "B-Ärger 🐦"),
        ("Bob-Lee", "B-Big cat"),
        ("New", "B-Dog"),
        ("York", "I-Dog"),
    ]


@needs_readers
@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("ImageClassification", ["Ärger 🐦", "Dog"]),
        ("ImageClassificationMultiLabel", [{"choices": ["Ärger 🐦", "Dog"]}, {"choices": []}]),
        ("TextClassification", ["Big cat"]),
        ("FreeText", ["two\nlines", "x"]),
        ("Rating", [[{"number": 2.5}], [{"number": 4}]]),
    ],
)
def test_its_short_json_has_our_values(read, kind, labels):
    found = json.loads(read[kind]["JSON_MIN"]["result.json"])
    assert [each["label"] for each in found] == labels


def turned(x: float, y: float, degrees: float) -> complex:
    """A vector, turned clockwise as seen (y points down)."""
    return complex(x, y) * complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def test_label_studio_turns_about_the_corner(tmp_path):
    data = images("BoundingBox", Boxes((ROTATED,), SIZE))
    EXPORTS["label-studio"].write(data, tmp_path)
    (task,) = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    (result,) = task["annotations"][0]["result"]
    value = result["value"]
    assert value["rectanglelabels"] == ["Ärger 🐦"]
    corner = complex(value["x"] * 0.4, value["y"] * 0.2)
    width, height = value["width"] * 0.4, value["height"] * 0.2
    assert (width, height, value["rotation"]) == (pytest.approx(12), pytest.approx(6), 30)
    # From the corner along both sides to the middle, which is that of the upright box.
    middle = corner + turned(width / 2, height / 2, 30)
    assert (middle.real, middle.imag) == (pytest.approx(16), pytest.approx(8))
    assert_same(data, EXPORTS["label-studio"].read(tmp_path, None))


WRONG = [
    ("BoundingBox", "ImageClassification", "rectanglelabels", "BoundingBox"),
    (
        *("ImageClassification", "BoundingBox", "choices"),
        "ImageClassification or ImageClassificationMultiLabel.",
    ),
    ("Polygon", "Keypoint", "polygonlabels", "Polygon"),
    ("FreeText", "Rating", "textarea", "FreeText"),
]


@pytest.mark.parametrize(("kind", "told", "got", "step"), WRONG)
def test_marks_of_another_type_alone_are_an_error(tmp_path, kind, told, got, step):
    FORMAT.write(DATA[kind], tmp_path)
    with pytest.raises(ExportError) as caught:
        FORMAT.read(tmp_path, told)
    message = str(caught.value)
    assert f"[0].annotations[0].result[0].type: must be '{CONTROLS[told].kind}'" in message
    assert f"to be read as {told}; got '{got}'. Pass --task-type {step}" in message


def test_stars_are_read_as_ratings(tmp_path):
    FORMAT.write(DATA["Rating"], tmp_path)
    file = tmp_path / "tasks.json"
    file.write_text(file.read_text(encoding="utf-8").replace("number", "rating"))
    assert_same(DATA["Rating"], FORMAT.read(tmp_path, None))


def test_texts_are_not_read_as_images(tmp_path):
    FORMAT.write(DATA["TextClassification"], tmp_path)
    rule = r"data: must be an object with the key 'image' to be read as ImageClassification; got"
    with pytest.raises(ExportError, match=rule):
        FORMAT.read(tmp_path, "ImageClassification")


def test_other_marks_beside_those_asked_for_and_tasks_without_an_answer_are_counted(tmp_path):
    FORMAT.write(DATA["ImageClassification"], tmp_path)
    file = tmp_path / "tasks.json"
    tasks = json.loads(file.read_text(encoding="utf-8"))
    box = {"type": "rectanglelabels", "value": {"rectanglelabels": ["Dog"]}}
    tasks[0]["annotations"][0]["result"].append(box)
    tasks[1]["annotations"][0]["was_cancelled"] = True
    tasks.append({"id": 3, "data": {"image": "s3://b/x.jpg"}, "annotations": []})
    file.write_text(json.dumps(tasks))
    data = FORMAT.read(tmp_path, "ImageClassification")
    assert (len(data.examples), data.unlabeled) == (1, 2)
    assert data.notes == ("1 result: left out, of another type than choices.",)


def classes_with(tmp_path, config: str) -> tuple[str, ...]:
    FORMAT.write(DATA["BoundingBox"], tmp_path)
    (tmp_path / "labeling_config.xml").write_text(config, encoding="utf-8")
    return FORMAT.read(tmp_path / "tasks.json", None).classes.names


@pytest.mark.parametrize(
    ("config", "names"),
    [
        pytest.param(
            '<View><RectangleLabels><Label value="Cow"/><Label value="Dog"/></RectangleLabels>'
            "</View>",
            ("Cow", "Dog", "Big cat"),
            id="a class that it does not have comes behind its own",
        ),
        pytest.param(
            '<View><Choices><Choice value="day"/></Choices><Image name="i"/></View>',
            ("Big cat", "Dog"),
            id="another control is not asked",
        ),
        pytest.param(
            '<View><rectanglelabels><label alias="Dog" value="A dog"/></rectanglelabels>'
            '<RectangleLabels><Label value="Dog"/><Label value="Cow"/></RectangleLabels></View>',
            ("Dog", "Cow", "Big cat"),
            id="results have the alias, and two controls may share a name",
        ),
    ],
)
def test_classes_are_those_of_the_labeling_interface(tmp_path, config, names):
    assert classes_with(tmp_path, config) == names


def test_nested_choices_are_classes_too(tmp_path):
    FORMAT.write(DATA["ImageClassification"], tmp_path)
    (tmp_path / "labeling_config.xml").write_text(
        '<View><Choices><Choice value="Dog"><Choice value="Poodle"/></Choice></Choices></View>'
    )
    names = FORMAT.read(tmp_path, "ImageClassification").classes.names
    assert names == ("Dog", "Poodle", "Ärger 🐦")


def test_a_broken_labeling_interface_is_told(tmp_path):
    with pytest.raises(ExportError, match=r"labeling_config\.xml: is not XML"):
        classes_with(tmp_path, "<View>")


def test_without_a_labeling_interface_classes_are_sorted(tmp_path):
    FORMAT.write(DATA["BoundingBox"], tmp_path)
    (tmp_path / "labeling_config.xml").unlink()
    assert FORMAT.read(tmp_path, None).classes.names == ("Big cat", "Dog")


@pytest.mark.parametrize(
    "kind", ["BoundingBox", "ImageClassificationMultiLabel", "TextClassificationMultiLabel"]
)
def test_the_labeling_interface_tells_the_type_where_nobody_marked_anything(tmp_path, kind):
    data = DATA[kind]
    bare = replace(data.examples[-1].label.value, **{_parts(data): ()})
    label = replace(data.examples[-1].label, value=bare, confidences=())
    FORMAT.write(replace(data, examples=(replace(data.examples[-1], label=label),)), tmp_path)
    again = FORMAT.read(tmp_path, None)
    assert again.task_type == kind
    assert len(again.examples) == 1
    if kind != "BoundingBox":
        # A set of choices is a result, however empty.
        return
    (tmp_path / "labeling_config.xml").unlink()
    with pytest.raises(
        ExportError, match=r"tasks\.json: has no annotations of a known type\. Pass"
    ):
        FORMAT.read(tmp_path, None)


def _parts(data) -> str:
    return "boxes" if data.task_type == "BoundingBox" else "labels"


@pytest.mark.parametrize("kind", ["ImageClassificationMultiLabel", "TextClassificationMultiLabel"])
def test_the_labeling_interface_tells_one_choice_from_several(tmp_path, kind):
    FORMAT.write(DATA[kind], tmp_path)
    assert FORMAT.read(tmp_path, None).task_type == kind


def test_several_annotations_of_a_task_are_told(tmp_path):
    FORMAT.write(DATA["ImageClassification"], tmp_path)
    file = tmp_path / "tasks.json"
    tasks = json.loads(file.read_text(encoding="utf-8"))
    first = tasks[0]["annotations"][0]
    tasks[0]["annotations"] = [first | {"was_cancelled": True}, first, first]
    tasks[1]["annotations"] *= 2
    tasks[1]["annotations"][1] = first | {"was_cancelled": True}
    file.write_text(json.dumps(tasks))
    data = FORMAT.read(tmp_path, None)
    assert len(data.examples) == 2
    (note,) = data.notes
    assert note.startswith("1 task with several annotations: the first of each is taken. Write")


def test_what_is_no_json_is_told_once(tmp_path):
    file = tmp_path / "tasks.json"
    file.write_text("[")
    with pytest.raises(ExportError, match=r"^\S+tasks.json: is not JSON: .*[^.]\. Export the"):
        FORMAT.read(file, None)
    file.write_text("[]")
    with pytest.raises(ExportError, match=r"^\S+tasks.json: has no annotations of a known type"):
        FORMAT.read(file, None)
