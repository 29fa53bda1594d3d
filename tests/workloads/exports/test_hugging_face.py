"""Hugging Face folders, read back by ``datasets`` itself and by pyarrow."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from surelabel.exports import EXPORTS
from workloads.exports.examples import CLASSES, DATA, images, texts
from workloads.exports.readers.environment import needs_readers, read_by

KINDS = [kind for kind in EXPORTS["huggingface"].task_types if kind in DATA]


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
        column = {"Classification": "label", "MultiLabel": "labels"}
        named = next((column[end] for end in column if kind.endswith(end)), None)
        assert found["names"] == ({named: list(CLASSES.names)} if named else {})


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
        "category": ["Big cat", "Dog"],
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
