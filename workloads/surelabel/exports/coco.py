"""COCO: detection, instances and key points in one ``annotations.json``.

``coco_url`` has the item's source, ``score`` the confidence; category ids are class codes plus 1.
Rotated boxes get the enclosing ``bbox``, and their corners as ``segmentation``. Masks are
uncompressed run lengths. COCO's key points belong to objects, ours to images: see `pose_objects`.
`coco_reading` reads it.
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
from surelabel.tasks.fields import plain
from surelabel.tasks.values import Boxes, Instances, Keypoints, Polygons

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
