"""COCO panoptic: ``panoptic.json`` and a PNG an image, in which each segment has a color.

A segment's id is red + 256 green + 65,536 blue; 0 is no segment. Instances are things, one segment
each; a semantic mask's classes are stuff, one segment a class. Confidence has no place there.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surelabel.exports import notes
from surelabel.exports.dataset import Example, ExportError, LabeledData, stem_of
from surelabel.exports.json_file import read_json
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import PixelError, decode_rgb
from surelabel.tasks.values import Instances, Mask, SemanticMask

FILE = "panoptic.json"
_FOLDER = "panoptic"


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the files; notes say what is lost."""
    things = data.task_type == "InstanceSegmentation"
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, example) in enumerate(data.named(), start=1):
        mask = example.label.value.mask
        if mask is None:
            raise ExportError(f"{name}: the mask is not in memory.")
        height, width = mask.shape
        png = f"{stem_of(name)}.png"
        images.append({"id": number, "file_name": name, "width": width, "height": height,
                       "coco_url": example.source})  # fmt: skip
        labels = example.label.value.labels if things else range(len(data.classes))
        segments = [
            _segment(mask == place, place, label)
            for place, label in enumerate(labels)
            # A class that is nowhere has no segment; an object stays, even if it is hidden.
            if things or (mask == place).any()
        ]
        annotations.append({"image_id": number, "file_name": png, "segments_info": segments})
        file = folder / _FOLDER / png
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_png(mask))
    categories = [
        {"id": code + 1, "name": name, "supercategory": "", "isthing": int(things)}
        for code, name in enumerate(data.classes.names)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    value = {"images": images, "annotations": annotations, "categories": categories}
    (folder / FILE).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return notes.of_confidences(data, "COCO panoptic")


def read(path: Path, task_type: str | None) -> LabeledData:
    """The folder, with its ``panoptic.json``. Without a task type ``isthing`` tells it."""
    file = path / FILE
    value = read_json(file, "Name a file of COCO's.")
    try:
        return _data(value, path, task_type)
    except (FieldError, ExportError) as error:
        raise ExportError(str(error)) from None
    except PixelError as error:
        raise ExportError(f"{path}: {error}") from None
    except ValueError as error:
        raise ExportError(f"{file}: {error}") from None


def _segment(there: NDArray[np.bool_], place: int, label: int) -> dict[str, Any]:
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    box = [0, 0, 0, 0]
    if len(rows):
        left, top = int(columns[0]), int(rows[0])
        box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
    return {"id": place + 1, "category_id": label + 1, "area": int(there.sum()), "bbox": box,
            "iscrowd": 0}  # fmt: skip


def _png(mask: Mask) -> bytes:
    ids = mask + 1
    channels = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(channels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _data(value: Field, path: Path, task_type: str | None) -> LabeledData:
    categories = sorted(value["categories"].each(), key=lambda each: each["id"].whole())
    codes = {each["id"].whole(): code for code, each in enumerate(categories)}
    things = [each.get("isthing") for each in categories]
    kinds = {flag is not None and flag.whole() == 1 for flag in things}
    if task_type is None:
        task_type = "InstanceSegmentation" if kinds == {True} else "SemanticSegmentation"
    if task_type not in ("InstanceSegmentation", "SemanticSegmentation"):
        raise ExportError(f"--task-type: COCO panoptic has no {task_type}.")
    images = {each["id"].whole(): each for each in value["images"].each()}
    examples: list[Example] = []
    for each in value["annotations"].each():
        image = images.get(each["image_id"].whole())
        if image is None:
            raise each["image_id"].wrong("the id of an image")
        ids = _ids(path / _FOLDER, each["file_name"])
        segments = list(each["segments_info"].each())
        mask = np.full(ids.shape, -1, np.int32)
        labels = tuple(_code(segment["category_id"], codes) for segment in segments)
        for place, segment in enumerate(segments):
            is_object = task_type == "InstanceSegmentation"
            mask[ids == segment["id"].whole(1)] = place if is_object else labels[place]
        label = Instances(labels, mask) if task_type[0] == "I" else SemanticMask(mask)
        url = image.get("coco_url")
        source = image["file_name"].text() if url is None else url.text()
        examples.append(Example(source, Label(label)))
    names = [each["name"].text() for each in categories]
    return LabeledData(task_type, Classes.of(names), tuple(examples))


def _ids(folder: Path, name: Field) -> Mask:
    text = name.text()
    if text.startswith("/") or ".." in text.split("/"):
        raise name.wrong("a name inside the folder")
    try:
        png = (folder / text).read_bytes()
    except OSError as error:
        raise name.wrong(f"a file in {folder} ({error.strerror})") from None
    return decode_rgb(png)


def _code(number: Field, codes: dict[int, int]) -> int:
    if number.whole() not in codes:
        raise number.wrong("the id of a category")
    return codes[number.whole()]
