"""Every format carries what it says it can: what is written is read back equal."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from surelabel.exports import EXPORTS, Example, ExportError, LabeledData, read_labeled_manifest
from surelabel.exports import write_labeled_manifest as write_manifest
from surelabel.exports.dataset import stem_of
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Box, Boxes, ImageSize, Polygons, Shape
from workloads.exports.examples import (
    BACK,
    CLASSES,
    CREATED,
    DATA,
    MASK,
    OUTLINE,
    ROTATED,
    SIZE,
    images,
)
from workloads.exports.sameness import assert_same

# Of CSV; the others look like each other.
TOLD_BY_COLUMNS = ("BoundingBox", "Keypoint", "NamedEntityRecognition")


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_what_is_written_is_read_back(tmp_path, name, kind):
    data = DATA[kind]
    EXPORTS[name].write(data, tmp_path)
    for told in (kind, None):
        if told is None and kind in (
            *("TextClassificationMultiLabel", "ImageClassification"),
            *("ImageClassificationMultiLabel", "TextClassification"),
        ):
            # One choice looks like the other.
            continue
        if told is None and name == "csv" and kind not in TOLD_BY_COLUMNS:
            continue
        assert_same(data, EXPORTS[name].read(tmp_path, told))


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_another_task_type_is_refused(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    with pytest.raises(ExportError, match="--task-type"):
        EXPORTS[name].read(tmp_path, "LabelAdjustment")


@pytest.mark.parametrize("kind", DATA)
def test_a_manifest_is_written_and_read_back(tmp_path, kind):
    path = tmp_path / "out.manifest"
    write_manifest(DATA[kind], "mine", path, created=CREATED)
    data, broken = read_labeled_manifest(path, pixels=True)
    assert broken == []
    assert data.task_type == kind or {kind, data.task_type} <= {"Polygon", "Polyline"}
    assert_same(DATA[kind], data)


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "yolo-obb", "label-studio", "cvat"])
def test_an_image_of_unknown_size_is_left_out_and_told(tmp_path, name):
    data = images("BoundingBox", Boxes((Box(0, 1, 2, 3, 4),)), Boxes((), SIZE))
    notes = EXPORTS[name].write(data, tmp_path)
    assert any("a/0.jpg: left out: the size of the image is not known" in note for note in notes)


@pytest.mark.parametrize("name", ["yolo-obb", "cvat", "label-studio"])
@pytest.mark.parametrize("rotation", [30, -100, 180, 0])
def test_rotation_is_kept_where_the_format_has_it(tmp_path, name, rotation):
    data = images("BoundingBox", Boxes((replace(ROTATED, rotation=rotation),), SIZE))
    assert not any("rotated" in note for note in EXPORTS[name].write(data, tmp_path))
    assert_same(data, EXPORTS[name].read(tmp_path, "BoundingBox"))


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_elsewhere_the_enclosing_box_is_written_and_told(tmp_path, name):
    data = images("BoundingBox", Boxes((replace(ROTATED, rotation=90),), SIZE))
    notes = EXPORTS[name].write(data, tmp_path)
    assert any(note.startswith("1 rotated box: ") for note in notes)
    upright = images("BoundingBox", Boxes((Box(2, 13, 2, 6, 12),), SIZE))
    assert_same(upright, EXPORTS[name].read(tmp_path, "BoundingBox"))


@pytest.mark.parametrize("name", ["coco", "yolo-seg"])
def test_a_stray_click_is_left_out_and_told(tmp_path, name):
    shapes = (Shape(0, OUTLINE[:2]), Shape(1, OUTLINE))
    data = images("Polygon", Polygons(shapes, SIZE), confidences=(0.1, 0.9))
    notes = EXPORTS[name].write(data, tmp_path)
    assert notes[0] == "0.jpg: left out: a polygon of fewer than three points."
    (example,) = EXPORTS[name].read(tmp_path, None).examples
    assert [shape.label for shape in example.label.value.shapes] == [1]
    if name == "coco":
        assert example.label.confidences == (0.9,)


def test_file_names_are_unique_relative_and_without_dots():
    sources = ["s3://b/x/1.jpg", "s3://b/x/1.png", "s3://b/x/../y/1.jpg", "s3://b/x/1-1.png"]
    data = LabeledData(
        "BoundingBox", CLASSES, tuple(Example(source, Label(Boxes(()))) for source in sources)
    )
    assert len({stem_of(name) for name in data.names}) == 4
    assert all(not re.search(r"(^|/)\.\.(/|$)|^/|:", name) for name in data.names)


def test_a_png_mask_in_a_manifest_is_read_where_it_lies(tmp_path):
    path = tmp_path / "out.manifest"
    write_manifest(DATA["SemanticSegmentation"], "road", path, created=CREATED)
    line = json.loads(path.read_text())
    assert line["road-ref"].startswith("file:///")
    png = Image.open(io.BytesIO(Path(line["road-ref"].removeprefix("file://")).read_bytes()))
    assert np.array_equal(np.asarray(png), MASK + 1)
    Path(line["road-ref"].removeprefix("file://")).unlink()
    data, broken = read_labeled_manifest(path, pixels=True)
    assert data.examples == ()
    assert [each.reason for each in broken] == ["MalformedLabel"]


def test_sizes_of_another_reader_are_kept():
    example = Example("x.jpg", Label(Boxes(())), known_size=ImageSize(3, 4))
    assert example.size == ImageSize(3, 4)
