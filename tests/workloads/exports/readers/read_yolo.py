"""Prints what libraries other than Ultralytics' own read in each TASK=FOLDER of YOLO.

Runs in the environment of readers.lock, without ours. ``outlines`` (also the corners of oriented
boxes) are read by labelformat, ``poses`` by sleap-io. One line of JSON a folder: for each image
[class, points] of each object in pixels; an outline's points are [x, y], a pose has null for each
point that is not there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from labelformat.formats import YOLOv8InstanceSegmentationInput
from sleap_io.io import ultralytics


def main(folders: list[str]) -> None:
    """One line a folder."""
    for each in folders:
        task, _, folder = each.partition("=")
        print(json.dumps({"outlines": outlines, "poses": poses}[task](Path(folder))))


def outlines(folder: Path) -> dict[str, Any]:
    """By the name of the image."""
    found = YOLOv8InstanceSegmentationInput(folder / "data.yaml", "train").get_labels()
    return {
        image.image.filename: [
            [each.category.name, polygon]
            for each in image.objects
            for polygon in each.segmentation.polygons
        ]
        for image in found
    }


def poses(folder: Path) -> dict[str, Any]:
    """By the name of the image; sleap-io leaves out of which class an object is."""
    found = ultralytics.read_labels(str(folder))
    return {
        Path(frame.video.filename[0]).name: [
            # NaN where there is no point.
            ["", [None if point[0] != point[0] else point for point in each.numpy().tolist()]]
            for each in frame.instances
        ]
        for frame in found.labeled_frames
    }


if __name__ == "__main__":
    main(sys.argv[1:])
