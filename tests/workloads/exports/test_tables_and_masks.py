"""CSV and PNG masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from surelabel.exports import EXPORTS
from surelabel.exports.class_list import read_classes
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import Rating
from workloads.exports.examples import CLASSES, DATA, MASK, texts
from workloads.exports.sameness import rows_of


def test_csv_has_a_row_for_every_part(tmp_path):
    EXPORTS["csv"].write(DATA["BoundingBox"], tmp_path)
    rows = rows_of(tmp_path / "labels.csv")
    assert [(r["item"], r["label"], r["left"], r["confidence"]) for r in rows] == [
        ("s3://b/set/a/0.jpg", "Big cat", "2.5", "0.5"),
        ("s3://b/set/a/0.jpg", "Dog", "0", "1"),
        ("s3://b/set/b/1.jpg", "", "", ""),
    ]


@pytest.mark.parametrize("kind", EXPORTS["csv"].task_types)
def test_csv_takes_every_task_type_but_masks(tmp_path, kind):
    if kind in DATA:
        EXPORTS["csv"].write(DATA[kind], tmp_path)
        assert len((tmp_path / "labels.csv").read_text(encoding="utf-8").splitlines()) > 1


@pytest.mark.parametrize(
    ("name", "kind"), [("csv", "BoundingBox"), ("conll", "NamedEntityRecognition")]
)
def test_all_classes_lie_beside_a_format_that_is_not_read(tmp_path, name, kind):
    data = replace(DATA[kind], classes=Classes.of((*CLASSES.names, "never seen")))
    EXPORTS[name].write(data, tmp_path)
    assert read_classes(tmp_path, ()).names == (*CLASSES.names, "never seen")


def test_labels_without_classes_have_no_list_of_them(tmp_path):
    rating = texts("Rating", Rating(3))
    EXPORTS["csv"].write(replace(rating, classes=Classes(())), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_png_masks_have_class_numbers_plus_one(tmp_path):
    EXPORTS["png"].write(DATA["SemanticSegmentation"], tmp_path)
    with Image.open(tmp_path / "masks" / "0.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), MASK + 1)
        palette = image.getpalette()
    rows = rows_of(tmp_path / "classes.csv")
    assert [(row["pixel"], row["name"]) for row in rows[:2]] == [("0", ""), ("1", "Dog")]
    assert "#" + bytes(palette[3:6]).hex() == rows[1]["color"]
