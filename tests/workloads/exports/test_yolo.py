"""YOLO's lines, as Ultralytics documents them."""

from __future__ import annotations

import pytest

from surelabel.exports import EXPORTS, ExportError
from workloads.exports.examples import (
    DATA,
    OUTLINE,
)


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
