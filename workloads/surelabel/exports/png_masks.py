"""Masks as indexed PNGs in ``masks/``, with ``classes.csv`` or ``instances.csv`` beside them.

Semantic masks: 0 is the background, class code plus 1 a class. Instances: 0 is none, 1 the first.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.dataset import Example, ExportError, LabeledData, stem_of
from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import instances_png, read_instances
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import PixelError, palette_of
from surelabel.tasks.semantic_segmentation.format import mask_png, read_mask
from surelabel.tasks.values import Instances, SemanticMask

_CLASSES = ("pixel", "name", "color")
_IMAGES = ("mask", "source")
_INSTANCES = ("mask", "pixel", "label")


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write masks and tables; notes say what is lost."""
    semantic = data.task_type == "SemanticSegmentation"
    images: list[tuple[str, str]] = []
    objects: list[tuple[str, int, str]] = []
    for name, example in data.named():
        value = example.label.value
        if value.mask is None:
            raise ExportError(f"{name}: the mask is not in memory.")
        file = folder / "masks" / f"{stem_of(name)}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        png = mask_png(value.mask, data.classes) if semantic else instances_png(value.mask)
        file.write_bytes(png)
        images.append((f"masks/{stem_of(name)}.png", example.source))
        for number, code in enumerate(() if semantic else value.labels):
            objects.append((images[-1][0], number + 1, data.classes.names[code]))
    _write(folder / "images.csv", _IMAGES, images)
    _write(
        folder / "classes.csv",
        _CLASSES,
        (
            (each.pixel, "" if each.label < 0 else data.classes.names[each.label], each.color)
            for each in palette_of(data.classes)
        ),
    )
    if not semantic:
        _write(folder / "instances.csv", _INSTANCES, objects)
    return notes.of_confidences(data, "PNG")


def read(path: Path, task_type: str | None) -> LabeledData:
    """The folder; instances if it has ``instances.csv``."""
    rows = _read(path / "classes.csv", _CLASSES)
    classes = Classes(
        tuple(row["name"] for row in rows if row["name"]),
        {},
        {row["name"]: row["color"] for row in rows if row["name"]},
    )
    semantic = not (path / "instances.csv").exists()
    wanted = "SemanticSegmentation" if semantic else "InstanceSegmentation"
    if task_type not in (None, wanted):
        raise ExportError(f"--task-type: {path} has masks of {wanted}, not {task_type}.")
    labels: dict[str, list[int]] = {}
    for row in [] if semantic else _read(path / "instances.csv", _INSTANCES):
        code = classes.code(row["label"])
        if code is None:
            raise ExportError(f"{path}/instances.csv: {row['label']!r} is not in classes.csv.")
        labels.setdefault(row["mask"], []).append(code)
    examples = []
    for row in _read(path / "images.csv", _IMAGES):
        try:
            png = (path / row["mask"]).read_bytes()
            value: Any = (
                read_mask(SemanticMask(), png, classes)
                if semantic
                else read_instances(Instances(tuple(labels.get(row["mask"], []))), png)
            )
        except (PixelError, OSError) as error:
            raise ExportError(f"{path}/{row['mask']}: {error}") from None
        examples.append(Example(row["source"], Label(value)))
    return LabeledData(wanted, classes, tuple(examples))


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _read(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.exists():
        raise ExportError(f"{path}: there is no such file.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if any(row.get(column) is None for column in columns):
            raise ExportError(f"{path}: needs the columns {','.join(columns)}; got {row}.")
    return rows
