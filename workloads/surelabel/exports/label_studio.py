"""Label Studio's JSON: a task an item, with one annotation; geometry in percent of the image.

Label Studio turns a rectangle about its upper left corner, we about its centre. Offsets of text are
code points. Masks (brush) are left to PNG.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.fields import Field, FieldError, plain
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    LabelSet,
    Polygons,
    Rating,
    Shape,
    SingleClass,
    Span,
    Spans,
    Text,
)

FILE = "tasks.json"
# Type of a result and key of its names -> our task type, for images and for texts.
_TYPES = {
    "rectanglelabels": ("BoundingBox", "BoundingBox"),
    "polygonlabels": ("Polygon", "Polygon"),
    "keypointlabels": ("Keypoint", "Keypoint"),
    "labels": ("NamedEntityRecognition", "NamedEntityRecognition"),
    "choices": ("ImageClassification", "TextClassification"),
    "textarea": ("FreeText", "FreeText"),
    "rating": ("Rating", "Rating"),
}


# All task types that a result may belong to.
_KINDS: dict[str, tuple[str, ...]] = _TYPES | {
    "choices": (
        *("ImageClassification", "TextClassification"),
        *("ImageClassificationMultiLabel", "TextClassificationMultiLabel"),
    )
}


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what was left out."""
    notes: list[str] = []
    tasks: list[dict[str, Any]] = []
    for number, (name, example) in enumerate(data.named(), start=1):
        place = "text" if example.is_text else "image"
        if example.size is None and data.task_type in ("BoundingBox", "Polygon", "Keypoint"):
            notes.append(f"{name}: left out: the size of the image is not known.")
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
    return notes


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in: of each task the first annotation that counts.

    Without a task type the first result tells it; classes are sorted.
    """
    file = path / FILE if path.is_dir() else path
    try:
        tasks = list(Field(json.loads(file.read_text(encoding="utf-8-sig")), str(file)).each())
        return _data(tasks, task_type)
    except FieldError as error:
        raise ExportError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{file}: is not JSON: {error}.") from None


def _measures(size: ImageSize | None, kind: str) -> dict[str, Any]:
    if size is None or kind in ("choices", "labels", "textarea", "rating"):
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
        yield "rating", {"rating": plain(value.value)}


def _corner(box: Box) -> tuple[float, float]:
    """Where the upper left corner of the upright box is after the rotation."""
    a = math.radians(box.rotation)
    x, y = box.left + box.width / 2, box.top + box.height / 2
    return (
        x - (box.width * math.cos(a) - box.height * math.sin(a)) / 2,
        y - (box.width * math.sin(a) + box.height * math.cos(a)) / 2,
    )


# -- reading


def _data(tasks: list[Field], task_type: str | None) -> LabeledData:
    found = [(task, results) for task in tasks if (results := _of(task)) is not None]
    if task_type is None:
        task_type = _task_type(found)
    read_value = _READERS.get(task_type)
    if read_value is None:
        raise ExportError(f"--task-type: Label Studio's JSON has no {task_type} here.")
    seen = SeenClasses()
    for _, results in found:
        for result in results:
            for key, value in result["value"].members():
                if key in _TYPES and isinstance(value.value, list):
                    seen.names.update(each.text() for each in value.each())
    classes = seen.settle()
    examples = []
    for task, results in found:
        is_text = "text" in task["data"]
        source = task["data"]["text" if is_text else "image"].text()
        # A task may have marks of several kinds; others than the one asked for are left.
        asked = [each for each in results if task_type in _KINDS.get(each["type"].text(), ())]
        value = read_value(asked, classes)
        if value is None:
            continue
        scores = [each.get("score") for each in asked]
        known = tuple(each.number() for each in scores if each is not None)
        confidences = known if len(known) == len(asked) else ()
        if isinstance(value, LabelSet):
            # One score for the whole set.
            confidences = ()
        examples.append(Example(source, Label(value, confidences), is_text))
    return LabeledData(task_type, classes, tuple(examples))


def _of(task: Field) -> list[Field] | None:
    """The results of the first annotation that was not cancelled."""
    for annotation in task["annotations"].each():
        cancelled = annotation.get("was_cancelled")
        if cancelled is None or not cancelled.value:
            return list(annotation["result"].each())
    return None


def _task_type(found: list[tuple[Field, list[Field]]]) -> str:
    for task, results in found:
        for result in results:
            kinds = _TYPES.get(result["type"].text())
            if kinds is not None:
                return kinds["text" in task["data"]]
    raise ExportError("the file has no annotations of a known type; pass --task-type.")


def _size(results: list[Field]) -> ImageSize:
    first = results[0]
    return ImageSize(first["original_width"].whole(1), first["original_height"].whole(1))


def _name(result: Field, classes: Classes) -> int:
    listed = list(result["value"][result["type"].text()].each())
    if len(listed) != 1:
        raise result["value"].wrong("of one label")
    return listed[0].class_of_name(classes)


def _boxes(results: list[Field], classes: Classes) -> Boxes:
    if not results:
        return Boxes(())
    size = _size(results)
    boxes = []
    for each in results:
        value = each["value"]
        x, width = (value[key].number() * size.width / 100 for key in ("x", "width"))
        y, height = (value[key].number() * size.height / 100 for key in ("y", "height"))
        turned = value.get("rotation")
        rotation = 0.0 if turned is None else turned.number()
        a = math.radians(rotation)
        # From the corner to the centre, and to the corner that the upright box would have.
        x += (width * math.cos(a) - height * math.sin(a) - width) / 2
        y += (width * math.sin(a) + height * math.cos(a) - height) / 2
        boxes.append(Box(_name(each, classes), x, y, width, height, rotation))
    return Boxes(tuple(boxes), size)


def _polygons(results: list[Field], classes: Classes) -> Polygons:
    if not results:
        return Polygons(())
    size = _size(results)
    shapes = []
    for each in results:
        points = []
        for pair in each["value"]["points"].each():
            x, y = (number.number() for number in pair.each())
            points.append((x * size.width / 100, y * size.height / 100))
        shapes.append(Shape(_name(each, classes), tuple(points)))
    return Polygons(tuple(shapes), size)


def _keypoints(results: list[Field], classes: Classes) -> Keypoints:
    if not results:
        return Keypoints(())
    size = _size(results)
    points = (
        Keypoint(
            _name(each, classes),
            each["value"]["x"].number() * size.width / 100,
            each["value"]["y"].number() * size.height / 100,
        )
        for each in results
    )
    return Keypoints(tuple(points), size)


def _spans(results: list[Field], classes: Classes) -> Spans:
    spans = []
    for each in results:
        start = each["value"]["start"].whole()
        spans.append(Span(_name(each, classes), start, each["value"]["end"].whole(start + 1)))
    return Spans(tuple(spans))


def _choices(results: list[Field], classes: Classes) -> LabelSet:
    codes = [n.class_of_name(classes) for each in results for n in each["value"]["choices"].each()]
    return LabelSet(tuple(dict.fromkeys(codes)))


def _choice(results: list[Field], classes: Classes) -> SingleClass | None:
    found = _choices(results, classes).labels
    return SingleClass(found[0]) if found else None


def _text(results: list[Field], _: Classes) -> Text | None:
    return (
        Text("\n".join(t.text() for t in results[0]["value"]["text"].each())) if results else None
    )


def _rating(results: list[Field], _: Classes) -> Rating | None:
    return Rating(results[0]["value"]["rating"].number()) if results else None


_READERS: dict[str, Callable[[list[Field], Classes], Any]] = {
    "BoundingBox": _boxes,
    "Polygon": _polygons,
    "Keypoint": _keypoints,
    "NamedEntityRecognition": _spans,
    "ImageClassification": _choice,
    "TextClassification": _choice,
    "ImageClassificationMultiLabel": _choices,
    "TextClassificationMultiLabel": _choices,
    "FreeText": _text,
    "Rating": _rating,
}
