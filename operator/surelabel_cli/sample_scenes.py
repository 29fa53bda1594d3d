"""Made-up pictures of coloured shapes, and where the shapes are; the box sample.

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

Box = tuple[int, int, int, int]


def write_scenes(folder: Path, count: int = COUNT) -> Iterator[tuple[str, dict[str, Any]]]:
    """``count`` pictures in ``folder``: the file's name, and what a careful person answers."""
    rng = random.Random(_SEED)  # noqa: S311 - the same pictures every time
    for number in range(count):
        file = f"{number:04d}.png"
        shapes = _placed(rng)
        _draw(folder / file, shapes, rng)
        boxes = [
            {"label": name, "left": left, "top": top, "width": width, "height": height}
            for name, (left, top, width, height) in shapes
        ]
        size = {"width": SIZE[0], "height": SIZE[1]}
        yield file, {"crowd-bounding-box": {"boundingBoxes": boxes, "inputImageProperties": size}}


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
    for name, (left, top, width, height) in shapes:
        # The last pixel belongs to the shape, so that a box of this width just holds it.
        right, bottom, colour = left + width - 1, top + height - 1, rng.choice(_COLOURS)
        if name == "circle":
            draw.ellipse((left, top, right, bottom), fill=colour)
        elif name == "square":
            draw.rectangle((left, top, right, bottom), fill=colour)
        else:
            draw.polygon([(left, bottom), (right, bottom), ((left + right) // 2, top)], fill=colour)
    image.save(path)
