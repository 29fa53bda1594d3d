"""The data sets of the samples, made on first use; nothing is downloaded.

A job that carries the annotation ``surelabel.dev/sample-data: <name>`` gets ``<folder>/<name>/``
with ``input.manifest`` and ``truth.jsonl``. The folder appears whole, by a rename: an interrupted
generation leaves only a hidden folder, which the next one replaces.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from surelabel_cli.sample_reviews import mentions, write_reviews
from surelabel_cli.sample_scenes import write_outlines, write_rough_boxes, write_scenes

ANNOTATION = "surelabel.dev/sample-data"
MANIFEST = "input.manifest"
TRUTH = "truth.jsonl"

# An item as the manifest has it, and what the truth says of it: ``label`` or ``answer``.
Labeled = tuple[dict[str, Any], dict[str, Any]]


class UnknownSampleDataError(Exception):
    """A name that is no sample data set; the message names those that are."""


def make_sample_data(name: str, folder: Path) -> Path:
    """``folder/name`` with the data set in it, made unless it is there already."""
    make = _MAKERS.get(name)
    if make is None:
        raise UnknownSampleDataError(
            f"metadata.annotations[{ANNOTATION}]: must be one of {', '.join(_MAKERS)}; "
            f"got {name!r}. Name one of them, or remove the annotation."
        )
    target = folder.absolute() / name
    if target.is_dir():
        return target
    building = target.with_name(f".{name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    items = list(make(building, target))
    _write_lines(building / MANIFEST, (item for item, _ in items))
    _write_lines(building / TRUTH, ({**item, **truth} for item, truth in items))
    building.rename(target)
    return target


def sample_data_of(resource: Mapping[str, Any]) -> str | None:
    """The sample data set that the resource's annotation asks for."""
    metadata = resource.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    name = annotations.get(ANNOTATION) if isinstance(annotations, Mapping) else None
    return None if name is None else str(name)


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


def _digits(building: Path, target: Path) -> Iterable[Labeled]:
    # Late: scikit-learn takes a second, which only the first use of the digits is worth.
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    (building / "images").mkdir()
    digits = load_digits()
    # 0..16 in the data set; 16 becomes 255, white on black as there.
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    for index, (image, label) in enumerate(zip(pixels, digits.target, strict=True)):
        file = f"images/{index:05d}.png"
        Image.fromarray(image).save(building / file)
        yield {"source-ref": (target / file).as_uri()}, {"label": str(label)}


def _reviews(_building: Path, _target: Path) -> Iterable[Labeled]:
    for text, topic in write_reviews():
        yield {"source": text}, {"label": topic}


def _mentions(_building: Path, _target: Path) -> Iterable[Labeled]:
    for text, _ in write_reviews():
        entities = [
            {"label": label, "startOffset": start, "endOffset": end}
            for label, start, end in mentions(text)
        ]
        yield {"source": text}, {"answer": {"crowd-entity-annotation": {"entities": entities}}}


def _scenes(building: Path, target: Path) -> Iterable[Labeled]:
    (building / "images").mkdir()
    for file, answer in write_scenes(building / "images"):
        yield {"source-ref": (target / "images" / file).as_uri()}, {"answer": answer}


def _outlines(building: Path, target: Path) -> Iterable[Labeled]:
    (building / "images").mkdir()
    for file, answer in write_outlines(building / "images"):
        yield {"source-ref": (target / "images" / file).as_uri()}, {"answer": answer}


def _corrections(building: Path, target: Path) -> Iterable[Labeled]:
    (building / "images").mkdir()
    for file, earlier, answer in write_rough_boxes(building / "images"):
        yield {"source-ref": (target / "images" / file).as_uri(), **earlier}, {"answer": answer}


_MAKERS: dict[str, Callable[[Path, Path], Iterable[Labeled]]] = {
    "digits": _digits,
    "reviews": _reviews,
    "mentions": _mentions,
    "scenes": _scenes,
    "outlines": _outlines,
    "corrections": _corrections,
}
