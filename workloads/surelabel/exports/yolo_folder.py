"""Which images a folder of YOLO's has, how large they are, and where their labels lie.

``images.csv``, which we write, says it; where it is missing, the images themselves do: those that
``train``, ``val`` and ``test`` of ``data.yaml`` name, else all in ``images/``, else all there are.
Labels lie as Ultralytics looks for them: ``labels`` for the last ``images`` of the image's path,
else beside the image.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from surelabel.exports.dataset import ExportError, stem_of
from surelabel.exports.image_size import ENDINGS, image_size
from surelabel.exports.yolo import COLUMNS, IMAGES
from surelabel.plural import counted
from surelabel.tasks.pixels import PixelError
from surelabel.tasks.values import ImageSize

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """An image. ``labels`` None: it has no file of labels, and so no objects."""

    source: str
    size: ImageSize
    labels: Path | None


def find_items(folder: Path, described: Mapping[str, Any]) -> tuple[list[Item], tuple[str, ...]]:
    """The images in the order of the files, and notes on what is left out.

    ``described``: what ``data.yaml`` says. ExportError where neither images nor ``images.csv`` say
    how large the images are, and where no image has a file of labels.
    """
    files = sorted(file for file in folder.rglob("*.txt") if "labels" in _folders(folder, file))
    notes: list[str] = []
    if (folder / IMAGES).exists():
        items = [
            Item(source, size, _labels_of_name(folder, name, files))
            for name, source, size in _listed(folder / IMAGES)
        ]
    else:
        items = list(_measured(folder, described, notes))
    if not items and files:
        raise ExportError(
            f"{folder}: has {counted(len(files), 'file')} of labels, whose numbers are shares of "
            f"width and height, and neither images nor {IMAGES}. Put the images where data.yaml "
            f"says, or write {','.join(COLUMNS)} of each into {IMAGES}."
        )
    # Resolved, since `path` may lead to the same folder by another way.
    used = {item.labels.resolve() for item in items if item.labels is not None}
    if items and not used:
        raise ExportError(
            f"{folder}: none of {counted(len(items), 'image')} has a file of labels. They must lie "
            "in labels/ as the images do in images/, such as labels/train/a.txt for "
            "images/train/a.jpg, or beside them."
        )
    lost = [file for file in files if file.resolve() not in used]
    if lost:
        notes.append(
            f"{counted(len(lost), 'file')} of labels without an image: left out, the first: "
            f"{lost[0].relative_to(folder)}."
        )
    bare = [item for item in items if item.labels is None]
    if bare:
        notes.append(
            f"{counted(len(bare), 'image')} without a file of labels: read as without objects, as "
            f"Ultralytics does; the first: {bare[0].source}."
        )
    return items, tuple(notes)


def _listed(path: Path) -> Iterator[tuple[str, str, ImageSize]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                size = ImageSize(int(row["width"]), int(row["height"]))
                yield row["file"], row.get("source") or row["file"], size
            except (KeyError, TypeError, ValueError):
                raise ExportError(f"{path}: needs {','.join(COLUMNS)}; got {row}.") from None


def _measured(folder: Path, described: Mapping[str, Any], notes: list[str]) -> Iterator[Item]:
    roots = _roots(folder, described)
    for image in _images(folder, roots, described, notes):
        name = next((r for root in roots if (r := _below(root, image)) is not None), None)
        source = image.resolve().as_uri() if name is None else name
        try:
            yield Item(source, image_size(image), _labels_of_image(image))
        except PixelError as error:
            notes.append(f"{source}: left out: {error}")


# -- images


def _roots(folder: Path, described: Mapping[str, Any]) -> list[Path]:
    """Where names of ``data.yaml`` begin: its folder, and what ``path`` says of it."""
    path = described.get("path")
    return [folder, *([folder / path] if isinstance(path, str) and path else [])]


def _images(
    folder: Path, roots: Sequence[Path], described: Mapping[str, Any], notes: list[str]
) -> list[Path]:
    """Each image once, by split and name."""
    found: dict[Path, Path] = {}
    for split in _SPLITS:
        given = described.get(split)
        for name in given if isinstance(given, list) else [given]:
            if not isinstance(name, str) or not name:
                continue
            place = _place(roots, name)
            if place is None:
                notes.append(f"{split}: {name} is not there, and was left out.")
                continue
            for image in _images_at(place, roots):
                found.setdefault(image.resolve(), image)
    if not found:
        everywhere = (_images_at(place, roots) for place in (folder / "images", folder))
        return next((images for images in everywhere if images), [])
    return list(found.values())


def _place(roots: Sequence[Path], name: str) -> Path | None:
    """The file or folder that is called so; Roboflow writes ``../train/images`` for its own."""
    names = (name, name.removeprefix("../"))
    places = (root / each for each in names for root in reversed(roots))
    return next((place for place in places if place.exists()), None)


def _images_at(place: Path, roots: Sequence[Path]) -> list[Path]:
    """The images below a folder, or those that a list of names, a line each, has."""
    if place.is_dir():
        return sorted(f for f in place.rglob("*") if f.suffix.lower() in ENDINGS and f.is_file())
    if not place.is_file():
        return []
    names = (line.strip() for line in place.read_text(encoding="utf-8-sig").splitlines())
    images = (_place([place.parent, *roots], name) for name in names if name)
    return [image for image in images if image is not None]


# -- labels


def _labels_of_image(image: Path) -> Path | None:
    *folders, name = image.parts
    places = [image.with_suffix(".txt")]
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        moved = [*folders[:last], "labels", *folders[last + 1 :]]
        places.insert(0, Path(*moved, name).with_suffix(".txt"))
    return next((place for place in places if place.is_file()), None)


def _labels_of_name(folder: Path, name: str, files: Sequence[Path]) -> Path | None:
    """Of an image that need not be there: ``labels/NAME.txt``, else the one file called so."""
    file = folder / "labels" / f"{stem_of(name)}.txt"
    found = file if file.is_file() else _labels_of_image(folder / name)
    if found is not None:
        return found
    wanted = PurePosixPath(f"{stem_of(name)}.txt").parts
    called = [each for each in files if each.parts[-len(wanted) :] == wanted]
    if len(called) > 1:
        here, there = (each.relative_to(folder) for each in called[:2])
        raise ExportError(
            f"{folder / IMAGES}: file: must tell which labels are meant, {here} or {there}; got "
            f"{name!r}. Write it with its folder, such as images/train/{name}."
        )
    return called[0] if called else None


def _folders(folder: Path, file: Path) -> tuple[str, ...]:
    return file.relative_to(folder).parts[:-1]


def _below(root: Path, file: Path) -> str | None:
    """The file's name below a folder; None where it lies elsewhere."""
    here, there = file.resolve(), root.resolve()
    return here.relative_to(there).as_posix() if here.is_relative_to(there) else None
