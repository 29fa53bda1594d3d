"""CSV and PNG masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from surelabel.exports import EXPORTS, ExportError
from surelabel.exports.class_list import read_classes
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import (
    Box,
    Boxes,
    Custom,
    LabelSet,
    Order,
    Preference,
    Rating,
    SingleClass,
    Text,
    Verification,
)
from workloads.exports.examples import CLASSES, DATA, MASK, images, texts
from workloads.exports.sameness import assert_same, rows_of


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
def test_all_classes_lie_beside_a_format_that_names_what_is_there(tmp_path, name, kind):
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


MORE = {
    "LabelVerification": images("LabelVerification", Verification(1, ("too wide", "no")),
                                Verification(0)),
    "PairwisePreference": texts("PairwisePreference", Preference("tie"), Preference("a")),
    "Ranking": texts("Ranking", Order(("b", "c", "a"))),
    "FreeText": texts("FreeText", Text(""), Text("two\nlines, \"quoted\"")),
    "Custom": texts("Custom", Custom({"animal": "heron", "sure": True}), Custom([1])),
}  # fmt: skip


@pytest.mark.parametrize("kind", MORE)
def test_what_has_no_other_format_comes_back_from_csv(tmp_path, kind):
    EXPORTS["csv"].write(MORE[kind], tmp_path)
    assert_same(MORE[kind], EXPORTS["csv"].read(tmp_path, kind))


def test_sizes_confidences_and_who_said_it_come_back(tmp_path):
    data = DATA["BoundingBox"]
    machine = replace(data.examples[1], label=replace(data.examples[1].label, human=False))
    data = replace(data, examples=(data.examples[0], machine))
    EXPORTS["csv"].write(data, tmp_path)
    again = EXPORTS["csv"].read(tmp_path, None)
    assert [each.size for each in again.examples] == [each.size for each in data.examples]
    assert [each.label.human for each in again.examples] == [True, False]
    assert again.examples[0].label.confidences == (0.5, 1)
    assert again.classes == data.classes


def test_a_table_of_others_is_read(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("item,label\nwell done,good\ns3://b/x.txt,bad\nno,\n", encoding="utf-8")
    data = EXPORTS["csv"].read(table, "TextClassification")
    assert data.classes.names == ("bad", "good")
    assert [(e.source, e.is_text, e.label.value) for e in data.examples] == [
        ("well done", True, SingleClass(1)),
        ("s3://b/x.txt", False, SingleClass(0)),
    ]
    assert data.unlabeled == 1
    several = EXPORTS["csv"].read(table, "TextClassificationMultiLabel")
    assert [each.label.value for each in several.examples] == [
        *(LabelSet((1,)), LabelSet((0,)), LabelSet(()))
    ]
    table.write_text("item,label,left,top,width,height\na.jpg,cat,1,2,3,4\na.jpg,cat,5,6,7,8\n")
    (example,) = EXPORTS["csv"].read(table, None).examples
    assert example.label.value == Boxes((Box(0, 1, 2, 3, 4), Box(0, 5, 6, 7, 8)))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("item,label\na,b\n", None, "its columns fit ImageClassification, .* Pass --task-type"),
        ("item,label,points\na,b,1\n", None, "its columns fit Polygon, Polyline"),
        ("item,label,points\na,b,1\n", "Polygon", ":2: points: must be like 1,2;3.5,4;5,6"),
        ("item,label\na,b\n", "BoundingBox", "missing: left, top, width, height"),
        ("item,label\na,c\n", "PairwisePreference", "label: must be one of 'a', 'b', 'tie'"),
        ("item,label\na,b\n", "Rating", "label: must be a finite number; got 'b'"),
        ("item,label,x,y\na,b,nan,1\n", None, "x: must be a finite number; got 'nan'"),
        ("item,label,start,end\na,b,3,3\n", None, "end: must be a whole number, at least 4"),
        ("item,label\na,b,c\n", "FreeText", ":2: must have 2 columns"),
        ("item,label\na,{\n", "Custom", "label: must be JSON; got '{'"),
        ("item,label\na,b\n", "LabelAdjustment", "--task-type: no LabelAdjustment can be told"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_told(tmp_path, text, kind, message):
    table = tmp_path / "mine.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ExportError, match=message):
        EXPORTS["csv"].read(table, kind)
