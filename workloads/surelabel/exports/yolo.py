"""YOLO, as Ultralytics has it: box, oriented box, segmentation, pose.

``labels/NAME.txt`` has an object a line, coordinates as shares of the image's width and height;
``data.yaml`` names the classes. ``images.csv`` is ours: file, source, width and height of every
image, without which shares cannot be turned back into pixels where the images are not at hand.
Confidence has no place there. `yolo_reading` reads it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.dataset import LabeledData, stem_of
from surelabel.exports.geometry import corners, enclosing, pose_objects
from surelabel.tasks.values import Boxes, ImageSize, Keypoints, Point, Polygons

IMAGES = "images.csv"
COLUMNS = ("file", "source", "width", "height")
# How far outside of the image, as a share of it, Ultralytics bears (ultralytics/data/utils.py).
_BEYOND = 0.01
# A line: the class, and points in pixels or (pose) numbers as they are.
_Lines = Iterator[tuple[int, list[float]]]


def write(data: LabeledData, folder: Path, *, oriented: bool = False) -> list[str]:
    """Write the files; notes say what YOLO cannot carry. ``oriented``: boxes by their corners."""
    lost: list[str] = []
    if data.task_type == "Polygon":
        data, lost = data.without_thin_polygons()
    rows: list[tuple[str, str, int, int]] = []
    lines_of = _oriented_lines if oriented else _LINES[data.task_type]
    for name, example in data.named():
        size = example.size
        if size is None:
            lost.append(notes.no_size(name))
            continue
        rows.append((name, example.source, size.width, size.height))
        file = folder / "labels" / f"{stem_of(name)}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        found = list(lines_of(example.label.value, size, len(data.classes)))
        if any(_is_far_outside(numbers, data.task_type) for _, numbers in found):
            lost.append(
                f"{name}: a label is more than 1 % outside of the image, and Ultralytics leaves "
                "out images with such labels."
            )
        text = "".join(f"{code} {' '.join(map(_shown, numbers))}\n" for code, numbers in found)
        file.write_text(text)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / IMAGES).open("w", encoding="utf-8", newline="") as file_of_images:
        csv.writer(file_of_images).writerows([COLUMNS, *rows])
    (folder / "data.yaml").write_text(_data_yaml(data), encoding="utf-8")
    if not oriented:
        instead = "written as the upright box round it. --to yolo-obb keeps it."
        lost += notes.of_rotated(data, instead)
    return lost + notes.of_confidences(data, "YOLO")


def _box_lines(value: Boxes, size: ImageSize, _: int) -> _Lines:
    for box in value.boxes:
        where = (box.left, box.top, box.width, box.height)
        yield box.label, _centred(enclosing(corners(box)) if box.rotation else where, size)


def _oriented_lines(value: Boxes, size: ImageSize, _: int) -> _Lines:
    for box in value.boxes:
        yield box.label, _shares(corners(box), size)


def _polygon_lines(value: Polygons, size: ImageSize, _: int) -> _Lines:
    for shape in value.shapes:
        yield shape.label, _shares(shape.vertices, size)


def _pose_lines(value: Keypoints, size: ImageSize, n_classes: int) -> _Lines:
    for each in pose_objects(value.points):
        where = enclosing([(point.x, point.y) for point in each.values()])
        numbers = _centred(where, size)
        for code in range(n_classes):
            there = each.get(code)
            # Visibility 2: labeled and visible; 0: not labeled.
            shares = _shares([(there.x, there.y)], size) if there else [0.0, 0.0]
            numbers += [*shares, 2.0 if there else 0.0]
        yield 0, numbers


_LINES: dict[str, Callable[[Any, ImageSize, int], _Lines]] = {
    "BoundingBox": _box_lines,
    "Polygon": _polygon_lines,
    "Keypoint": _pose_lines,
}


def _is_far_outside(numbers: list[float], task_type: str) -> bool:
    """Whether Ultralytics finds a line out of bounds: middle, size or key points, not outlines."""
    checked = numbers
    if task_type == "Keypoint":
        # Without how visible each point is.
        checked = numbers[:4] + [n for place, n in enumerate(numbers[4:]) if place % 3 < 2]
    elif len(numbers) > 4:
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        checked = _centred(enclosing(points), ImageSize(1, 1))
    return min(checked) < -_BEYOND or max(checked) > 1 + _BEYOND


def _shares(points: Sequence[Point], size: ImageSize) -> list[float]:
    return [each for x, y in points for each in (x / size.width, y / size.height)]


def _centred(where: tuple[float, float, float, float], size: ImageSize) -> list[float]:
    left, top, width, height = where
    middle = _shares([(left + width / 2, top + height / 2)], size)
    return [*middle, width / size.width, height / size.height]


def _data_yaml(data: LabeledData) -> str:
    # JSON is YAML, and needs no thought about quotes.
    names = [json.dumps(name, ensure_ascii=False) for name in data.classes.names]
    # Without path the images lie beside this file; Ultralytics takes "path: ." for the folder that
    # it is started in. "./", since others find the labels by putting /labels for /images.
    head = "train: ./images\nval: ./images\n"
    if data.task_type == "Keypoint":
        listed = ", ".join(names)
        head += f"kpt_shape: [{len(names)}, 3]\nkpt_names: {{0: [{listed}]}}\n"
        names = ['"object"']
    return head + "names:\n" + "".join(f"  {code}: {name}\n" for code, name in enumerate(names))


def _shown(number: float) -> str:
    return f"{number:.9f}".rstrip("0").rstrip(".")
