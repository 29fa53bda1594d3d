"""Prints what Datumaro, the library of CVAT's makers, reads in each FORMAT=FOLDER named.

Runs in the environment of readers.lock, without ours. One line of JSON a folder: for each item its
annotations as [kind, class, numbers]; boxes are left, top, width, height, rotated ones the centre,
width, height, degrees, masks the places of their pixels, row after row.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import datumaro
from datumaro.components.annotation import Bbox, Mask, RotatedBbox


def main(folders: list[str]) -> None:
    """One line a folder."""
    for each in folders:
        name, _, folder = each.partition("=")
        found = datumaro.Dataset.import_from(folder, name)
        names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
        items = {item.id: [shown(a, names) for a in item.annotations] for item in found}
        print(json.dumps({"items": items, "names": names}))


def shown(annotation: Any, names: list[str]) -> list[Any]:
    """[kind, class, numbers]."""
    if isinstance(annotation, RotatedBbox):
        keys = ("cx", "cy", "w", "h", "r")
        numbers = [float(getattr(annotation, key)) for key in keys]
    elif isinstance(annotation, Bbox):
        numbers = annotation.get_bbox()
    elif isinstance(annotation, Mask):
        numbers = annotation.image.ravel().nonzero()[0]
    else:
        numbers = getattr(annotation, "points", [])
    return [type(annotation).__name__, names[annotation.label], [float(n) for n in numbers]]


if __name__ == "__main__":
    main(sys.argv[1:])
