"""Answers: what is malformed is told with its field, other spellings are read."""

from __future__ import annotations

import math

import pytest

from surelabel.tasks.base import AnswerError
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.values import (
    Adjustment,
    Box,
    Boxes,
    ImageSize,
    Instances,
    Keypoint,
    Keypoints,
    LabelSet,
    Order,
    Polylines,
    Rating,
    Shape,
    Text,
    Verification,
)
from workloads.tasks.label_values import CATS, MASK

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
