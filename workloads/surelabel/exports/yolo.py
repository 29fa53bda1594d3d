"""YOLO, as Ultralytics has it: box, oriented box, segmentation, pose.

``labels/NAME.txt`` has an object a line, coordinates as shares of the image's width and height;
``data.yaml`` names the classes. ``images.csv`` is ours: file, source, width and height of every
image, without which shares cannot be turned back into pixels. Confidence has no place there.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.dataset import Example, ExportError, LabeledData, stem_of
from surelabel.exports.geometry import box_of_corners, corners, enclosing, pose_objects
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    Point,
    Polygons,
    Shape,
)

_IMAGES = ("file", "source", "width", "height")
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
    with (folder / "images.csv").open("w", encoding="utf-8", newline="") as file_of_images:
        csv.writer(file_of_images).writerows([_IMAGES, *rows])
    (folder / "data.yaml").write_text(_data_yaml(data), encoding="utf-8")
    if not oriented:
        instead = "written as the upright box round it. --to yolo-obb keeps it."
        lost += notes.of_rotated(data, instead)
    return lost + notes.of_confidences(data, "YOLO")


def read(path: Path, task_type: str | None) -> LabeledData:
    """The folder; it must have ``data.yaml`` and ``images.csv``."""
    classes, pose = _read_names(path / "data.yaml")
    task_type = task_type or ("Keypoint" if pose else None)
    rows = list(_read_images(path / "images.csv"))
    files = [path / "labels" / f"{stem_of(name)}.txt" for name, *_ in rows]
    # A pose has one class of objects, whose points have names.
    n_classes = 1 if pose else len(classes)
    lines = [list(_read_lines(file, n_classes)) for file in files]
    task_type = task_type or _task_type(lines)
    if task_type not in _VALUES:
        raise ExportError(f"--task-type: YOLO has no {task_type}.")
    for file, found in zip(files, lines, strict=True):
        for code, numbers in found:
            if not _FITS[task_type](len(numbers), len(classes)):
                raise ExportError(
                    f"{file}: a line of {task_type} cannot have {len(numbers)} numbers behind its "
                    f"class ({code}). Pass another --task-type."
                )
    examples = []
    for (_, source, size), found in zip(rows, lines, strict=True):
        examples.append(Example(source, Label(_VALUES[task_type](found, size))))
    return LabeledData(task_type, classes, tuple(examples))


# -- writing


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


# -- reading


def _boxes(found: list[tuple[int, list[float]]], size: ImageSize) -> Boxes:
    boxes = []
    for code, numbers in found:
        if len(numbers) == 8:
            boxes.append(box_of_corners(_points(numbers, size), code))
            continue
        x, y, width, height = (n * m for n, m in zip(numbers, (size.width, size.height) * 2,
                                                     strict=True))  # fmt: skip
        boxes.append(Box(code, x - width / 2, y - height / 2, width, height))
    return Boxes(tuple(boxes), size)


def _polygons(found: list[tuple[int, list[float]]], size: ImageSize) -> Polygons:
    shapes = (Shape(code, tuple(_points(numbers, size))) for code, numbers in found)
    return Polygons(tuple(shapes), size)


def _keypoints(found: list[tuple[int, list[float]]], size: ImageSize) -> Keypoints:
    points: list[Keypoint] = []
    for _, numbers in found:
        for code in range((len(numbers) - 4) // 3):
            x, y, visible = numbers[4 + 3 * code : 7 + 3 * code]
            points += [Keypoint(code, x * size.width, y * size.height)] if visible else []
    return Keypoints(tuple(points), size)


_VALUES: dict[str, Callable[[list[tuple[int, list[float]]], ImageSize], Any]] = {
    "BoundingBox": _boxes,
    "Polygon": _polygons,
    "Keypoint": _keypoints,
}


# How many numbers a line may have behind the class.
_FITS: dict[str, Callable[[int, int], bool]] = {
    "BoundingBox": lambda n, _: n in (4, 8),
    "Polygon": lambda n, _: n >= 6 and n % 2 == 0,
    "Keypoint": lambda n, n_classes: n == 4 + 3 * n_classes,
}


def _points(numbers: list[float], size: ImageSize) -> list[Point]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [(x * size.width, y * size.height) for x, y in pairs]


def _task_type(lines: list[list[tuple[int, list[float]]]]) -> str:
    """Four numbers are boxes, eight in every line oriented ones, other counts polygons."""
    counts = {len(numbers) for found in lines for _, numbers in found}
    return "BoundingBox" if counts <= {4} or counts == {8} else "Polygon"


def _read_names(path: Path) -> tuple[Classes, bool]:
    import yaml

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path}: there is no such file; it names the classes.") from None
    except yaml.YAMLError as error:
        raise ExportError(f"{path}: is not YAML: {error}.") from None
    names = value.get("names") if isinstance(value, dict) else None
    points = value.get("kpt_names") if isinstance(value, dict) else None
    if isinstance(points, dict):
        return Classes.of(map(str, next(iter(points.values())))), True
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[code] for code in range(len(names))]
    if not isinstance(names, list):
        raise ExportError(f"{path}: names: must be a list, or numbers from 0 with names.")
    return Classes.of(map(str, names)), False


def _read_images(path: Path) -> Iterator[tuple[str, str, ImageSize]]:
    if not path.exists():
        raise ExportError(f"{path}: there is no such file; write file,source,width,height there.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                size = ImageSize(int(row["width"]), int(row["height"]))
                yield row["file"], row.get("source") or row["file"], size
            except (KeyError, TypeError, ValueError):
                raise ExportError(f"{path}: needs file,source,width,height; got {row}.") from None


def _read_lines(path: Path, n_classes: int) -> Iterator[tuple[int, list[float]]]:
    # An image without objects may have no file.
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        code, *rest = line.split()
        if not re.fullmatch("[0-9]{1,6}", code) or int(code) >= n_classes:
            raise ExportError(
                f"{path}:{number}: must begin with a class number, 0 .. {n_classes - 1}; got "
                f"{code[:40]!r}."
            )
        try:
            numbers = [float(each) for each in rest]
        except ValueError:
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)):
            raise ExportError(f"{path}:{number}: must be finite numbers; got {line[:80]!r}.")
        yield int(code), numbers
