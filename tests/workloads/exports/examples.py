"""Small labeled data of every task type that an export can carry."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from surelabel.exports import EXPORTS, Example, LabeledData
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Instances,
    Keypoint,
    Keypoints,
    LabelSet,
    Polygons,
    Polylines,
    Rating,
    SemanticMask,
    Shape,
    SingleClass,
    Span,
    Spans,
    Text,
)

# Not sorted, so that an order that got lost shows.
CLASSES = Classes.of(("Dog", "Big cat", "Ärger 🐦"))
SIZE = ImageSize(40, 20)
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OUTLINE = ((1.0, 2.0), (30.5, 3.0), (20.0, 18.25))
MASK = np.full((20, 40), -1, np.int32)
MASK[0:3, 0:4] = 0
MASK[5:9, 30:40] = 1
MASK[6, 33] = -1
MASK[19, 39] = 2
TEXT = "Ann\tmet Bob-Lee 🐦 in\nNew York."
ROTATED = Box(2, 10, 5, 12, 6, rotation=30)


def images(task_type: str, *values: object, confidences: tuple = ()) -> LabeledData:
    examples = [
        Example(f"s3://b/set/{'ab'[n % 2]}/{n}.jpg", Label(value, confidences if n == 0 else ()))
        for n, value in enumerate(values)
    ]
    return LabeledData(task_type, CLASSES, tuple(examples))


def texts(task_type: str, *values: object) -> LabeledData:
    examples = [Example(TEXT, Label(value), is_text=True) for value in values]
    return LabeledData(task_type, CLASSES, tuple(examples))


BOXES = (Box(1, 2.5, 3, 10, 4), Box(0, 0, 0, 40, 20))
DATA = {
    "BoundingBox": images(
        "BoundingBox", Boxes(BOXES, SIZE), Boxes((), SIZE), confidences=(0.5, 1.0)
    ),
    "Polygon": images("Polygon", Polygons((Shape(2, OUTLINE), Shape(0, OUTLINE[::-1])), SIZE)),
    "Polyline": images("Polyline", Polylines((Shape(1, OUTLINE),), SIZE)),
    "Keypoint": images(
        "Keypoint",
        Keypoints((Keypoint(0, 3, 4), Keypoint(2, 5.5, 6), Keypoint(0, 9, 10)), SIZE),
        Keypoints((), SIZE),
    ),
    "InstanceSegmentation": images("InstanceSegmentation", Instances((1, 1, 0), MASK)),
    "SemanticSegmentation": images("SemanticSegmentation", SemanticMask(MASK)),
    "NamedEntityRecognition": texts(
        "NamedEntityRecognition",
        Spans((Span(2, 0, 3), Span(1, 8, 15), Span(0, 21, 29), Span(0, 25, 29))),
        Spans(()),
    ),
    "ImageClassification": images("ImageClassification", SingleClass(2), SingleClass(0)),
    "ImageClassificationMultiLabel": images(
        "ImageClassificationMultiLabel", LabelSet((2, 0)), LabelSet(())
    ),
    "TextClassification": texts("TextClassification", SingleClass(1)),
    "TextClassificationMultiLabel": texts("TextClassificationMultiLabel", LabelSet((1, 2))),
    "FreeText": texts("FreeText", Text("two\nlines"), Text("x")),
    "Rating": texts("Rating", Rating(2.5), Rating(4)),
}
# Every format with every task type that it carries, and those that are read back.
CASES = [(name, kind) for name, each in EXPORTS.items() for kind in each.task_types if kind in DATA]
BACK = [(name, kind) for name, kind in CASES if EXPORTS[name].read]
