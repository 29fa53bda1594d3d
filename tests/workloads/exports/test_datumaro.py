"""CVAT's XML, Pascal VOC, YOLO's boxes and COCO panoptic, read back by Datumaro, CVAT's library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from surelabel.exports import EXPORTS, LabeledData
from surelabel.tasks.class_codes import codes_of
from surelabel.tasks.values import Boxes, Instances
from workloads.exports.examples import BOXES, CLASSES, DATA, MASK, OUTLINE, ROTATED, SIZE, images
from workloads.exports.readers.environment import needs_readers, read_by

pytestmark = needs_readers
# So many that their numbers need two of the three colors of a pixel.
N_MANY = 700
MANY = np.where(np.arange(MASK.size) < N_MANY, np.arange(MASK.size), -1).reshape(MASK.shape)
DATA_READ = DATA | {
    "Rotated": images("BoundingBox", Boxes((ROTATED, replace(ROTATED, rotation=-100)), SIZE)),
    "Many": images("InstanceSegmentation", Instances((1, 0) * (N_MANY // 2), MANY)),
}
# Our format, its name there, the data.
CASES = [
    *(("cvat", "cvat", kind) for kind in ("BoundingBox", "Polygon", "Polyline", "Keypoint")),
    *(("cvat", "cvat", kind) for kind in ("ImageClassification", "ImageClassificationMultiLabel")),
    *(("cvat", "cvat", "Rotated"), ("voc", "voc", "BoundingBox"), ("yolo", "yolo", "BoundingBox")),
    *(("coco-panoptic", "coco_panoptic", kind)
      for kind in ("SemanticSegmentation", "InstanceSegmentation", "Many")),
]  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What it reads, by our format and the data."""
    home = tmp_path_factory.mktemp("datumaro")
    asked = []
    for name, theirs, kind in CASES:
        folder, data = home / f"{name}-{kind}", DATA_READ[kind]
        EXPORTS[name].write(data, folder)
        lay_out(name, folder, data)
        asked.append(f"{theirs}={folder}")
    found = read_by("read_datumaro.py", home, *asked)
    return {(name, kind): each for (name, _, kind), each in zip(CASES, found, strict=True)}


def lay_out(name: str, folder: Path, data: LabeledData) -> None:
    """What it wants to see beside the labels: the images, which exports do not copy, and more."""
    for each in data.names:
        file = folder / {"voc": "JPEGImages"}.get(name, "images") / each
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (SIZE.width, SIZE.height)).save(file)
    if name == "voc":
        listed = folder / "ImageSets" / "Main" / "train.txt"
        listed.parent.mkdir(parents=True)
        listed.write_text("".join(f"{each.removesuffix('.jpg')}\n" for each in data.names))
        # Without it VOC has its own twenty classes.
        classes = "".join(f"{each}:::\n" for each in CLASSES.names)
        (folder / "labelmap.txt").write_text(f"# label:color:parts:actions\n{classes}")
    if name == "coco-panoptic":
        # COCO's own files lie so, one for each part of the data set.
        (folder / "annotations").mkdir()
        for each in ("panoptic.json", "panoptic"):
            file = folder / each
            file.rename(folder / "annotations" / f"panoptic_train{file.suffix}")


BOXES_READ = [
    ["Bbox", CLASSES.names[box.label], [box.left, box.top, box.width, box.height]] for box in BOXES
]


def test_boxes_of_cvat_are_read_with_the_names_of_items_and_classes(read):
    assert read["cvat", "BoundingBox"]["items"] == {"a/0": BOXES_READ, "b/1": []}


def test_boxes_of_voc_are_read_by_their_pixels(read):
    # It takes the numbers as they stand: first and last pixel, counted from 1.
    pixels = [
        ["Bbox", CLASSES.names[b.label], [b.left + 1, b.top + 1, b.width - 1, b.height - 1]]
        for b in BOXES
    ]
    assert read["voc", "BoundingBox"]["items"] == {"a/0": pixels, "b/1": []}


def test_boxes_of_yolo_are_read_in_pixels(read):
    found = read["yolo", "BoundingBox"]
    assert found["names"] == list(CLASSES.names)
    (numbers,) = ([each[2] for each in boxes] for boxes in found["items"].values() if boxes)
    assert numbers == [pytest.approx(each[2], abs=1e-5) for each in BOXES_READ]


def test_boxes_of_cvat_turn_as_ours_do(read):
    (found,) = read["cvat", "Rotated"]["items"].values()
    name, middle = CLASSES.names[ROTATED.label], [16, 8, 12, 6]
    assert found == [
        ["RotatedBbox", name, [*middle, 30]],
        # CVAT counts from 0 to 360.
        ["RotatedBbox", name, [*middle, 260]],
    ]


@pytest.mark.parametrize(("kind", "theirs"), [("Polygon", "Polygon"), ("Polyline", "PolyLine")])
def test_outlines_of_cvat_have_our_vertices(read, kind, theirs):
    (found,) = read["cvat", kind]["items"].values()
    shapes = DATA[kind].examples[0].label.value.shapes
    assert found == [
        [theirs, CLASSES.names[shape.label], [n for point in shape.vertices for n in point]]
        for shape in shapes
    ]
    assert found[0][2][:2] == list(OUTLINE[0])


def test_points_of_cvat_have_our_places(read):
    found = read["cvat", "Keypoint"]["items"]["a/0"]
    points = DATA["Keypoint"].examples[0].label.value.points
    assert found == [["Points", CLASSES.names[p.label], [p.x, p.y]] for p in points]


@pytest.mark.parametrize("kind", ["SemanticSegmentation", "InstanceSegmentation", "Many"])
def test_segments_of_panoptic_have_our_pixels_and_classes(read, kind):
    value = DATA_READ[kind].examples[0].label.value
    labels = getattr(value, "labels", range(len(CLASSES)))
    (found,) = read["coco-panoptic", kind]["items"].values()
    assert found == [
        ["Mask", CLASSES.names[label], np.flatnonzero(value.mask == place).tolist()]
        for place, label in enumerate(labels)
    ]


@pytest.mark.parametrize("kind", ["ImageClassification", "ImageClassificationMultiLabel"])
def test_tags_of_cvat_are_our_classes(read, kind):
    codes = [codes_of(example.label.value) for example in DATA[kind].examples]
    found = read["cvat", kind]["items"].values()
    assert list(found) == [[["Label", CLASSES.names[c], []] for c in each] for each in codes]
