"""A truth, and something that is wrong, of every task type whose label is more than a class."""

from __future__ import annotations

from typing import Any

import numpy as np

from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import InstanceSegmentationFormat
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat
from surelabel.tasks.values import Instances, SemanticMask

LABELS = ("Falcon", "Heron", "Duck")
_IMAGE = {"inputImageProperties": {"height": 400, "width": 500}}


def _points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in pairs]


def _box(label: str, left: float, top: float, width: float, height: float) -> dict[str, Any]:
    return {"label": label, "left": left, "top": top, "width": width, "height": height}


_TRIANGLE = _points((10, 10), (110, 10), (60, 90))
_BOXES = [_box("Falcon", 10, 20, 60, 40), _box("Duck", 200, 150, 90, 120)]


def _mask() -> dict[str, Any]:
    pixels = np.full((60, 80), -1, np.int32)
    pixels[10:40, 15:50] = 0
    pixels[30:55, 55:75] = 2
    return SemanticSegmentationFormat().answer_content(SemanticMask(pixels), Classes.of(LABELS))


def _instances() -> dict[str, Any]:
    pixels = np.full((60, 80), -1, np.int32)
    pixels[5:25, 8:40] = 0
    pixels[28:58, 45:76] = 1
    pixels[30:50, 5:35] = 2
    value = Instances((0, 2, 0), pixels)
    return InstanceSegmentationFormat().answer_content(value, Classes.of(LABELS))


# What somebody answers who knows, and an answer that cannot be read.
CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "ImageClassificationMultiLabel": (
        {"crowd-image-classifier-multi-select": {"labels": ["Falcon", "Duck"]}},
        {"x": {"labels": ["Eagle"]}},
    ),
    "TextClassificationMultiLabel": (
        {"crowd-classifier-multi-select": {"labels": ["Heron"]}},
        {"x": {"labels": "Heron"}},
    ),
    "BoundingBox": (
        {"crowd-bounding-box": {"boundingBoxes": _BOXES, **_IMAGE}},
        {"x": {"boundingBoxes": [{"label": "Falcon", "left": 1}]}},
    ),
    "Polygon": (
        {"crowd-polygon": {"polygons": [{"label": "Heron", "vertices": _TRIANGLE}], **_IMAGE}},
        {"x": {"polygons": [{"label": "Heron"}]}},
    ),
    "Polyline": (
        {"crowd-polyline": {"polylines": [{"label": "Heron", "vertices": _TRIANGLE}], **_IMAGE}},
        {"x": {"polylines": [{"label": "Heron", "vertices": []}]}},
    ),
    "Keypoint": (
        {"crowd-keypoint": {"keypoints": [{"label": "Duck", "x": 10, "y": 50}], **_IMAGE}},
        {"x": {"keypoints": [{"label": "Duck", "x": "left"}]}},
    ),
    "NamedEntityRecognition": (
        {
            "crowd-entity-annotation": {
                "entities": [
                    {"label": "Falcon", "startOffset": 2, "endOffset": 8},
                    {"label": "Duck", "startOffset": 20, "endOffset": 24},
                ]
            }
        },
        {"x": {"entities": [{"label": "Falcon", "startOffset": 9, "endOffset": 8}]}},
    ),
    "SemanticSegmentation": (
        _mask(),
        {"x": {"labelMappings": {}, "labeledImage": {"pngImageData": "no PNG"}}},
    ),
    "InstanceSegmentation": (
        _instances(),
        {"x": {"instances": [{"label": "Duck", "color": "#ff0000"}], "labeledImage": {}}},
    ),
    "PairwisePreference": ({"crowd-radio-group": {"choice": "b"}}, {"x": {"choice": "c"}}),
    "Ranking": (
        {"crowd-text-ranking": {"order": ["r3", "r1", "r2"]}},
        {"x": {"order": ["r1", "r1"]}},
    ),
    "FreeText": (
        {"crowd-text-area": {"text": "a heron stands by the lake"}},
        {"x": {"text": 3}},
    ),
    "Rating": ({"crowd-slider": {"value": 4}}, {"x": {"value": "good"}}),
    "LabelVerification": ({"crowd-image-classifier": {"label": "Heron"}}, {"x": {"label": "bad"}}),
    "LabelAdjustment": (
        {
            "crowd-bounding-box": {
                "boundingBoxes": _BOXES,
                **_IMAGE,
                "initialValueModified": True,
            }
        },
        {"x": {"something": []}},
    ),
    "Custom": ({"crowd-form": {"animal": "heron", "sure": True}}, ["no", "form"]),
}

# The earlier label that a line must bring, under the key that the job names.
AUDITED = "rough"
EARLIER: dict[str, dict[str, Any]] = {
    "LabelAdjustment": {
        AUDITED: {
            "image_size": [{"width": 500, "height": 400, "depth": 3}],
            "annotations": [{"class_id": 1, "left": 10, "top": 20, "width": 60, "height": 40}],
        },
        f"{AUDITED}-metadata": {
            "objects": [{"confidence": 0.4}],
            "class-map": {"1": "Heron"},
            "type": "groundtruth/object-detection",
            "human-annotated": "no",
            "creation-date": "2026-01-02T03:04:05.000000",
            "job-name": "labeling-job/rough",
        },
    },
}


def manifest_type(name: str, of_task: str) -> str:
    """``type`` of the metadata; a corrected label is of the type that it was."""
    return "groundtruth/object-detection" if name == "LabelAdjustment" else of_task
