"""Label Studio's JSON: a task an item, with one annotation; geometry in percent of the image.

``labeling_config.xml`` beside it is the labeling interface of a project that takes these tasks.
Label Studio turns a rectangle about its upper left corner, we about its centre. Offsets of text are
code points. Masks (brush) are left to PNG.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.dataset import Example, LabeledData
from surelabel.exports.xml_file import Element, child, write_xml
from surelabel.tasks.fields import plain
from surelabel.tasks.pixels import color_of_class
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoints,
    LabelSet,
    Polygons,
    Rating,
    SingleClass,
    Spans,
    Text,
)

FILE = "tasks.json"
CONFIG = "labeling_config.xml"


@dataclass(frozen=True)
class Control:
    """How Label Studio has a task type.

    ``kind``: the type of a result, and the key of the classes in its value. ``tag``, ``choice`` and
    ``options``: the element of the labeling interface, that of a class in it, and its attributes.
    ``also``: other types of results that are read.
    """

    kind: str
    tag: str
    choice: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()


_ONE, _MANY = {"choice": "single"}, {"choice": "multiple"}
CONTROLS = {
    "BoundingBox": Control("rectanglelabels", "RectangleLabels", "Label"),
    "Polygon": Control("polygonlabels", "PolygonLabels", "Label"),
    "Keypoint": Control("keypointlabels", "KeyPointLabels", "Label"),
    "NamedEntityRecognition": Control("labels", "Labels", "Label"),
    "ImageClassification": Control("choices", "Choices", "Choice", _ONE),
    "TextClassification": Control("choices", "Choices", "Choice", _ONE),
    "ImageClassificationMultiLabel": Control("choices", "Choices", "Choice", _MANY),
    "TextClassificationMultiLabel": Control("choices", "Choices", "Choice", _MANY),
    "FreeText": Control("textarea", "TextArea"),
    # Its own ratings are whole numbers of stars; they are read as well.
    "Rating": Control("number", "Number", also=("rating",)),
}


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what was left out."""
    lost: list[str] = []
    tasks: list[dict[str, Any]] = []
    for number, (name, example) in enumerate(data.named(), start=1):
        place = "text" if example.is_text else "image"
        if example.size is None and data.task_type in ("BoundingBox", "Polygon", "Keypoint"):
            lost.append(notes.no_size(name))
            continue
        results = []
        for part, (kind, value) in enumerate(_results(example, data.classes.names)):
            result = {
                "id": f"{number}-{part + 1}",
                "type": kind,
                "from_name": "label",
                "to_name": place,
                **_measures(example.size, kind),
                "value": value,
            }
            # A set of choices is one result, and has no score of its own.
            is_set = isinstance(example.label.value, LabelSet)
            score = None if is_set else data.confidence(example, part)
            results.append(result | ({} if score is None else {"score": score}))
        annotation = {"id": number, "result": results, "was_cancelled": False}
        task = {"id": number, "data": {place: example.source}, "annotations": [annotation]}
        tasks.append(task)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tasks, ensure_ascii=False)
    (folder / FILE).write_text(text, encoding="utf-8")
    _write_config(data, folder / CONFIG)
    is_set = any(isinstance(example.label.value, LabelSet) for example in data.examples)
    return lost + (notes.of_confidences(data, "a set of choices") if is_set else [])


def _write_config(data: LabeledData, path: Path) -> None:
    control = CONTROLS[data.task_type]
    is_text = any(example.is_text for example in data.examples)
    place, tag = ("text", "Text") if is_text else ("image", "Image")
    root = Element("View")
    child(root, tag, None, name=place, value=f"${place}")
    labels = child(root, control.tag, None, name="label", toName=place, **control.options)
    for code, name in enumerate(data.classes.names if control.choice else ()):
        color = {"background": color_of_class(code, data.classes)}
        child(labels, control.choice or "", None, value=name, **color)
    # It is pasted into a form, and what reads it there refuses a declaration.
    write_xml(root, path, declaration=False)


def _measures(size: ImageSize | None, kind: str) -> dict[str, Any]:
    if size is None or kind in ("choices", "labels", "textarea", "number"):
        return {}
    return {"original_width": size.width, "original_height": size.height, "image_rotation": 0}


def _results(example: Example, names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    value, size = example.label.value, example.size or ImageSize(100, 100)
    if isinstance(value, Boxes):
        for box in value.boxes:
            x, y = _corner(box)
            where = {
                "x": x / size.width * 100,
                "y": y / size.height * 100,
                "width": box.width / size.width * 100,
                "height": box.height / size.height * 100,
                "rotation": plain(box.rotation),
            }
            yield "rectanglelabels", where | {"rectanglelabels": [names[box.label]]}
    elif isinstance(value, Polygons):
        for shape in value.shapes:
            points = [[x / size.width * 100, y / size.height * 100] for x, y in shape.vertices]
            yield (
                "polygonlabels",
                {"points": points, "closed": True, "polygonlabels": [names[shape.label]]},
            )
    elif isinstance(value, Keypoints):
        for point in value.points:
            where = {
                "x": point.x / size.width * 100,
                "y": point.y / size.height * 100,
                "width": 0.5,
            }
            yield "keypointlabels", where | {"keypointlabels": [names[point.label]]}
    elif isinstance(value, Spans):
        for span in value.spans:
            said = {"text": example.source[span.start : span.end]} if example.is_text else {}
            yield (
                "labels",
                {"start": span.start, "end": span.end, **said, "labels": [names[span.label]]},
            )
    elif isinstance(value, SingleClass):
        yield "choices", {"choices": [names[value.label]]}
    elif isinstance(value, LabelSet):
        yield "choices", {"choices": [names[code] for code in value.labels]}
    elif isinstance(value, Text):
        yield "textarea", {"text": [value.text]}
    elif isinstance(value, Rating):
        yield "number", {"number": plain(value.value)}


def _corner(box: Box) -> tuple[float, float]:
    """Where the upper left corner of the upright box is after the rotation."""
    a = math.radians(box.rotation)
    x, y = box.left + box.width / 2, box.top + box.height / 2
    return (
        x - (box.width * math.cos(a) - box.height * math.sin(a)) / 2,
        y - (box.width * math.sin(a) + box.height * math.cos(a)) / 2,
    )
