"""Values of every label format, and the names of their classes."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.tasks.classes import Classes
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
each = pytest.mark.parametrize(("name", "value"), PAIRS, ids=lambda v: v if type(v) is str else "")
