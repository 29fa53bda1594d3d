"""YOLO's lines, as Ultralytics documents them, and read back by other libraries.

Ultralytics' own reader is AGPL, which does not fit here. labelformat (MIT, of Lightly) reads
outlines, sleap-io (BSD, of SLEAP's makers) poses; Datumaro (test_datumaro.py) boxes alone. No
library with a fitting licence that we found reads oriented boxes as such and is small: supervision
(MIT) brings a video codec, SciPy and Matplotlib. So labelformat reads them as outlines of four
corners, and Label Studio's own converter writes the same corners (test_label_studio.py).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from PIL import Image

from surelabel.exports import EXPORTS, ExportError
from surelabel.exports.geometry import corners, pose_objects
from surelabel.tasks.values import Box, Boxes, Keypoint, Keypoints, Polygons, Shape
from workloads.exports.examples import BOXES, CLASSES, DATA, OUTLINE, ROTATED, SIZE, images
from workloads.exports.readers.environment import needs_readers, read_by

TURNED = images("BoundingBox", Boxes((ROTATED, *BOXES), SIZE))
# sleap-io does not look into folders of images.
POSES = replace(DATA["Keypoint"], examples=DATA["Keypoint"].examples[:1])
# Our format, what it is read as, the data.
READ = [
    ("yolo-seg", "outlines", DATA["Polygon"]),
    ("yolo-obb", "outlines", TURNED),
    ("yolo-pose", "poses", POSES),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What they read, by our format: of its one image [class, points] of each object."""
    home = tmp_path_factory.mktemp("yolo")
    for name, _, data in READ:
        EXPORTS[name].write(data, home / name)
        # They want to see the images, which exports do not copy.
        for each in data.names:
            (home / name / "images").mkdir()
            Image.new("RGB", (SIZE.width, SIZE.height)).save(home / name / "images" / each)
    found = read_by("read_yolo.py", home, *(f"{task}={home / name}" for name, task, _ in READ))
    return {name: each["0.jpg"] for (name, _, _), each in zip(READ, found, strict=True)}


def approximately(points):
    return [each and pytest.approx(each, abs=1e-5) for each in points]


@needs_readers
def test_outlines_are_read_in_pixels_with_their_classes(read):
    (example,) = DATA["Polygon"].examples
    assert read["yolo-seg"] == [
        [CLASSES.names[shape.label], approximately(shape.vertices)]
        for shape in example.label.value.shapes
    ]


@needs_readers
def test_oriented_boxes_are_read_as_their_corners(read):
    assert read["yolo-obb"] == [
        [CLASSES.names[box.label], approximately(corners(box))] for box in (ROTATED, *BOXES)
    ]


@needs_readers
def test_poses_are_read_with_the_points_that_are_there(read):
    objects = pose_objects(POSES.examples[0].label.value.points)
    there = [[each.get(code) for code in range(len(CLASSES))] for each in objects]
    assert [points for _, points in read["yolo-pose"]] == [
        approximately([point and (point.x, point.y) for point in each]) for each in there
    ]
    # Else the test would not see that a point that is missing stays missing.
    assert any(point is None for each in there for point in each)


def test_the_images_lie_beside_data_yaml_from_wherever_it_is_read(tmp_path):
    EXPORTS["yolo"].write(DATA["BoundingBox"], tmp_path)
    value = yaml.safe_load((tmp_path / "data.yaml").read_text(encoding="utf-8"))
    assert "path" not in value
    assert value["train"] == value["val"] == "./images"


def test_yolo_has_shares_of_the_image(tmp_path):
    data = DATA["BoundingBox"]
    EXPORTS["yolo"].write(data, tmp_path)
    rows = (tmp_path / "labels" / "a" / "0.txt").read_text().split()
    assert [float(each) for each in rows[:5]] == [1, 7.5 / 40, 5 / 20, 10 / 40, 4 / 20]
    assert rows[5:] == ["0", "0.5", "0.5", "1", "1"]
    assert (tmp_path / "labels" / "b" / "1.txt").read_text() == ""
    assert 'names:\n  0: "Dog"\n  1: "Big cat"' in (tmp_path / "data.yaml").read_text()


def test_yolo_segmentation_and_pose_lines(tmp_path):
    EXPORTS["yolo-seg"].write(DATA["Polygon"], tmp_path / "seg")
    first = (tmp_path / "seg/labels/0.txt").read_text().splitlines()[0].split()
    shares = [each for x, y in OUTLINE for each in (x / 40, y / 20)]
    assert first[0] == "2"
    assert [float(each) for each in first[1:]] == pytest.approx(shares, abs=1e-8)
    EXPORTS["yolo-pose"].write(DATA["Keypoint"], tmp_path / "pose")
    line = (tmp_path / "pose/labels/a/0.txt").read_text().splitlines()[0].split()
    # Class, box, then x, y, visibility of each class.
    assert len(line) == 5 + 3 * 3
    assert [float(each) for each in line[5:8]] == [3 / 40, 4 / 20, 2]
    assert line[8:11] == ["0", "0", "0"]
    assert "kpt_shape: [3, 3]" in (tmp_path / "pose/data.yaml").read_text()


def shape(*points):
    return Polygons((Shape(0, points),), SIZE)


# Of an image of 40 x 20: 1 % is 0.4 and 0.2 pixels.
@pytest.mark.parametrize(
    ("name", "value", "is_told"),
    [
        ("yolo-pose", Keypoints((Keypoint(0, 40.3, 20.1),), SIZE), False),
        ("yolo-pose", Keypoints((Keypoint(0, 40.5, 20),), SIZE), True),
        ("yolo-pose", Keypoints((Keypoint(0, -0.5, 20),), SIZE), True),
        ("yolo", Boxes((Box(0, -5, 0, 20, 20),), SIZE), False),
        ("yolo", Boxes((Box(0, 35, 0, 20, 20),), SIZE), True),
        ("yolo-obb", Boxes((Box(0, -5, 0, 20, 20),), SIZE), False),
        ("yolo-seg", shape((-5, 0), (20, 0), (20, 20)), False),
        ("yolo-seg", shape((-5, 0), (40, 0), (20, 20)), True),
    ],
)
def test_what_ultralytics_leaves_out_is_told(tmp_path, name, value, is_told):
    kind = type(value).__name__
    task_type = {"Boxes": "BoundingBox", "Polygons": "Polygon", "Keypoints": "Keypoint"}[kind]
    notes = EXPORTS[name].write(images(task_type, value), tmp_path)
    assert notes == is_told * [
        "0.jpg: a label is more than 1 % outside of the image, and Ultralytics leaves out images "
        "with such labels."
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3 0.1 0.1 0.1 0.1", r"0.txt:1: must begin with a class number, 0 \.\. 2; got '3'"),
        ("x 0.1", "must begin with a class number"),
        ("0 0.1 nan 0.1 0.1", "must be finite numbers"),
        ("0 0.1 a 0.1 0.1", "must be finite numbers"),
        ("0 0.1 0.1 0.1", "a line of BoundingBox cannot have 3 numbers"),
        ("0", "a line of BoundingBox cannot have 0 numbers"),
    ],
)
def test_a_broken_line_of_yolo_is_told(tmp_path, line, message):
    EXPORTS["yolo"].write(DATA["BoundingBox"], tmp_path)
    (tmp_path / "labels" / "a" / "0.txt").write_text(line)
    with pytest.raises(ExportError, match=message):
        EXPORTS["yolo"].read(tmp_path, "BoundingBox")
