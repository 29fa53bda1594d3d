"""CVAT for images 1.1: one XML, boxes (also rotated), polygons, polylines, points, tags.

CVAT rotates as we do: in degrees, clockwise, about the centre. Confidence has no place there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.xml_file import Element, child, number_of, read_xml, shown, write_xml
from surelabel.plural import counted
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import color_of_class
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    LabelSet,
    Point,
    Polygons,
    Polylines,
    Shape,
    SingleClass,
)

FILE = "annotations.xml"
_TYPES = {
    "box": "BoundingBox",
    "polygon": "Polygon",
    "polyline": "Polyline",
    "points": "Keypoint",
    "tag": "ImageClassificationMultiLabel",
}


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what CVAT cannot carry."""
    lost: list[str] = []
    root = Element("annotations")
    child(root, "version", "1.1")
    labels = child(child(child(root, "meta"), "task"), "labels")
    for code, name in enumerate(data.classes.names):
        label = child(labels, "label")
        child(label, "name", name)
        child(label, "color", color_of_class(code, data.classes))
        child(label, "attributes")
    for number, (name, example) in enumerate(data.named()):
        size = example.size
        if size is None and not isinstance(example.label.value, SingleClass | LabelSet):
            lost.append(notes.no_size(name))
            continue
        measures = (
            {} if size is None else {"width": shown(size.width), "height": shown(size.height)}
        )
        image = child(root, "image", None, id=str(number), name=name, **measures)
        for tag, attributes in _marks(example.label.value):
            code = int(attributes.pop("label"))
            child(image, tag, None, label=data.classes.names[code], source="manual", **attributes)
    write_xml(root, folder / FILE)
    return lost + notes.of_confidences(data, "CVAT")


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in. Without a task type the first mark tells it."""
    file = path / FILE if path.is_dir() else path
    root = read_xml(file)
    images = root.findall("image")
    marks = [mark for image in images for mark in image]
    task_type = task_type or next((_TYPES[m.tag] for m in marks if m.tag in _TYPES), "BoundingBox")
    if task_type not in (*_TYPES.values(), "ImageClassification"):
        raise ExportError(f"--task-type: CVAT for images has no {task_type}.")
    tag = _TAGS[task_type]
    others = [mark for mark in marks if mark.tag in _TYPES and mark.tag != tag]
    if others and not any(mark.tag == tag for mark in marks):
        raise ExportError(
            f"{file}: <{others[0].tag}>: must be <{tag}> to be read as {task_type}; got "
            f"{len(others)} of other kinds. Pass --task-type {_TYPES[others[0].tag]}."
        )
    names = [each.text or "" for each in root.iterfind("meta//labels/label/name")]
    classes = Classes.of(dict.fromkeys([*names, *(mark.get("label", "") for mark in marks)]))
    examples: list[Example] = []
    for image in images:
        size = None
        if image.get("width"):
            numbers = (number_of(image.get(k), k, file) for k in ("width", "height"))
            size = ImageSize(*(int(each) for each in numbers))
        value = _value(image, task_type, classes, size, file)
        if value is not None:
            examples.append(Example(image.get("name", ""), Label(value), known_size=size))
    lost = (f"{counted(len(others), 'mark')}: left out, of another kind than <{tag}>.",)
    return LabeledData(
        task_type, classes, tuple(examples), len(images) - len(examples), lost if others else ()
    )


def _marks(value: Any) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, Boxes):
        for box in value.boxes:
            edges = {"xtl": box.left, "ytl": box.top, "xbr": box.left + box.width,
                     "ybr": box.top + box.height}  # fmt: skip
            if box.rotation:
                # CVAT counts from 0 to 360.
                edges["rotation"] = box.rotation % 360
            written = {key: shown(each) for key, each in edges.items()}
            yield "box", {"label": str(box.label), **written, **_COMMON}
    elif isinstance(value, Polygons | Polylines):
        tag = "polygon" if isinstance(value, Polygons) else "polyline"
        for shape in value.shapes:
            yield tag, {"label": str(shape.label), "points": _points(shape.vertices), **_COMMON}
    elif isinstance(value, Keypoints):
        for point in value.points:
            where = _points([(point.x, point.y)])
            yield "points", {"label": str(point.label), "points": where, **_COMMON}
    elif isinstance(value, SingleClass):
        yield "tag", {"label": str(value.label)}
    elif isinstance(value, LabelSet):
        yield from (("tag", {"label": str(code)}) for code in value.labels)


_COMMON = {"occluded": "0", "z_order": "0"}


def _value(
    image: Element, task_type: str, classes: Classes, size: ImageSize | None, file: Path
) -> Any:
    marks = [mark for mark in image if mark.tag == _TAGS[task_type]]
    codes = [classes.code(mark.get("label", "")) or 0 for mark in marks]
    if task_type == "ImageClassification":
        # An image without a tag has no label.
        return SingleClass(codes[0]) if codes else None
    if task_type == "ImageClassificationMultiLabel":
        return LabelSet(tuple(dict.fromkeys(codes)))
    if task_type == "BoundingBox":
        boxes = tuple(_box(mark, code, file) for mark, code in zip(marks, codes, strict=True))
        return Boxes(boxes, size)
    found = [_read_points(mark, file) for mark in marks]
    pairs = zip(codes, found, strict=True)
    if task_type == "Keypoint":
        points = (Keypoint(code, x, y) for code, listed in pairs for x, y in listed)
        return Keypoints(tuple(points), size)
    make = Polygons if task_type == "Polygon" else Polylines
    return make(tuple(Shape(code, tuple(listed)) for code, listed in pairs), size)


_TAGS = {name: tag for tag, name in _TYPES.items()} | {"ImageClassification": "tag"}


def _box(mark: Element, code: int, file: Path) -> Box:
    left, top, right, bottom = (
        number_of(mark.get(key), f"{key} of a box", file) for key in ("xtl", "ytl", "xbr", "ybr")
    )
    rotation = number_of(mark.get("rotation", "0"), "rotation of a box", file)
    turned = rotation - 360 if rotation > 180 else rotation
    return Box(code, left, top, right - left, bottom - top, turned)


def _points(vertices: Any) -> str:
    return ";".join(f"{shown(x)},{shown(y)}" for x, y in vertices)


def _read_points(mark: Element, file: Path) -> list[Point]:
    found: list[Point] = []
    for pair in mark.get("points", "").split(";"):
        x, _, y = pair.partition(",")
        what = f"points of a {mark.tag}"
        found.append((number_of(x, what, file), number_of(y, what, file)))
    return found
