"""YOLO's folders, read: those that `yolo` writes, and those of Ultralytics, Roboflow and others.

`yolo_folder` finds the images and their files of labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.geometry import box_of_corners
from surelabel.exports.yolo_folder import find_items
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

_YAML = "data.yaml"
# Names of the classes, one a line, where there is no YAML: labelImg and Label Studio write it.
_NAMES = "classes.txt"


def read(path: Path, task_type: str | None) -> LabeledData:
    """The folder, or the YAML in it that names the classes; what is found there: `find_items`.

    Without a task type ``data.yaml`` (poses) or the lines tell it.
    """
    folder = path if path.is_dir() else path.parent
    described = _described(folder, path)
    items, notes = find_items(folder, described.value)
    task_type = task_type or ("Keypoint" if described.point_size else None)
    found = [list(_read_lines(i.labels, described.n_objects)) if i.labels else [] for i in items]
    task_type = task_type or _task_type(found)
    if task_type not in _VALUES:
        raise ExportError(f"--task-type: YOLO has no {task_type}.")
    if task_type == "Keypoint" and not described.point_size:
        raise ExportError(
            f"{described.file}: kpt_shape: must be there for poses, such as [17, 3]. Write it, or "
            "pass another --task-type."
        )
    examples = []
    for item, lines in zip(items, found, strict=True):
        for code, numbers in lines:
            if not _FITS[task_type](len(numbers), described):
                raise ExportError(
                    f"{item.labels}: a line of {task_type} cannot have {len(numbers)} numbers "
                    f"behind its class ({code}). Pass another --task-type."
                )
        value = _VALUES[task_type](lines, item.size, described)
        examples.append(Example(item.source, Label(value)))
    if task_type == "Keypoint" and described.n_objects > 1:
        notes = (*notes, "classes of objects: left out, key points have their own.")
    return LabeledData(task_type, described.classes, tuple(examples), notes=notes)


# -- data.yaml


@dataclass(frozen=True)
class _Described:
    """What the YAML says: the classes (of a pose its points), and how many objects have.

    ``point_size``: numbers of each point of a pose, 2 or 3; 0 for what is no pose. ``value``: all
    of it, as it stands there.
    """

    file: Path
    classes: Classes
    n_objects: int
    point_size: int
    value: Mapping[str, Any]


def _described(folder: Path, path: Path) -> _Described:
    file = path if path.is_file() else _yaml_in(folder)
    if file.suffix == ".txt":
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
        classes = Classes.of(dict.fromkeys(filter(None, lines)))
        return _Described(file, classes, len(classes), 0, {})
    import yaml

    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except yaml.YAMLError as error:
        raise ExportError(f"{file}: is not YAML: {error}.") from None
    if not isinstance(value, dict):
        raise ExportError(f"{file}: must be an object with names, the classes; got {value!r:.60}.")
    names = _listed(value.get("names"))
    n_points, point_size = _kpt_shape(value.get("kpt_shape"), file)
    if value.get("kpt_names") is not None and not point_size:
        raise ExportError(f"{file}: kpt_shape: must be there beside kpt_names. Write it.")
    if not point_size and names is None:
        raise ExportError(
            f"{file}: names: must be a list, or numbers from 0 with names; got "
            f"{value.get('names')!r:.60}."
        )
    if not point_size:
        return _Described(file, _unique(names or [], file), len(names or []), 0, value)
    points = _listed(_first(value.get("kpt_names")))
    if points is None:
        points = [f"point {number}" for number in range(1, n_points + 1)]
    if len(points) != n_points:
        raise ExportError(
            f"{file}: kpt_names: must name the {n_points} points of kpt_shape; got {len(points)}."
        )
    return _Described(file, _unique(points, file), len(names or [""]), point_size, value)


def _yaml_in(folder: Path) -> Path:
    """``data.yaml``, the only other YAML, or the list of classes."""
    others = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    for file in (folder / _YAML, *(others if len(others) == 1 else []), folder / _NAMES):
        if file.is_file():
            return file
    raise ExportError(
        f"{folder / _YAML}: there is no such file; it names the classes. Write it "
        '("names: [cat, dog]"), or pass the YAML that there is.'
    )


def _listed(value: Any) -> list[str] | None:
    """Names in a list, or by numbers from 0; None for anything else."""
    if isinstance(value, dict) and sorted(map(str, value)) == sorted(map(str, range(len(value)))):
        by_number = {int(number): name for number, name in value.items()}
        value = [by_number[number] for number in range(len(value))]
    return [str(name) for name in value] if isinstance(value, list) else None


def _first(value: Any) -> Any:
    """Of the points of each class of objects those of the first."""
    return next(iter(value.values()), None) if isinstance(value, dict) else value


def _unique(names: list[str], file: Path) -> Classes:
    try:
        return Classes.of(names)
    except ValueError as error:
        raise ExportError(f"{file}: {error}") from None


def _kpt_shape(value: Any, file: Path) -> tuple[int, int]:
    if value is None:
        return 0, 0
    fits = isinstance(value, list) and len(value) == 2 and all(type(n) is int for n in value)
    if not fits or value[0] < 1 or value[1] not in (2, 3):
        raise ExportError(
            f"{file}: kpt_shape: must be the number of points and 2 or 3, such as [17, 3]; got "
            f"{value!r:.60}."
        )
    return value[0], value[1]


# -- values

_Lines = list[tuple[int, list[float]]]


def _boxes(found: _Lines, size: ImageSize, _: _Described) -> Boxes:
    boxes = []
    for code, numbers in found:
        if len(numbers) == 8:
            boxes.append(box_of_corners(_points(numbers, size), code))
            continue
        x, y, width, height = (n * m for n, m in zip(numbers, (size.width, size.height) * 2,
                                                     strict=True))  # fmt: skip
        boxes.append(Box(code, x - width / 2, y - height / 2, width, height))
    return Boxes(tuple(boxes), size)


def _polygons(found: _Lines, size: ImageSize, _: _Described) -> Polygons:
    shapes = (Shape(code, tuple(_points(numbers, size))) for code, numbers in found)
    return Polygons(tuple(shapes), size)


def _keypoints(found: _Lines, size: ImageSize, described: _Described) -> Keypoints:
    points: list[Keypoint] = []
    n = described.point_size
    for _, numbers in found:
        for code in range(len(described.classes)):
            x, y, *visible = numbers[4 + n * code : 4 + n * (code + 1)]
            # Without visibility (0, 0) is a point that is not there, as Ultralytics has it.
            is_there = visible[0] > 0 if visible else (x, y) != (0, 0)
            points += [Keypoint(code, x * size.width, y * size.height)] if is_there else []
    return Keypoints(tuple(points), size)


_VALUES: dict[str, Callable[[_Lines, ImageSize, _Described], Any]] = {
    "BoundingBox": _boxes,
    "Polygon": _polygons,
    "Keypoint": _keypoints,
}


# How many numbers a line may have behind the class.
_FITS: dict[str, Callable[[int, _Described], bool]] = {
    "BoundingBox": lambda n, _: n in (4, 8),
    "Polygon": lambda n, _: n >= 6 and n % 2 == 0,
    "Keypoint": lambda n, pose: n == 4 + pose.point_size * len(pose.classes),
}


def _points(numbers: list[float], size: ImageSize) -> list[Point]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [(x * size.width, y * size.height) for x, y in pairs]


def _task_type(lines: list[_Lines]) -> str:
    """Four numbers are boxes, eight in every line oriented ones, other counts polygons."""
    counts = {len(numbers) for found in lines for _, numbers in found}
    return "BoundingBox" if counts <= {4} or counts == {8} else "Polygon"


def _read_lines(path: Path, n_classes: int) -> Iterator[tuple[int, list[float]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
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
