"""Hugging Face folders, read back by ``datasets`` itself, by pyarrow and by us."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from surelabel.exports import EXPORTS, ExportError
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import LabelSet, Preference, Rating, SingleClass
from workloads.exports.examples import CLASSES, DATA, SIZE, images, texts
from workloads.exports.readers.environment import needs_readers, read_by
from workloads.exports.sameness import assert_same

FORMAT = EXPORTS["huggingface"]
KINDS = [kind for kind in FORMAT.task_types if kind in DATA]


def rows_of(folder):
    return pq.read_table(folder / "data" / "train-00000-of-00001.parquet").to_pylist()


@needs_readers
def test_datasets_reads_every_folder_with_items_classes_and_types(tmp_path):
    folders = [tmp_path / kind for kind in KINDS]
    for kind, folder in zip(KINDS, folders, strict=True):
        EXPORTS["huggingface"].write(DATA[kind], folder)
    read = read_by("read_datasets.py", tmp_path, *folders)
    for kind, folder, found in zip(KINDS, folders, read, strict=True):
        assert found["rows"] == rows_of(folder), kind
        assert "null" not in found["types"], kind
        sources = [row.get("image", row.get("text")) for row in found["rows"]]
        assert sources == [example.source for example in DATA[kind].examples]
        without = kind in ("FreeText", "Rating")
        assert found["names"] == ([] if without else [list(CLASSES.names)])
        # And what it saves is read by us.
        again = FORMAT.read(Path(f"{folder}.parquet"), kind)
        assert_same(DATA[kind], again)
        assert again.classes.names == (() if without else CLASSES.names)


@pytest.mark.parametrize("kind", KINDS)
def test_features_name_all_columns(tmp_path, kind):
    EXPORTS["huggingface"].write(DATA[kind], tmp_path)
    table = pq.read_table(tmp_path / "data" / "train-00000-of-00001.parquet")
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    # Or `datasets` refuses the file.
    named = list(json.loads(metadata)["info"]["features"]) if metadata else table.column_names
    assert named == table.column_names


def test_objects_have_boxes_and_confidences(tmp_path):
    EXPORTS["huggingface"].write(DATA["BoundingBox"], tmp_path)
    assert rows_of(tmp_path)[0]["objects"] == {
        "bbox": [[2.5, 3, 10, 4], [0, 0, 40, 20]],
        "rotation": [0, 0],
        "category": [1, 0],
        "confidence": [0.5, 1],
    }


def test_sets_of_classes_keep_the_confidence_of_each(tmp_path):
    values = [example.label.value for example in DATA["ImageClassificationMultiLabel"].examples]
    data = images("ImageClassificationMultiLabel", *values, confidences=(0.75, 0.5))
    EXPORTS["huggingface"].write(data, tmp_path)
    rows = rows_of(tmp_path)
    assert [(row["labels"], row["confidence"]) for row in rows] == [([2, 0], [0.75, 0.5]), ([], [])]


def test_types_do_not_depend_on_what_is_known(tmp_path):
    """So that parts of a data set, exported one by one, fit together."""
    full = DATA["NamedEntityRecognition"]
    empty = texts("NamedEntityRecognition", full.examples[1].label.value)
    sure = replace(full.examples[0].label, confidences=(1.0, 0.5, 0.5, 0.25))
    known = replace(full, examples=(replace(full.examples[0], label=sure),))
    schemas = []
    for number, data in enumerate((full, empty, known)):
        EXPORTS["huggingface"].write(data, tmp_path / str(number))
        schemas.append(pq.read_schema(tmp_path / str(number) / "data/train-00000-of-00001.parquet"))
    assert schemas[0] == schemas[1] == schemas[2]


def test_sizes_and_confidences_come_back(tmp_path):
    FORMAT.write(DATA["BoundingBox"], tmp_path)
    first, second = FORMAT.read(tmp_path, None).examples
    assert (first.size, first.label.confidences) == (SIZE, (0.5, 1.0))
    assert (second.size, second.label.confidences) == (SIZE, ())
    kind = "ImageClassificationMultiLabel"
    FORMAT.write(images(kind, LabelSet((2, 0)), confidences=(0.75, 0.5)), tmp_path / "sets")
    (example,) = FORMAT.read(tmp_path / "sets", None).examples
    assert example.label.confidences == (0.75, 0.5)


PREFERENCES = texts("PairwisePreference", Preference("tie"), Preference("a"))
OF_TYPE = DATA | {"PairwisePreference": PREFERENCES}


@pytest.mark.parametrize("kind", FORMAT.task_types)
def test_every_task_type_comes_back_without_being_told(tmp_path, kind):
    FORMAT.write(OF_TYPE[kind], tmp_path)
    again = FORMAT.read(tmp_path, None)
    assert again.task_type == kind
    assert_same(OF_TYPE[kind], again)


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("Polyline", "Polygon, Polyline"),
        ("PairwisePreference", "TextClassification, FreeText, PairwisePreference"),
    ],
)
def test_columns_that_fit_several_task_types_ask_for_one(tmp_path, kind, fitting):
    FORMAT.write(OF_TYPE[kind], tmp_path)
    (file,) = tmp_path.rglob("*.parquet")
    table = pq.read_table(file)
    # As datasets saves it.
    about = {b"huggingface": table.schema.metadata[b"huggingface"]}
    pq.write_table(table.replace_schema_metadata(about), file)
    with pytest.raises(ExportError, match=f"its columns fit {fitting}, .* Pass --task-type"):
        FORMAT.read(tmp_path, None)
    assert_same(OF_TYPE[kind], FORMAT.read(tmp_path, kind))


def saved(folder: Path, columns: dict, name: str = "a.parquet") -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)
    return folder


def test_hidden_and_missing_labels_are_counted(tmp_path):
    FORMAT.write(images("ImageClassification", *[SingleClass(1)] * 3), tmp_path)
    (file,) = tmp_path.rglob("*.parquet")
    table = pq.read_table(file)
    labels = pa.array([1, -1, None])
    pq.write_table(table.set_column(table.column_names.index("label"), "label", labels), file)
    data = FORMAT.read(tmp_path, None)
    assert (len(data.examples), data.unlabeled) == (1, 2)
    FORMAT.write(texts("Rating", Rating(-1.0)), tmp_path / "ratings")
    assert FORMAT.read(tmp_path / "ratings", None).unlabeled == 0


def test_classes_by_name_are_read_from_all_files(tmp_path):
    saved(tmp_path, {"image": ["s3://b/1.jpg"], "label": ["dog"]}, "test.parquet")
    saved(tmp_path, {"image": ["s3://b/2.jpg"], "label": ["cat"]}, "train.parquet")
    data = FORMAT.read(tmp_path, "ImageClassification")
    assert data.classes.names == ("cat", "dog")
    assert [(e.source, e.label.value.label) for e in data.examples] == [
        *(("s3://b/1.jpg", 1), ("s3://b/2.jpg", 0))
    ]


def test_files_of_other_classes_are_an_error(tmp_path):
    data = DATA["ImageClassification"]
    FORMAT.write(data, tmp_path / "a")
    FORMAT.write(replace(data, classes=Classes.of(("x", "y", "z"))), tmp_path / "b")
    with pytest.raises(ExportError, match=r"must have the classes of .*/a/.* Convert them one by"):
        FORMAT.read(tmp_path, None)


PLAIN = {"image": ["s3://b/1.jpg"]}
BOX = {"bbox": [[1.0, 2.0, 3.0, 4.0]], "category": ["x"]}


@pytest.mark.parametrize(
    ("columns", "told", "message"),
    [
        (PLAIN, None, "must have a column label, labels, objects or entities; got image"),
        (PLAIN | {"label": ["x"]}, "BoundingBox", "and objects.bbox, to be read as BoundingBox"),
        ({"label": ["x"]}, "FreeText", "must have the columns image or text, and label"),
        ({"image": [b"GIF"], "label": ["x"]}, "FreeText", r"row 1\.image: must be a string"),
        (PLAIN | {"objects": [BOX | {"category": []}]}, None, "must be lists of one length"),
        (PLAIN | {"objects": [BOX | {"bbox": [[1.0]]}]}, None, r"bbox\[0\]: must be 4 numbers"),
        (PLAIN | {"label": [7]}, "ImageClassification", "must be a string"),
        (PLAIN | {"label": ["c"]}, "PairwisePreference", "must be one of 'a', 'b', 'tie'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, columns, told, message):
    with pytest.raises(ExportError, match=message):
        FORMAT.read(saved(tmp_path, columns), told)


def test_a_folder_without_parquet_is_told(tmp_path):
    with pytest.raises(ExportError, match="has no Parquet file"):
        FORMAT.read(tmp_path, None)
