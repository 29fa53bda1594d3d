"""Made-up pictures of coloured shapes, and where the shapes are: boxes, masks, and rough boxes.

The same pictures every time. Shapes do not lie on top of each other, and some pictures have none.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COUNT = 90
SIZE = (160, 120)
SHAPES = ("circle", "square", "triangle")
_SEED = 41
_MOST = 4
_COLOURS = ("#c0392b", "#2471a3", "#229954", "#d68910", "#7d3c98")
_TRIES = 20
# What a poor model does with a shape; the rest it finds.
_MISSED, _OFF, _MISNAMED = 0.15, 0.15, 0.1

Box = tuple[int, int, int, int]


def write_scenes(folder: Path, count: int = COUNT) -> Iterator[tuple[str, dict[str, Any]]]:
    """``count`` pictures in ``folder``: the file's name, and what a careful person answers."""
    for file, shapes in _scenes(folder, count):
        yield file, _boxes(shapes)


def write_outlines(folder: Path, count: int = COUNT) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same pictures, and the mask of every shape as a careful person draws it."""
    import numpy as np
    from PIL import Image, ImageDraw

    # Late: the formats bring NumPy, which only the first use of the sample is worth.
    from surelabel.tasks.classes import Classes
    from surelabel.tasks.instance_segmentation.format import InstanceSegmentationFormat
    from surelabel.tasks.values import Instances

    for file, shapes in _scenes(folder, count):
        mask = Image.new("L", SIZE, 0)
        for number, (name, box) in enumerate(shapes, start=1):
            _draw_shape(ImageDraw.Draw(mask), name, box, number)
        labels = tuple(SHAPES.index(name) for name, _ in shapes)
        value = Instances(labels, np.asarray(mask).astype(np.int32) - 1)
        yield file, InstanceSegmentationFormat().answer_content(value, Classes.of(SHAPES))


def write_rough_boxes(
    folder: Path, count: int = COUNT
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The same pictures, the label that a poor model gave each, and what a careful person corrects.

    Of the shapes some have no box, some a box that is off, some the name of another shape.
    """
    rng = random.Random(_SEED)  # noqa: S311 - the same mistakes every time
    for file, shapes in _scenes(folder, count):
        found = [rough for shape in shapes for rough in _rough(shape, rng)]
        answer = _boxes(shapes)
        answer["crowd-bounding-box"]["initialValueModified"] = found != shapes
        yield file, _label_of(found), answer


def _scenes(folder: Path, count: int) -> Iterator[tuple[str, list[tuple[str, Box]]]]:
    rng = random.Random(_SEED)  # noqa: S311 - the same pictures every time
    for number in range(count):
        file = f"{number:04d}.png"
        shapes = _placed(rng)
        _draw(folder / file, shapes, rng)
        yield file, shapes


def _boxes(shapes: list[tuple[str, Box]]) -> dict[str, Any]:
    boxes = [
        {"label": name, "left": left, "top": top, "width": width, "height": height}
        for name, (left, top, width, height) in shapes
    ]
    size = {"width": SIZE[0], "height": SIZE[1]}
    return {"crowd-bounding-box": {"boundingBoxes": boxes, "inputImageProperties": size}}


def _rough(shape: tuple[str, Box], rng: random.Random) -> list[tuple[str, Box]]:
    name, (left, top, width, height) = shape
    kind = rng.random()
    if kind < _MISSED:
        return []
    if kind < _MISSED + _OFF:
        return [(name, (left + width // 4, top + height // 4, width, height))]
    if kind < _MISSED + _OFF + _MISNAMED:
        return [(SHAPES[(SHAPES.index(name) + 1) % len(SHAPES)], (left, top, width, height))]
    return [shape]


def _label_of(shapes: list[tuple[str, Box]]) -> dict[str, Any]:
    """The boxes as a manifest has them, with their metadata."""
    boxes = [
        {"class_id": SHAPES.index(name), "left": left, "top": top, "width": width, "height": height}
        for name, (left, top, width, height) in shapes
    ]
    used = sorted({box["class_id"] for box in boxes})
    return {
        "rough": {
            "image_size": [{"width": SIZE[0], "height": SIZE[1], "depth": 3}],
            "annotations": boxes,
        },
        "rough-metadata": {
            "objects": [{"confidence": 0.5} for _ in boxes],
            "class-map": {str(code): SHAPES[code] for code in used},
            "type": "groundtruth/object-detection",
            "human-annotated": "no",
            "creation-date": "2026-01-02T03:04:05.000000",
            "job-name": "labeling-job/rough",
        },
    }


def _placed(rng: random.Random) -> list[tuple[str, Box]]:
    placed: list[tuple[str, Box]] = []
    for _ in range(rng.randint(0, _MOST)):
        for _ in range(_TRIES):
            width, height = rng.randint(16, 48), rng.randint(16, 48)
            left, top = rng.randint(0, SIZE[0] - width), rng.randint(0, SIZE[1] - height)
            box = (left, top, width, height)
            if not any(_touch(box, other) for _, other in placed):
                placed.append((rng.choice(SHAPES), box))
                break
    return placed


def _touch(one: Box, other: Box) -> bool:
    return (
        one[0] <= other[0] + other[2]
        and other[0] <= one[0] + one[2]
        and one[1] <= other[1] + other[3]
        and other[1] <= one[1] + one[3]
    )


def _draw(path: Path, shapes: list[tuple[str, Box]], rng: random.Random) -> None:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", SIZE, "#f4f1ea")
    draw = ImageDraw.Draw(image)
    for name, box in shapes:
        _draw_shape(draw, name, box, rng.choice(_COLOURS))
    image.save(path)


def _draw_shape(draw: Any, name: str, box: Box, colour: str | int) -> None:
    left, top, width, height = box
    # The last pixel belongs to the shape, so that a box of this width just holds it.
    right, bottom = left + width - 1, top + height - 1
    if name == "circle":
        draw.ellipse((left, top, right, bottom), fill=colour)
    elif name == "square":
        draw.rectangle((left, top, right, bottom), fill=colour)
    else:
        draw.polygon([(left, bottom), (right, bottom), ((left + right) // 2, top)], fill=colour)
