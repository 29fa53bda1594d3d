"""Answers and labels of every format: read as Ground Truth writes them, written as it does."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.instance_segmentation.format import instances_png, read_instances
from surelabel.tasks.label_format import Label, Wart
from surelabel.tasks.pixels import PixelError, decode_colors, encode_colors, encode_indices
from surelabel.tasks.semantic_segmentation.format import mask_png, read_mask
from surelabel.tasks.values import (
    Adjustment,
    Box,
    Boxes,
    Custom,
    ImageSize,
    Instances,
    Keypoint,
    Keypoints,
    LabelSet,
    Order,
    PaletteEntry,
    Polygons,
    Polylines,
    Preference,
    Rating,
    SemanticMask,
    Shape,
    SingleClass,
    Span,
    Spans,
    Text,
    Verification,
)
from workloads.consolidation.crowds import DATA
from workloads.tasks.ground_truth_lines import SAMPLES, Sample

CATS = Classes.of(("Cat", "Dog", "Süß 🐦"))
SIZE = ImageSize(7, 5)
MASK = np.array([[-1, -1, 0, 0], [1, 1, 0, 2], [-1, 2, 2, 2]], np.int32)
TRIANGLE = ((1.0, 2.0), (3.5, 2.0), (3.0, 4.25))
# Values of every format, an empty one among them where there is one.
VALUES = {
    "ImageClassification": [SingleClass(0), SingleClass(2)],
    "TextClassification": [SingleClass(1)],
    "ImageClassificationMultiLabel": [LabelSet((2, 0)), LabelSet(())],
    "TextClassificationMultiLabel": [LabelSet((1,))],
    "BoundingBox": [
        Boxes((Box(2, 1.5, 2, 3, 4), Box(0, -3, 0, 0, 9, rotation=-12.5)), SIZE),
        Boxes((), SIZE),
        Boxes(()),
    ],
    "Polygon": [Polygons((Shape(1, TRIANGLE), Shape(0, TRIANGLE[::-1])), SIZE), Polygons(())],
    "Polyline": [Polylines((Shape(1, TRIANGLE[:2]),), SIZE), Polylines(())],
    "Keypoint": [Keypoints((Keypoint(1, 2, 3.5), Keypoint(1, 0, 0)), SIZE), Keypoints(())],
    "NamedEntityRecognition": [Spans((Span(1, 0, 4), Span(0, 2, 9))), Spans(())],
    "SemanticSegmentation": [SemanticMask(MASK), SemanticMask(np.full((2, 2), -1, np.int32))],
    "InstanceSegmentation": [
        Instances((0, 0, 2), MASK),
        Instances((), np.full((2, 3), -1, np.int32)),
    ],
    "PairwisePreference": [Preference("a"), Preference("b"), Preference("tie")],
    "Ranking": [Order(("x", "10", "y")), Order(())],
    "FreeText": [Text("two\nlines 🐦"), Text("")],
    "Rating": [Rating(3), Rating(-0.25)],
    "LabelVerification": [Verification(1, ("too wide",)), Verification(0)],
    "LabelAdjustment": [
        Adjustment(Boxes((Box(0, 1, 2, 3, 4),), SIZE), True),
        Adjustment(SemanticMask(MASK), False),
        Adjustment(Polygons((Shape(0, TRIANGLE),)), None),
    ],
    "Custom": [Custom({"first": {"a": [1, None]}, "second": "x"})],
}
PAIRS = [(name, value) for name, values in VALUES.items() for value in values]
samples = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
each = pytest.mark.parametrize(("name", "value"), PAIRS, ids=lambda v: v if type(v) is str else "")


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


def test_a_palette_of_our_own_begins_with_the_background():
    form = LABEL_FORMATS["SemanticSegmentation"]
    _, metadata = form.write_label(Label(SemanticMask(ref="s3://b/m.png")), CATS)
    entries = metadata["internal-color-map"]
    assert [entries[str(n)]["class-name"] for n in range(4)] == ["BACKGROUND", *CATS.names]


def test_a_mask_comes_back_from_its_png():
    value = SemanticMask(ref="s3://b/m.png")
    assert np.array_equal(read_mask(value, mask_png(MASK, CATS), CATS).mask, MASK)
    found = read_instances(Instances((0, 1, 1), ref="x"), instances_png(MASK))
    assert np.array_equal(found.mask, MASK)
    many = np.arange(400, dtype=np.int32).reshape(20, 20) - 1
    assert np.array_equal(read_instances(Instances((0,) * 399), instances_png(many)).mask, many)


def test_a_pixel_of_no_class_is_an_error():
    png = encode_indices(np.array([[0, 9]]))
    with pytest.raises(PixelError, match=r"got 9\. Give the labels"):
        read_mask(SemanticMask(ref="s3://b/m.png"), png, CATS)
    with pytest.raises(PixelError, match="got 9"):
        read_instances(Instances((0,)), png)
    colored = encode_colors(np.array([[0, 1]], np.int32), ["#112233", "#445566"])
    with pytest.raises(PixelError, match=r"got #445566 at x 1, y 0"):
        decode_colors(colored, {"#112233": 0})


def test_white_and_black_are_background_unless_a_label_has_the_color():
    png = encode_colors(np.array([[0, 1, -1]], np.int32), ["#ffffff", "#000000"])
    assert decode_colors(png, {}).tolist() == [[-1, -1, -1]]
    assert decode_colors(png, {"#FFFFFF": 3}).tolist() == [[3, -1, -1]]


LABEL = {"label": "Cat"}
VERTICES = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
BOX = LABEL | {"left": 1, "top": 2, "width": 3, "height": 4}
MALFORMED = [
    ("BoundingBox", {"boundingBoxes": [BOX | {"width": -1}]}, "boundingBoxes[0].width", "-1"),
    ("BoundingBox", {"boundingBoxes": [BOX, BOX | {"left": "1"}]}, "[1].left", "'1'"),
    ("BoundingBox", {"boundingBoxes": [BOX | {"left": math.nan}]}, ".left", "nan"),
    ("BoundingBox", {"boundingBoxes": [BOX | {"left": 10**400}]}, ".left", "1000"),
    ("BoundingBox", {"boundingBoxes": [BOX | {"left": True}]}, ".left", "True"),
    ("BoundingBox", {"boundingBoxes": [BOX | {"label": "Cow"}]}, ".label", "'Cow'"),
    ("BoundingBox", {"boundingBoxes": {}}, "boundingBoxes", "{}"),
    ("BoundingBox", {"boxes": []}, "boundingBoxes", "boxes"),
    ("BoundingBox", [], "answerContent.x", "[]"),
    (
        "BoundingBox",
        {"boundingBoxes": [], "inputImageProperties": {"width": 0, "height": 4}},
        "inputImageProperties.width",
        "0",
    ),
    ("Polygon", {"polygons": [LABEL | {"vertices": []}]}, "vertices", "at least one point"),
    ("Polyline", {"polylines": [LABEL | {"vertices": [1]}]}, "vertices[0]", "an object"),
    ("Keypoint", {"keypoints": [LABEL | {"x": 1}]}, "keypoints[0]", "'y'"),
    (
        "NamedEntityRecognition",
        {"entities": [LABEL | {"startOffset": 4, "endOffset": 4}]},
        "endOffset",
        "at least 5",
    ),
    (
        "NamedEntityRecognition",
        {"entities": [LABEL | {"startOffset": 1.5, "endOffset": 4}]},
        "startOffset",
        "1.5",
    ),
    ("ImageClassificationMultiLabel", {"labels": "Cat"}, "labels", "'Cat'"),
    ("ImageClassificationMultiLabel", {"labels": ["Cat", 3]}, "labels[1]", "3"),
    (
        "SemanticSegmentation",
        {"labelMappings": {}, "labeledImage": {"pngImageData": "%%"}},
        "pngImageData",
        "base64",
    ),
    (
        "SemanticSegmentation",
        {"labelMappings": {}, "labeledImage": {"pngImageData": "aGVsbG8="}},
        "pngImageData",
        "PNG",
    ),
    (
        "InstanceSegmentation",
        {"instances": [LABEL | {"color": "#111111"}] * 2, "labeledImage": {"ref": "s3://b/x"}},
        "instances",
        "different",
    ),
    ("PairwisePreference", {"choice": "c"}, "choice", "'tie'"),
    ("Ranking", {"order": ["a", "a"]}, "order", "once"),
    ("FreeText", {"text": None}, "text", "None"),
    ("Rating", {"value": "many"}, "value", "'many'"),
    ("Rating", {"value": math.inf}, "value", "inf"),
    ("LabelVerification", {"label": "Cat", "comment": 3}, "comment", "3"),
    ("LabelAdjustment", {"something": []}, "answerContent", "boundingBoxes"),
]


@pytest.mark.parametrize(("name", "inner", "field", "said"), MALFORMED)
def test_a_malformed_answer_names_field_and_value(name, inner, field, said):
    with pytest.raises(AnswerError) as caught:
        LABEL_FORMATS[name].parse_answer({"x": inner}, CATS)
    assert field in str(caught.value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.reason in ("MalformedAnswer", "UnknownLabel", "BrokenMask")


@pytest.mark.parametrize("form", LABEL_FORMATS.values(), ids=LABEL_FORMATS)
def test_nothing_but_an_answer_is_an_answer(form):
    contents = [None, [], "x", {}, {"a": None}, {"a": 1, "b": 2}, {"a": []}, {"a": {"label": []}}]
    for content in contents:
        if form.name == "Custom" and isinstance(content, dict):
            continue
        if (form.name, content) == ("Ranking", {"a": []}):
            assert form.parse_answer(content, CATS) == Order(())
            continue
        with pytest.raises(AnswerError):
            form.parse_answer(content, CATS)


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


def test_class_numbers_and_names_must_agree():
    form = LABEL_FORMATS["BoundingBox"]
    with pytest.raises(LabelError, match="'Cat', as class 0 is called in this job"):
        form.read_label({"annotations": []}, {"class-map": {"0": "Dog"}}, CATS)
    with pytest.raises(LabelError, match=r"class_id: must be the number of a class, 0 \.\. 2"):
        form.read_label({"annotations": [{"class_id": 3}]}, {}, CATS)


@pytest.mark.parametrize(
    ("name", "content", "value"),
    [
        (
            "Polyline",
            {"line": {"lines": [LABEL | {"vertices": VERTICES}]}},
            Polylines((Shape(0, ((0.0, 0.0), (1.0, 1.0))),)),
        ),
        ("FreeText", {"transcript": "hello"}, Text("hello")),
        ("Rating", {"slider": "4"}, Rating(4)),
        ("Ranking", {"r": {"order": [3, "b"]}}, Order(("3", "b"))),
        (
            "LabelVerification",
            {"v": LABEL | {"workerComment": "left out"}},
            Verification(0, ("left out",)),
        ),
        ("LabelVerification", {"v": LABEL | {"worker-comment": "  "}}, Verification(0)),
        ("ImageClassificationMultiLabel", {"m": {"labels": ["Dog", "Dog"]}}, LabelSet((1,))),
        (
            "LabelAdjustment",
            {"b": {"boundingBoxes": [], "initialValueModified": True}},
            Adjustment(Boxes(()), True),
        ),
    ],
)
def test_other_spellings_of_answers_are_read(name, content, value):
    assert LABEL_FORMATS[name].parse_answer(content, CATS) == value


def test_an_answer_that_a_custom_job_passed_through_is_read_as_a_label():
    polygon = {"polygons": [LABEL | {"vertices": [*VERTICES, {"x": 5, "y": 0}]}]}
    form = LABEL_FORMATS["Polygon"]
    for value in (polygon, {"crowd-polygon": polygon}):
        (shape,) = form.read_label(value, {"job_name": "j"}, CATS).value.shapes
        assert shape == Shape(0, ((0.0, 0.0), (1.0, 1.0), (5.0, 0.0)))
    points = {"crowd-keypoint": {"keypoints": [LABEL | {"x": 1, "y": 2}]}}
    found = LABEL_FORMATS["Keypoint"].read_label(points, None, CATS).value
    assert found == Keypoints((Keypoint(0, 1, 2),))
    answer = LABEL_FORMATS["InstanceSegmentation"].answer_content(Instances((0, 0, 2), MASK), CATS)
    found = LABEL_FORMATS["InstanceSegmentation"].read_label(answer, None, CATS).value
    assert found == Instances((0, 0, 2), MASK)


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


def test_the_documented_content_of_workers_is_read():
    vertices = {"label": "dog", "vertices": [{"x": 570, "y": 239}]}
    size = {"height": 853, "width": 1280}
    dog = Classes.of(("dog",))
    for key in ("polygons", "polylines", "lines"):
        form = LABEL_FORMATS["Polygon" if key == "polygons" else "Polyline"]
        found = form.parse_answer({"a": {key: [vertices], "inputImageProperties": size}}, dog)
        assert found.shapes == (Shape(0, ((570.0, 239.0),)),)
        assert found.image == ImageSize(1280, 853)
    points = {"keypoints": [{"label": "dog", "x": 5, "y": 6}], "inputImageProperties": size}
    found = LABEL_FORMATS["Keypoint"].parse_answer({"a": points}, dog)
    assert found == Keypoints((Keypoint(0, 5, 6),), ImageSize(1280, 853))
    box = {"height": 2052, "label": "dog", "left": 583, "top": 302, "width": 1375}
    content = {"boundingBox": {"boundingBoxes": [box], "inputImageProperties": size}}
    found = LABEL_FORMATS["BoundingBox"].parse_answer(content, dog)
    assert found == Boxes((Box(0, 583, 302, 1375, 2052),), ImageSize(1280, 853))


def test_color_maps_without_the_background_number_classes_as_those_with_it():
    def entry(name):
        return {"class-name": name, "hex-color": "#010203"}

    maps = [{"2": entry("b")}, {"0": entry("BACKGROUND"), "1": entry("a")}, {"1": entry("a")}]
    for order in (maps, maps[::-1]):
        seen = SeenClasses()
        for each_map in order:
            seen.see_label("s3://b/x.png", {"internal-color-map": each_map})
        assert seen.settle().names == ("a", "b")
    # A map that gives pixel 0 to a class has no background.
    seen = SeenClasses()
    seen.see_label("s3://b/x.png", {"internal-color-map": {"0": entry("a"), "1": entry("b")}})
    assert seen.settle().names == ("a", "b")


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


def test_numbered_classes_keep_their_places_and_others_follow_sorted():
    seen = SeenClasses()
    seen.see_label({}, {"class-map": {"2": "c", "0": "a"}})
    seen.see_answer({"x": {"boundingBoxes": [{"label": "z"}, {"label": "c"}, {"label": "b"}]}})
    assert seen.settle().names == ("a", "class 1", "c", "b", "z")


def test_a_label_twice_is_refused():
    with pytest.raises(ValueError, match=r"labels: must be unique; 'a' stands twice"):
        Classes.of(("a", "b", "a"))


def test_the_class_map_has_the_labels_that_the_value_uses():
    form = LABEL_FORMATS["Keypoint"]
    _, metadata = form.write_label(Label(VALUES["Keypoint"][0]), CATS)
    assert metadata["class-map"] == {"1": "Dog"}
    assert metadata["type"] == "groundTruth/custom"
    assert Wart.UNDERSCORES not in form.read_label({"keypoints": []}, metadata, CATS).warts


JUNK = [None, True, -1, 1.5, 10**400, math.nan, "", "x", [], [[]], {}, {"a": 1}]


def broken_at_every_leaf(value, junk):
    """The value with one of its members, or all of it, replaced or taken away; each once."""
    yield junk
    if isinstance(value, dict):
        for key, member in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for other in broken_at_every_leaf(member, junk):
                yield value | {key: other}
    elif isinstance(value, list) and value:
        for other in broken_at_every_leaf(value[0], junk):
            yield [other, *value[1:]]


@each
def test_what_is_broken_anywhere_is_read_or_told(name, value):
    form = LABEL_FORMATS[name]
    content = json.loads(json.dumps(form.answer_content(value, CATS)))
    if isinstance(inner := getattr(value, "value", value), SemanticMask):
        inner = replace(inner, ref="s3://b/m.png")
        value = replace(value, value=inner) if isinstance(value, Adjustment) else inner
    written, metadata = form.write_label(Label(value), CATS)
    for junk in JUNK:
        for broken in broken_at_every_leaf(content, junk):
            try:
                form.parse_answer(broken, CATS)
            except AnswerError as error:
                assert len(str(error)) < 400
        pairs = [(other, metadata) for other in broken_at_every_leaf(written, junk)]
        pairs += [(written, other) for other in broken_at_every_leaf(metadata, junk)]
        for broken, about in pairs:
            try:
                form.read_label(broken, about, CATS)
            except LabelError as error:
                assert len(str(error)) < 400
            seen = SeenClasses()
            seen.see_label(broken, about)
            seen.settle()
