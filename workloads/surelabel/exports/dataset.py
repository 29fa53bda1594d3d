"""Labeled examples as exports take them, from wherever they were read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import ImageSize


class ExportError(ValueError):
    """Something that cannot be converted at all; the message names place, rule and next step."""


def several_fit(file: Path, fitting: Iterable[str]) -> ExportError:
    """What to raise where a table's columns are those of several task types."""
    return ExportError(
        f"{file}: its columns fit {', '.join(fitting)}, and nothing in it tells which. Pass "
        "--task-type."
    )


@dataclass(frozen=True)
class Example:
    """A labeled item. ``source``: the URI of its file, or the text itself where ``is_text``."""

    source: str
    label: Label[Any]
    is_text: bool = False
    # Where the value does not say it.
    known_size: ImageSize | None = None

    @property
    def size(self) -> ImageSize | None:
        """Size of the image, as far as anything says it."""
        value = self.label.value
        mask = getattr(value, "mask", None)
        if mask is not None:
            height, width = mask.shape
            return ImageSize(width, height)
        return getattr(value, "image", None) or self.known_size


@dataclass(frozen=True)
class LabeledData:
    """Examples of one task type.

    ``unlabeled``: items of the source without a label, which are left out. ``notes``: what else of
    the source is left out, a sentence each.
    """

    task_type: str
    classes: Classes
    examples: tuple[Example, ...]
    unlabeled: int = 0
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(_file_names(self.examples)))

    def named(self) -> Iterator[tuple[str, Example]]:
        """Each example with its file name: unique, relative, without ``..``."""
        return zip(self.names, self.examples, strict=True)

    def without_thin_polygons(self) -> tuple[LabeledData, list[str]]:
        """The same without polygons of fewer than three points, which most formats refuse."""
        notes: list[str] = []
        examples: list[Example] = []
        for name, example in self.named():
            shapes, sure = example.label.value.shapes, example.label.confidences
            kept = [place for place, each in enumerate(shapes) if len(each.vertices) > 2]
            if len(kept) < len(shapes):
                notes.append(f"{name}: left out: a polygon of fewer than three points.")
            value = replace(example.label.value, shapes=tuple(shapes[k] for k in kept))
            confidences = tuple(sure[k] for k in kept) if sure else ()
            label = replace(example.label, value=value, confidences=confidences)
            examples.append(replace(example, label=label))
        return replace(self, examples=tuple(examples)), notes

    def confidence(self, example: Example, part: int) -> float | None:
        """Confidence of the part of a label, where it has one."""
        found = example.label.confidences
        return found[part] if part < len(found) else None


def stem_of(name: str) -> str:
    """A file name without its ending."""
    return posixpath.splitext(name)[0]


def _file_names(examples: Sequence[Example]) -> Iterator[str]:
    """Paths below the folder that all sources share; two that are the same get their number."""
    paths = [_parts(example.source) for example in examples if not example.is_text]
    n_common = 0
    for level in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(level)) > 1:
            break
        n_common += 1
    used: set[str] = set()
    for number, example in enumerate(examples):
        own = [] if example.is_text else _parts(example.source)[n_common:]
        name = f"{number}.txt" if example.is_text else "/".join(own) or str(number)
        # Labels lie under the name without its ending.
        if stem_of(name) in used:
            stem, ending = posixpath.splitext(name)
            name = f"{stem}-{number}{ending}"
        used.add(stem_of(name))
        yield name


def _parts(source: str) -> list[str]:
    return [part for part in source.split("/") if part not in ("", ".", "..")]
