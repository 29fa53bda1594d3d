"""Labels in other programs' formats: one module and one line of the registry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from surelabel.exports import (
    coco,
    coco_panoptic,
    coco_reading,
    cvat,
    hugging_face,
    hugging_face_reading,
    label_studio,
    label_studio_reading,
    pascal_voc,
    png_masks,
    spacy_docbin,
    tables,
    tables_reading,
    text_spans,
    yolo,
    yolo_reading,
)
from surelabel.exports.dataset import (
    Example,
    ExportError,
    LabeledData,
)
from surelabel.exports.manifest_lines import write_labeled_manifest
from surelabel.exports.manifest_reading import read_labeled_manifest
from surelabel.tasks.formats import LABEL_FORMATS


@dataclass(frozen=True)
class ExportFormat:
    """A format: the task types that it can carry, and whether it can be read back.

    ``write(data, folder)`` returns notes on what is lost; ``read(path, task_type)`` may be told
    None. ``pixels``: masks must be in memory.
    """

    name: str
    task_types: tuple[str, ...]
    write: Callable[[LabeledData, Path], list[str]]
    read: Callable[[Path, str | None], LabeledData] | None = None
    pixels: bool = False


_BOXES, _SPANS = ("BoundingBox",), ("NamedEntityRecognition",)
_CLASSES = ("ImageClassification", "ImageClassificationMultiLabel")
_MASKS = ("SemanticSegmentation", "InstanceSegmentation")

EXPORTS: dict[str, ExportFormat] = {
    each.name: each
    for each in (
        ExportFormat(
            "coco",
            ("BoundingBox", "Polygon", "Keypoint", "InstanceSegmentation"),
            coco.write,
            coco_reading.read,
            pixels=True,
        ),
        ExportFormat("coco-panoptic", _MASKS, coco_panoptic.write, coco_panoptic.read, pixels=True),
        ExportFormat("voc", _BOXES, pascal_voc.write, pascal_voc.read),
        ExportFormat("yolo", _BOXES, yolo.write, yolo_reading.read),
        ExportFormat("yolo-obb", _BOXES, partial(yolo.write, oriented=True), yolo_reading.read),
        ExportFormat("yolo-seg", ("Polygon",), yolo.write, yolo_reading.read),
        ExportFormat("yolo-pose", ("Keypoint",), yolo.write, yolo_reading.read),
        ExportFormat("conll", _SPANS, text_spans.write_conll),
        ExportFormat("spacy", _SPANS, text_spans.write_spacy, text_spans.read_spacy),
        ExportFormat("spacy-docbin", _SPANS, spacy_docbin.write, spacy_docbin.read),
        ExportFormat(
            "csv",
            tuple(t for t in LABEL_FORMATS if t not in _MASKS),
            tables.write,
            tables_reading.read,
        ),
        ExportFormat("png", _MASKS, png_masks.write, png_masks.read, pixels=True),
        ExportFormat(
            "huggingface",
            (
                *("BoundingBox", "Polygon", "Polyline", "Keypoint", "NamedEntityRecognition"),
                *(*_CLASSES, "TextClassification", "TextClassificationMultiLabel"),
                *("FreeText", "Rating", "PairwisePreference"),
            ),
            hugging_face.write,
            hugging_face_reading.read,
        ),
        ExportFormat(
            "label-studio",
            (
                *("BoundingBox", "Polygon", "Keypoint", "NamedEntityRecognition"),
                *(*_CLASSES, "TextClassification", "TextClassificationMultiLabel"),
                *("FreeText", "Rating"),
            ),
            label_studio.write,
            label_studio_reading.read,
        ),
        ExportFormat(
            "cvat",
            ("BoundingBox", "Polygon", "Polyline", "Keypoint", *_CLASSES),
            cvat.write,
            cvat.read,
        ),
    )
}

__all__ = [
    "EXPORTS",
    "Example",
    "ExportError",
    "ExportFormat",
    "LabeledData",
    "read_labeled_manifest",
    "write_labeled_manifest",
]
