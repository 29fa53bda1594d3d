"""Labeled data as a manifest of Ground Truth's; masks lie beside it as PNGs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from surelabel.exports.dataset import Example, LabeledData, stem_of
from surelabel.plural import counted
from surelabel.tasks.class_codes import codes_of
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.instance_segmentation.format import instances_png
from surelabel.tasks.label_format import Label, ground_truth_time
from surelabel.tasks.pixels import palette_of
from surelabel.tasks.semantic_segmentation.format import mask_png
from surelabel.tasks.values import Instances, SemanticMask

# Where a value has its parts, each of which has a confidence.
_PARTS = ("boxes", "shapes", "points", "spans", "labels")
# A label has one class, and there is no place for others.
_ONE_CLASS = ("ImageClassification", "TextClassification", "LabelVerification")
# These list all classes in every line.
_ALL_CLASSES = ("NamedEntityRecognition", "SemanticSegmentation")


def write_labeled_manifest(
    data: LabeledData, attribute: str, path: Path, *, created: datetime
) -> list[str]:
    """Write a line for each example; notes say what a manifest cannot carry.

    What an example does not say is as in a label by one person: ``created`` is its time, the job's
    name is the attribute's, and all confidences are 0. Classes that no example has are in the
    ``class-map`` of the first line.
    """
    form = LABEL_FORMATS[data.task_type]
    if form.needs_ref and not attribute.endswith("-ref"):
        attribute = f"{attribute}-ref"
    job, time = f"labeling-job/{attribute.removesuffix('-ref')}", ground_truth_time(created)
    unused = _unused(data)
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for number, (name, example) in enumerate(data.named()):
            label = _with_png(example.label, data.classes, path, name)
            if number == 0 and data.task_type not in _ALL_CLASSES:
                # In every line they would be most of the file where there are many classes.
                label = _naming(label, unused, data.classes)
            label = replace(
                label,
                confidences=label.confidences or (0.0,) * _n_parts(label.value, data.classes),
                job_name=label.job_name or job,
                creation_date=label.creation_date or time,
            )
            value, metadata = form.write_label(label, data.classes)
            file.write(encoder.encode(_line(example, attribute, value, metadata)) + b"\n")
    if unused and (data.task_type in _ONE_CLASS or not data.examples):
        names = ", ".join(data.classes.names[code] for code in unused)
        n = counted(len(unused), "class that no item has", "classes that no item has")
        return [f"{n}: left out, a manifest of {data.task_type} has no place for them: {names}."]
    return []


def _line(example: Example, attribute: str, value: Any, metadata: Any) -> dict[str, Any]:
    key = "source" if example.is_text else "source-ref"
    return {key: example.source, attribute: value, f"{attribute}-metadata": metadata}


def _unused(data: LabeledData) -> list[int]:
    used = {code for example in data.examples for code in codes_of(example.label.value)}
    used |= {code for example in data.examples for code in example.label.named}
    return [code for code in range(len(data.classes)) if code not in used]


def _naming(label: Label[Any], more: Iterable[int], classes: Classes) -> Label[Any]:
    """The label with further classes in its ``class-map``, all in the order of their codes."""
    codes = {*label.named, *more}
    if codes:
        codes |= set(codes_of(label.value))
    return replace(label, named=tuple(sorted(codes)))


def _n_parts(value: Any, classes: Classes) -> int:
    if isinstance(value, SemanticMask):
        return len(value.palette or palette_of(classes))
    found = [getattr(value, key) for key in _PARTS if hasattr(value, key)]
    return len(found[0]) if found else 1


def _with_png(label: Label[Any], classes: Classes, manifest: Path, name: str) -> Label[Any]:
    """The label with its mask in a PNG beside the manifest."""
    value = label.value
    if not isinstance(value, SemanticMask | Instances) or value.mask is None:
        return label
    semantic = isinstance(value, SemanticMask)
    png = mask_png(value.mask, classes) if semantic else instances_png(value.mask)
    file = manifest.parent.absolute() / f"{manifest.stem}-masks" / f"{stem_of(name)}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(png)
    # The palette is that of the PNG just written.
    given: dict[str, Any] = {"ref": file.as_uri()} | ({"palette": ()} if semantic else {})
    return replace(label, value=replace(value, **given))
