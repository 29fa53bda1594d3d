"""COCO's JSON, read: what `coco` writes, and what COCO's own files and other tools' have.

An object is an outline of one or several polygons, or a mask of run lengths, plain or compressed.
Regions of many objects (``iscrowd``) are no objects: they are left out, and told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks import rle
from surelabel.exports.coco import FILE
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.json_file import read_json
from surelabel.exports.polygon_masks import polygon_mask
from surelabel.plural import counted
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import MAX_PIXELS
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Instances,
    Keypoint,
    Keypoints,
    Point,
    Polygons,
    Shape,
)


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in.

    Without a task type the annotations tell it: key points, else masks where one is no outline,
    else polygons, else boxes.
    """
    file = path / FILE if path.is_dir() else path
    value = read_json(file, "Name a file of COCO's.")
    try:
        return _data(value, task_type)
    except (FieldError, ExportError) as error:
        raise ExportError(str(error)) from None
    except ValueError as error:
        raise ExportError(f"{file}: {error}") from None


def _data(value: Field, task_type: str | None) -> LabeledData:
    categories = sorted(value["categories"].each(), key=lambda each: each["id"].whole())
    everything = list(value["annotations"].each())
    annotations = [each for each in everything if not _is_crowd(each)]
    task_type = task_type or _task_type(annotations)
    if task_type not in _TYPES:
        raise ExportError(f"--task-type: COCO has no {task_type}.")
    by_image: dict[int, list[Field]] = {}
    for each in annotations:
        by_image.setdefault(each["image_id"].whole(), []).append(each)
    # COCO's own ids have gaps; codes are the order of the ids.
    codes = {each["id"].whole(): code for code, each in enumerate(categories)}
    names = [each["name"].text() for each in categories]
    if task_type == "Keypoint":
        listed = [each for each in categories if "keypoints" in each]
        names = [name.text() for each in listed for name in each["keypoints"].each()]
    images = {image["id"].whole() for image in value["images"].each()}
    for each in annotations:
        if each["image_id"].whole() not in images:
            raise each["image_id"].wrong("the id of an image", "Add the image, or leave it out.")
    examples: list[Example] = []
    for image in value["images"].each():
        size = ImageSize(image["width"].whole(1), image["height"].whole(1))
        url = image.get("coco_url")
        found = by_image.get(image["id"].whole(), [])
        label = _label(found, task_type, codes, size)
        source = url.text() if url is not None and url.value else image["file_name"].text()
        examples.append(Example(source, label, known_size=size))
    notes = tuple(_notes(annotations, len(everything) - len(annotations), task_type))
    return LabeledData(task_type, Classes.of(names), tuple(examples), notes=notes)


_TYPES = ("BoundingBox", "Polygon", "InstanceSegmentation", "Keypoint")


def _is_crowd(annotation: Field) -> bool:
    crowd = annotation.get("iscrowd")
    return crowd is not None and crowd.value not in (0, False)


def _task_type(annotations: list[Field]) -> str:
    if any("keypoints" in each for each in annotations):
        return "Keypoint"
    outlines = [each.get("segmentation") for each in annotations]
    if any(outline is not None and isinstance(outline.value, dict) for outline in outlines):
        return "InstanceSegmentation"
    is_drawn = any(outline is not None and outline.value for outline in outlines)
    return "Polygon" if is_drawn else "BoundingBox"


def _notes(annotations: list[Field], n_crowds: int, task_type: str) -> Iterator[str]:
    if n_crowds:
        yield (
            f"{counted(n_crowds, 'crowd region')} (iscrowd): left out, each stands for many "
            "objects. Label them one by one where they count."
        )
    if task_type not in ("Polygon", "InstanceSegmentation"):
        return
    given = [each.get("segmentation") for each in annotations]
    bare = sum(outline is None or not outline.value for outline in given)
    if bare:
        yield f"{counted(bare, 'object')} without an outline: its box stands for it."
    parted = sum(o is not None and isinstance(o.value, list) and len(o.value) > 1 for o in given)
    if parted and task_type == "Polygon":
        yield (
            f"{counted(parted, 'object')} of several parts: each part is a polygon of its own. "
            "--task-type InstanceSegmentation keeps them together."
        )


def _outlines(annotation: Field) -> list[tuple[Point, ...]]:
    """The parts of an object; where it has none, the corners of its box."""
    given = annotation.get("segmentation")
    if given is not None and isinstance(given.value, dict):
        raise given.wrong("polygons", "Pass --task-type InstanceSegmentation, which has masks.")
    parts = list(given.each()) if given is not None else []
    if parts:
        return [_points(part) for part in parts]
    left, top, width, height = _numbers(annotation["bbox"], 4)
    right, bottom = left + width, top + height
    return [((left, top), (right, top), (right, bottom), (left, bottom))]


def _points(part: Field) -> tuple[Point, ...]:
    numbers = _numbers(part)
    if len(numbers) % 2 or len(numbers) < 6:
        raise part.wrong("x and y of at least three points", "Correct it, or leave it out.")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _label(
    found: list[Field], task_type: str, codes: dict[int, int], size: ImageSize
) -> Label[Any]:
    scores = [each.get("score") for each in found]
    value: Any
    if task_type == "BoundingBox":
        boxes = []
        for each in found:
            left, top, width, height = _numbers(each["bbox"], 4)
            boxes.append(Box(_code(each, codes), left, top, width, height))
        value = Boxes(tuple(boxes), size)
    elif task_type == "Polygon":
        shapes: list[Shape] = []
        for each in found:
            shapes += [Shape(_code(each, codes), points) for points in _outlines(each)]
        # A polygon of several parts has one score for all of them.
        scores = scores if len(shapes) == len(found) else []
        value = Polygons(tuple(shapes), size)
    elif task_type == "InstanceSegmentation":
        value = _instances(found, codes, size)
    else:
        points_found: list[Keypoint] = []
        for each in found:
            numbers = _numbers(each["keypoints"])
            for code in range(len(numbers) // 3):
                x, y, visible = numbers[3 * code : 3 * code + 3]
                points_found += [Keypoint(code, x, y)] if visible else []
        scores = []
        value = Keypoints(tuple(points_found), size)
    known = [each.number() for each in scores if each is not None]
    return Label(value, tuple(known) if len(known) == len(scores) else ())


def _instances(found: list[Field], codes: dict[int, int], size: ImageSize) -> Instances:
    """Where objects overlap, the smaller one is in front: else it might have no pixel left."""
    if size.width * size.height > MAX_PIXELS:
        raise ExportError(f"an image may have {MAX_PIXELS} pixels; got {size}.")
    mask = np.full((size.height, size.width), -1, np.int32)
    areas = np.zeros(len(found), np.int64)
    for number, annotation in enumerate(found):
        rows, columns = np.nonzero(_mask(annotation, size))
        areas[number] = len(rows)
        before = mask[rows, columns]
        is_front = (before < 0) | (areas[before] >= len(rows))
        mask[rows[is_front], columns[is_front]] = number
    return Instances(tuple(_code(each, codes) for each in found), mask)


def _mask(annotation: Field, size: ImageSize) -> NDArray[np.bool_]:
    """(height, width): the pixels of an object."""
    outline = annotation.get("segmentation")
    try:
        if outline is None or not isinstance(outline.value, dict):
            parts = _outlines(annotation)
            masks = [polygon_mask(part, size.height, size.width) for part in parts]
            return np.asarray(np.logical_or.reduce(masks))
        height, width = (int(part) for part in _numbers(outline["size"], 2))
        if (height, width) != (size.height, size.width):
            raise outline["size"].wrong(f"the image's, {[size.height, size.width]}")
        runs = outline["counts"]
        packed = isinstance(runs.value, str)
        listed = rle.from_string(runs.value) if packed else [run.whole() for run in runs.each()]
        return rle.decode(listed, height, width)
    except FieldError:
        raise
    except ValueError as error:
        path = f"{annotation.path}.segmentation"
        raise FieldError("Malformed", f"{path}: {error}") from None


def _code(each: Field, codes: dict[int, int]) -> int:
    found = each["category_id"].whole()
    if found not in codes:
        raise each["category_id"].wrong("the id of a category")
    return codes[found]


def _numbers(found: Field, n: int | None = None) -> list[float]:
    numbers = [each.number() for each in found.each()]
    if n is not None and len(numbers) != n:
        raise found.wrong(f"an array of {n} numbers")
    return numbers
