"""Labeled data read from a manifest of Ground Truth's: which label, of which task type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from surelabel.answer_files.given import SetAside
from surelabel.answer_files.job_manifest import ManifestLine, find_attribute, read_manifest_lines
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.plural import counted
from surelabel.tasks.base import LabelError
from surelabel.tasks.class_codes import codes_of_label, recoded_label, without
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.instance_segmentation.format import read_instances
from surelabel.tasks.label_format import CUSTOM_TYPE, Label, LabelFormat
from surelabel.tasks.pixels import PixelError
from surelabel.tasks.semantic_segmentation.format import read_mask
from surelabel.tasks.values import SemanticMask
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage, StorageError

# Renumbered classes that a note names.
_MOVED = 10


def read_labeled_manifest(
    path: Path,
    *,
    task_type: str | None = None,
    attribute: str | None = None,
    classes: Classes | None = None,
    storage: Storage | None = None,
    pixels: bool = False,
) -> tuple[LabeledData, list[SetAside]]:
    """The labeled lines of a manifest, and what could not be read.

    Lines without a label, failed ones among them, are counted and left out. ``pixels``: masks are
    read from their PNGs. ExportError if there is no label at all. Class numbers without a name that
    no label uses are left out where ``classes`` are not given; a note tells the new numbers.
    """
    lines, broken = read_manifest_lines(path.read_bytes(), str(path))
    _check_lines(lines, broken, attribute, path)
    form = _form(lines, task_type, attribute, str(path))
    attribute = attribute or find_attribute(lines, form)
    if attribute is None:
        raise ExportError(f"{path}: has no label of {form.name}; name its key by --attribute.")
    gaps: set[int] = set()
    if classes is None:
        classes, gaps = _seen(lines, attribute)
    examples: list[Example] = []
    unlabeled = 0
    for line in lines:
        value, metadata = line.label(attribute)
        if value is None:
            unlabeled += 1
            continue
        where = f"{path}:{line.number + 1}"
        if line.source is None:
            message = "needs source or source-ref, a string. Add it, or leave the line out."
            broken.append(SetAside(where, "MalformedSource", message))
            continue
        try:
            label = form.read_label(value, metadata, classes)
            if pixels:
                label = _with_pixels(label, classes, storage or _own_rights())
        except (LabelError, PixelError, StorageError) as error:
            broken.append(SetAside(where, "MalformedLabel", str(error)))
            continue
        examples.append(Example(line.source, label, "source-ref" not in line.value))
    data = LabeledData(form.name, classes, tuple(examples), unlabeled)
    return _without_gaps(data, gaps), broken


def _check_lines(
    lines: Sequence[ManifestLine], broken: Sequence[SetAside], attribute: str | None, path: Path
) -> None:
    """ExportError where there is nothing to convert, whatever the task type."""
    if any(attribute in line.value for line in lines) or any(True for _ in _attributes(lines)):
        return
    if lines:
        keys = ", ".join(dict.fromkeys(key for line in lines for key in line.value))
        raise ExportError(
            f"{path}: has no label, which is a key with KEY-metadata beside it; got the keys "
            f"{keys:.80}. Convert the output manifest of a job, not its input."
        )
    if broken:
        raise ExportError(
            f"{path}: is no manifest: none of its {counted(len(broken), 'line')} is a JSON object; "
            f"the first: {broken[0].message} Name another file, or say by --from what it is."
        )
    raise ExportError(f"{path}: is empty. Name a manifest with a label.")


def _form(
    lines: Sequence[ManifestLine], task_type: str | None, attribute: str | None, name: str
) -> LabelFormat[Any]:
    if task_type is not None:
        if task_type not in LABEL_FORMATS:
            known = ", ".join(LABEL_FORMATS)
            raise ExportError(f"--task-type must be one of {known}; got {task_type!r}.")
        return LABEL_FORMATS[task_type]
    for line in lines:
        for key in reversed(line.value):
            value, metadata = line.label(key)
            if attribute not in (None, key) or not isinstance(metadata, dict):
                continue
            for form in LABEL_FORMATS.values():
                if form.name != "Custom" and _shows(form, value, metadata.get("type")):
                    return form
    there = list(dict.fromkeys(_attributes(lines)))
    if attribute is not None and attribute not in there:
        raise ExportError(
            f"--attribute: must be a label of {name} ({', '.join(there) or 'it has none'}); got "
            f"{attribute!r}. Correct it."
        )
    kinds = ", ".join(dict.fromkeys(_kinds(lines, attribute))) or "none"
    raise ExportError(
        f"{name}: metadata.type of its labels must be one that is known; got {kinds}. Pass "
        "--task-type if it is one of ours under another name."
    )


def _attributes(lines: Sequence[ManifestLine]) -> Iterator[str]:
    """Keys of the labels, which have metadata beside them."""
    for line in lines:
        for key in line.value:
            if isinstance(line.label(key)[1], dict):
                yield key


def _kinds(lines: Sequence[ManifestLine], attribute: str | None) -> Iterator[str]:
    for line in lines:
        for key in line.value:
            metadata = line.label(key)[1]
            if attribute in (None, key) and isinstance(metadata, dict):
                yield repr(metadata.get("type"))


# Custom types show by the key of their label.
_CUSTOM_KEYS = {
    "Polygon": ("polygons",),
    "Polyline": ("polylines", "lines"),
    "Keypoint": ("keypoints",),
    "InstanceSegmentation": ("instances",),
    "PairwisePreference": ("choice",),
    "Ranking": ("order",),
    "FreeText": ("text",),
    "Rating": ("value",),
}


def _shows(form: LabelFormat[Any], value: Any, kind: object) -> bool:
    if form.manifest_type != CUSTOM_TYPE:
        return kind == form.manifest_type
    keys = _CUSTOM_KEYS.get(form.name, ())
    is_custom = isinstance(kind, str) and kind.lower() == CUSTOM_TYPE.lower()
    return is_custom and isinstance(value, dict) and any(key in value for key in keys)


def _seen(lines: Sequence[ManifestLine], attribute: str) -> tuple[Classes, set[int]]:
    """The classes, and which of them only fill a gap between numbers."""
    seen = SeenClasses()
    for line in lines:
        seen.see_label(*line.label(attribute))
    classes = seen.settle()
    return classes, seen.gaps()


def _without_gaps(data: LabeledData, gaps: set[int]) -> LabeledData:
    if gaps:
        gaps = gaps - {code for each in data.examples for code in codes_of_label(each.label)}
    if not gaps:
        return data
    new = without(gaps, len(data.classes))
    examples = tuple(replace(each, label=recoded_label(each.label, new)) for each in data.examples)
    names = tuple(name for code, name in enumerate(data.classes.names) if code in new)
    kept = replace(data.classes, names=names)
    moved = [code for code in new if new[code] != code]
    shown = ", ".join(f"{data.classes.names[c]} {c} -> {new[c]}" for c in moved[:_MOVED])
    more = f" and {len(moved) - _MOVED} more" if len(moved) > _MOVED else ""
    note = (
        f"{counted(len(gaps), 'class number')} without a name and without labels: left out, and "
        f"the classes behind renumbered: {shown}{more}."
    )
    return replace(data, classes=kept, examples=examples, notes=(*data.notes, note))


def _own_rights() -> Storage:
    return Storage(StorageAccess(prefixes=None, local_files=True))


def _with_pixels(label: Label[Any], classes: Classes, storage: Storage) -> Label[Any]:
    value = label.value
    if getattr(value, "mask", None) is not None or getattr(value, "ref", None) is None:
        return label
    png = storage.read(value.ref)
    if isinstance(value, SemanticMask):
        return replace(label, value=read_mask(value, png, classes))
    return replace(label, value=read_instances(value, png))
