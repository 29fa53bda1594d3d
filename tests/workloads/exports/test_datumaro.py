"""CVAT's XML, Pascal VOC and YOLO, read back by Datumaro, the library of CVAT's makers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from surelabel.exports import EXPORTS
from surelabel.tasks.values import Boxes
from workloads.exports.examples import BOXES, CLASSES, DATA, OUTLINE, ROTATED, SIZE, images
from workloads.exports.readers.environment import needs_readers, read_by

pytestmark = needs_readers
DATA_READ = DATA | {
    "Rotated": images("BoundingBox", Boxes((ROTATED, replace(ROTATED, rotation=-100)), SIZE))
}
# Our format, its name there, the data.
CASES = [
    *(("cvat", "cvat", kind) for kind in ("BoundingBox", "Polygon", "Polyline", "Keypoint")),
    *(("cvat", "cvat", "Rotated"), ("voc", "voc", "BoundingBox"), ("yolo", "yolo", "BoundingBox")),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What it reads, by our format and the data."""
    home = tmp_path_factory.mktemp("datumaro")
    asked = []
    for name, theirs, kind in CASES:
        folder, data = home / f"{name}-{kind}", DATA_READ[kind]
        EXPORTS[name].write(data, folder)
        # It wants to see the images, which exports do not copy.
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
        asked.append(f"{theirs}={folder}")
    found = read_by("read_datumaro.py", home, *asked)
    return {(name, kind): each for (name, _, kind), each in zip(CASES, found, strict=True)}


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
