"""COCO: detection, instances and key points in one ``annotations.json``.

``coco_url`` has the item's source, ``score`` the confidence; category ids are class codes plus 1.
Rotated boxes get the enclosing ``bbox``, and their corners as ``segmentation``. Masks are
uncompressed run lengths. COCO's key points belong to objects, ours to images: see `pose_objects`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from surelabel.consolidation.masks import rle
from surelabel.exports import notes
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.geometry import area, corners, enclosing, pose_objects
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError, plain
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import MAX_PIXELS
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    Instances,
    Keypoint,
    Keypoints,
    Polygons,
    Shape,
)

FILE = "annotations.json"


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what COCO cannot carry."""
    lost: list[str] = []
    if data.task_type == "Polygon":
        data, lost = data.without_thin_polygons()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, example) in enumerate(data.named(), start=1):
        size = example.size
        if size is None:
            lost.append(notes.no_size(name))
            continue
        images.append(
            {
                "id": number,
                "file_name": name,
                "width": size.width,
                "height": size.height,
                "coco_url": example.source,
            }
        )
        for part, found in enumerate(_annotations(example, data.classes)):
            score = data.confidence(example, part) if data.task_type != "Keypoint" else None
            more = {} if score is None else {"score": score}
            annotation = {"id": len(annotations) + 1, "image_id": number, **found, "iscrowd": 0}
            annotations.append(annotation | more)
    if data.task_type == "Keypoint":
        lost += notes.of_confidences(data, "a key point of COCO")
    lost += notes.of_rotated(data, "bbox is the upright box round it; segmentation has corners.")
    value = {
        "info": {"description": "Written by surelabel", "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": _categories(data),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return lost


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in. Without a task type the annotations tell it."""
    file = path / FILE if path.is_dir() else path
    try:
        value = Field(json.loads(file.read_text(encoding="utf-8-sig")), str(file))
        return _data(value, task_type)
    except FieldError as error:
        raise ExportError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{file}: is not JSON of COCO: {error}") from None


def _categories(data: LabeledData) -> list[dict[str, Any]]:
    if data.task_type == "Keypoint":
        names = list(data.classes.names)
        return [{"id": 1, "name": "object", "supercategory": "", "keypoints": names,
                 "skeleton": []}]  # fmt: skip
    return [
        {"id": code + 1, "name": name, "supercategory": ""}
        for code, name in enumerate(data.classes.names)
    ]


def _annotations(example: Example, classes: Classes) -> Iterator[dict[str, Any]]:
    value = example.label.value
    if isinstance(value, Boxes):
        for box in value.boxes:
            points = corners(box)
            outline = [[each for point in points for each in point]] if box.rotation else []
            where = (box.left, box.top, box.width, box.height)
            where = enclosing(points) if box.rotation else where
            yield _annotation(box.label, where, box.width * box.height, outline)
    elif isinstance(value, Polygons):
        for shape in value.shapes:
            outline = [[each for point in shape.vertices for each in point]]
            yield _annotation(shape.label, enclosing(shape.vertices), area(shape.vertices), outline)
    elif isinstance(value, Instances):
        yield from _of_masks(value)
    elif isinstance(value, Keypoints):
        yield from _of_points(value, len(classes))


def _of_masks(value: Instances) -> Iterator[dict[str, Any]]:
    if value.mask is None:
        raise ExportError(f"{value.ref}: the mask is not in memory.")
    for number, label in enumerate(value.labels):
        mask = value.mask == number
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        where = (0.0, 0.0, 0.0, 0.0)
        if len(rows):
            left, top = int(columns[0]), int(rows[0])
            where = (left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)
        runs = {"counts": rle.encode(mask), "size": list(mask.shape)}
        yield _annotation(label, where, int(mask.sum()), runs)


def _of_points(value: Keypoints, n_classes: int) -> Iterator[dict[str, Any]]:
    for found in pose_objects(value.points):
        listed: list[int | float] = []
        for code in range(n_classes):
            point_there = found.get(code)
            # Visibility 2: labeled and visible; 0: not labeled.
            listed += [plain(point_there.x), plain(point_there.y), 2] if point_there else [0, 0, 0]
        where = enclosing([(point.x, point.y) for point in found.values()])
        yield {
            **_annotation(0, where, where[2] * where[3], []),
            "keypoints": listed,
            "num_keypoints": len(found),
        }


def _annotation(
    label: int, box: tuple[float, float, float, float], size: float, outline: Any
) -> dict[str, Any]:
    return {
        "category_id": label + 1,
        "bbox": [plain(each) for each in box],
        "area": plain(size),
        "segmentation": outline,
    }


def _data(value: Field, task_type: str | None) -> LabeledData:
    categories = sorted(value["categories"].each(), key=lambda each: each["id"].whole())
    annotations = list(value["annotations"].each())
    task_type = task_type or _task_type(annotations)
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
    return LabeledData(task_type, Classes.of(names), tuple(examples))


def _task_type(annotations: list[Field]) -> str:
    for each in annotations:
        outline = each.get("segmentation")
        if "keypoints" in each:
            return "Keypoint"
        if outline is not None and isinstance(outline.value, dict):
            return "InstanceSegmentation"
        if outline is not None and outline.value:
            return "Polygon"
    return "BoundingBox"


def _outlines(annotation: Field) -> list[tuple[tuple[float, float], ...]]:
    """The parts of an object; where it has none, the corners of its box."""
    given = annotation.get("segmentation")
    parts = [_numbers(each) for each in given.each()] if given is not None else []
    if parts:
        return [tuple(zip(part[::2], part[1::2], strict=True)) for part in parts]
    left, top, width, height = _numbers(annotation["bbox"], 4)
    right, bottom = left + width, top + height
    return [((left, top), (right, top), (right, bottom), (left, bottom))]


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
    elif task_type == "Keypoint":
        points_found: list[Keypoint] = []
        for each in found:
            numbers = _numbers(each["keypoints"])
            for code in range(len(numbers) // 3):
                x, y, visible = numbers[3 * code : 3 * code + 3]
                points_found += [Keypoint(code, x, y)] if visible else []
        scores = []
        value = Keypoints(tuple(points_found), size)
    else:
        raise ExportError(f"--task-type: COCO has no {task_type}.")
    known = [each.number() for each in scores if each is not None]
    return Label(value, tuple(known) if len(known) == len(scores) else ())


def _instances(found: list[Field], codes: dict[int, int], size: ImageSize) -> Instances:
    if size.width * size.height > MAX_PIXELS:
        raise ExportError(f"an image may have {MAX_PIXELS} pixels; got {size}.")
    mask = np.full((size.height, size.width), -1, np.int32)
    for number, annotation in enumerate(found):
        outline = annotation["segmentation"]
        runs = outline["counts"]
        height, width = (int(part) for part in _numbers(outline["size"], 2))
        if (height, width) != mask.shape:
            raise outline["size"].wrong(f"the image's, {[size.height, size.width]}")
        try:
            packed = isinstance(runs.value, str)
            listed = rle.from_string(runs.value) if packed else [run.whole() for run in runs.each()]
            mask[rle.decode(listed, height, width)] = number
        except ValueError as error:
            raise FieldError("Malformed", f"{outline.path}: {error}") from None
    return Instances(tuple(_code(each, codes) for each in found), mask)


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
