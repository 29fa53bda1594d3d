"""Label Studio's JSON, read: of each task the first annotation that was not cancelled.

The tasks name a class only where something has it. The labeling interface of the project names them
all: it is taken from ``labeling_config.xml`` beside the tasks, where that is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from surelabel.exports.class_list import in_order
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.json_file import read_json
from surelabel.exports.label_studio import CONFIG, CONTROLS, FILE, Control
from surelabel.exports.xml_file import Element, read_xml
from surelabel.plural import counted
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
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


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in: of each task the first annotation that counts.

    Without a task type the first result tells it, together with the labeling interface beside the
    file, or that alone where nobody marked anything. Classes are those of the interface, in its
    order, behind them others, sorted.
    """
    file = path / FILE if path.is_dir() else path
    value = read_json(file, "Export the project as JSON.")
    try:
        tasks = list(value.each())
        return _data(tasks, task_type, file, file.with_name(CONFIG))
    except FieldError as error:
        raise ExportError(str(error)) from None


def _data(tasks: list[Field], task_type: str | None, file: Path, config: Path) -> LabeledData:
    found = [(task, results) for task in tasks if (results := _of(task)) is not None]
    if task_type is None:
        task_type = _task_type(found, file, _configured(config))
    read_value = _READERS.get(task_type)
    if read_value is None:
        raise ExportError(f"--task-type: Label Studio's JSON has no {task_type} here.")
    kinds = (CONTROLS[task_type].kind, *CONTROLS[task_type].also)
    marks = [(task, each) for task, results in found for each in results]
    others = [(task, each) for task, each in marks if each["type"].text() not in kinds]
    if others and len(others) == len(marks):
        raise _of_another_type(*others[0], task_type)
    classes = in_order(_listed(config, CONTROLS[task_type]), _named(found))
    examples = []
    for task, results in found:
        source, is_text = _source(task, task_type)
        # A task may have marks of several kinds; others than the one asked for are left.
        asked = [each for each in results if each["type"].text() in kinds]
        value = read_value(asked, classes)
        if value is not None:
            examples.append(Example(source, Label(value, _scores(asked, value)), is_text))
    notes = []
    if others:
        notes.append(
            f"{counted(len(others), 'result')}: left out, of another type than {kinds[0]}."
        )
    if more := sum(len(_counting(task)) > 1 for task in tasks):
        notes.append(
            f"{counted(more, 'task')} with several annotations: the first of each is taken. Write "
            "answers as JSON Lines for `surelabel consolidate` where all of them count."
        )
    return LabeledData(
        task_type, classes, tuple(examples), len(tasks) - len(examples), tuple(notes)
    )


def _named(found: list[tuple[Field, list[Field]]]) -> Iterator[str]:
    """Classes that results name, whatever their type."""
    kinds = {control.kind for control in CONTROLS.values() if control.choice}
    for _, results in found:
        for result in results:
            for key, value in result["value"].members():
                if key in kinds and isinstance(value.value, list):
                    yield from (each.text() for each in value.each())


def _listed(config: Path, control: Control) -> Iterator[str]:
    """Classes that the labeling interface offers for such a control, those of it that nest too."""
    if control.choice is None or not config.is_file():
        return
    for each in _of_tag(read_xml(config), control.tag):
        for choice in _of_tag(each, control.choice):
            # Results have the alias where there is one.
            if name := choice.get("alias") or choice.get("value"):
                yield name


def _of_tag(root: Element, tag: str) -> Iterator[Element]:
    """Elements below; Label Studio does not tell capital letters in tags."""
    return (each for each in root.iter() if str(each.tag).lower() == tag.lower())


def _scores(asked: list[Field], value: Any) -> tuple[float, ...]:
    """One for each part of the value, or none; a set of choices has one for all, which is none."""
    known = tuple(score.number() for each in asked if (score := each.get("score")) is not None)
    return known if len(known) == len(asked) and not isinstance(value, LabelSet) else ()


def _source(task: Field, task_type: str) -> tuple[str, bool]:
    """The text or the URI of the image, and whether it is a text; FieldError for the wrong one."""
    data = task["data"]
    needed = next((key for key, names in _NEEDS.items() if task_type in names), None)
    key = needed or ("text" if "text" in data else "image")
    if key not in data:
        raise data.wrong(
            f"an object with the key {key!r} to be read as {task_type}", "Pass another --task-type."
        )
    return data[key].text(), key == "text"


_TEXT = ("NamedEntityRecognition", "TextClassification", "TextClassificationMultiLabel")
_NEEDS = {"text": _TEXT, "image": tuple(set(CONTROLS) - {*_TEXT, "FreeText", "Rating"})}


def _of_another_type(task: Field, result: Field, task_type: str) -> FieldError:
    kind, named = result["type"], _task_types(task, result)
    step = f"Pass --task-type {' or '.join(named)}." if named else "Convert it by another program."
    return kind.wrong(f"{CONTROLS[task_type].kind!r} to be read as {task_type}", step)


def _of(task: Field) -> list[Field] | None:
    """The results of the first annotation that was not cancelled."""
    counting = _counting(task)
    return list(counting[0]["result"].each()) if counting else None


def _counting(task: Field) -> list[Field]:
    """The annotations that were not cancelled."""
    found = []
    for annotation in task["annotations"].each():
        cancelled = annotation.get("was_cancelled")
        if cancelled is None or not cancelled.value:
            found.append(annotation)
    return found


def _task_type(found: list[tuple[Field, list[Field]]], file: Path, configured: list[str]) -> str:
    """Of the first result whose type is known; ``configured``: those of the labeling interface."""
    for task, results in found:
        for result in results:
            if named := _task_types(task, result):
                return next((each for each in named if each in configured), named[0])
    if len(configured) == 1:
        return configured[0]
    raise ExportError(f"{file}: has no annotations of a known type. Pass --task-type.")


def _configured(config: Path) -> list[str]:
    """The task types that the labeling interface asks for."""
    if not config.is_file():
        return []
    root = read_xml(config)
    texts = any(True for _ in _of_tag(root, "Text"))
    other = _NEEDS["image" if texts else "text"]
    return [
        name
        for name, control in CONTROLS.items()
        if name not in other and any(_asks(each, control) for each in _of_tag(root, control.tag))
    ]


def _asks(element: Element, control: Control) -> bool:
    # Without the attribute one choice is taken.
    given = {"choice": "single", **element.attrib}
    return all(given.get(key) == value for key, value in control.options.items())


def _task_types(task: Field, result: Field) -> list[str]:
    """All that such a result of a text or of an image may be read as."""
    other = _NEEDS["image" if "text" in task["data"] else "text"]
    kind = result["type"].text()
    return [
        name
        for name, control in CONTROLS.items()
        if kind in (control.kind, *control.also) and name not in other
    ]


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
            numbers = [number.number() for number in pair.each()]
            if len(numbers) != 2:
                raise pair.wrong("an array of x and y")
            x, y = numbers
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
    if not results:
        return None
    return Rating(results[0]["value"][results[0]["type"].text()].number())


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
