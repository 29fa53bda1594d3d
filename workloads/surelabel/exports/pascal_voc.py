"""Pascal VOC: one XML an image in ``Annotations/``.

VOC's pixels count from 1 and its boxes end with their last pixel, so a box at the upper left corner
begins at 1, and one that is 3 wide ends at 3. Confidence and rotation have no place there. VOC
names only classes that are there, so all of them lie beside it in ``labels.json``.
"""

from __future__ import annotations

from pathlib import Path

from surelabel.exports import notes
from surelabel.exports.class_list import read_classes, write_class_list
from surelabel.exports.dataset import Example, ExportError, LabeledData, stem_of
from surelabel.exports.geometry import corners, enclosing
from surelabel.exports.xml_file import (
    Element,
    child,
    number_of,
    read_xml,
    text_of,
    write_xml,
)
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Box, Boxes, ImageSize

FOLDER = "Annotations"


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the files; notes say what VOC cannot carry."""
    lost: list[str] = []
    for name, example in data.named():
        size = example.size
        if size is None:
            lost.append(notes.no_size(name))
            continue
        root = _document(name, example, size, data.classes)
        write_xml(root, folder / FOLDER / f"{stem_of(name)}.xml")
    write_class_list(data.classes, folder)
    lost += notes.of_rotated(data, "written as the upright box round it.")
    return lost + notes.of_confidences(data, "VOC")


def read(path: Path, task_type: str | None) -> LabeledData:
    """All XML files below the folder, sorted by name; the classes as `read_classes` has them."""
    if task_type not in (None, "BoundingBox"):
        raise ExportError(f"--task-type: Pascal VOC has no {task_type}.")
    files = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
    if not files:
        raise ExportError(f"{path}: has no XML files.")
    found = [(file, read_xml(file)) for file in files]
    names = {text_of(each, "name", file) for file, root in found for each in root.iter("object")}
    classes = read_classes(path, names)
    return LabeledData(
        "BoundingBox", classes, tuple(_example(file, root, classes) for file, root in found)
    )


def _document(name: str, example: Example, size: ImageSize, classes: Classes) -> Element:
    root = Element("annotation")
    child(root, "folder", name.rpartition("/")[0])
    child(root, "filename", name.rpartition("/")[2])
    child(root, "path", example.source)
    child(child(root, "source"), "database", "Unknown")
    measures = child(root, "size")
    for key in ("width", "height", "depth"):
        child(measures, key, getattr(size, key))
    child(root, "segmented", "0")
    for box in example.label.value.boxes:
        left, top, width, height = (box.left, box.top, box.width, box.height)
        if box.rotation:
            left, top, width, height = enclosing(corners(box))
        found = child(root, "object")
        child(found, "name", classes.names[box.label])
        child(found, "pose", "Unspecified")
        child(found, "truncated", "0")
        child(found, "difficult", "0")
        where = child(found, "bndbox")
        for key, value in (("xmin", left + 1), ("ymin", top + 1)):
            child(where, key, value)
        for key, value in (("xmax", left + width), ("ymax", top + height)):
            child(where, key, value)
    return root


def _example(file: Path, root: Element, classes: Classes) -> Example:
    measures = root.find("size")
    size = None
    if measures is not None:
        found = [number_of(text_of(measures, key, file), key, file) for key in ("width", "height")]
        depth = measures.findtext("depth") or "3"
        size = ImageSize(int(found[0]), int(found[1]), int(number_of(depth, "depth", file)))
    boxes = []
    for each in root.iter("object"):
        where = each.find("bndbox")
        if where is None:
            raise ExportError(f"{file}: <object> needs a <bndbox>. Add it.")
        left, top, right, bottom = (
            number_of(text_of(where, key, file), key, file)
            for key in ("xmin", "ymin", "xmax", "ymax")
        )
        code = classes.code(text_of(each, "name", file))
        boxes.append(Box(code or 0, left - 1, top - 1, right - left + 1, bottom - top + 1))
    path = root.find("path")
    source = path.text if path is not None and path.text else text_of(root, "filename", file)
    return Example(source, Label(Boxes(tuple(boxes), size)))
