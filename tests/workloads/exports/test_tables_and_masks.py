"""CSV and PNG masks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from surelabel.exports import EXPORTS
from workloads.exports.examples import (
    DATA,
    MASK,
)
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


def test_png_masks_have_class_numbers_plus_one(tmp_path):
    EXPORTS["png"].write(DATA["SemanticSegmentation"], tmp_path)
    with Image.open(tmp_path / "masks" / "0.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), MASK + 1)
        palette = image.getpalette()
    rows = rows_of(tmp_path / "classes.csv")
    assert [(row["pixel"], row["name"]) for row in rows[:2]] == [("0", ""), ("1", "Dog")]
    assert "#" + bytes(palette[3:6]).hex() == rows[1]["color"]
