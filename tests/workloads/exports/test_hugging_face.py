"""Hugging Face folders, read by pyarrow and by datasets."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from surelabel.exports import EXPORTS
from workloads.exports.examples import (
    CLASSES,
    DATA,
)


@pytest.mark.parametrize("kind", [k for k in EXPORTS["huggingface"].task_types if k in DATA])
def test_a_hugging_face_folder_is_one_parquet_file_with_its_classes(tmp_path, kind):
    EXPORTS["huggingface"].write(DATA[kind], tmp_path)
    table = pq.read_table(tmp_path / "data" / "train-00000-of-00001.parquet")
    rows = table.to_pylist()
    assert [row.get("image", row.get("text")) for row in rows] == [
        example.source for example in DATA[kind].examples
    ]
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    if metadata is not None:
        features = json.loads(metadata)["info"]["features"]
        # All columns, or `datasets` refuses the file.
        assert list(features) == table.column_names
        label = features.get("label") or features["labels"]["feature"]
        assert label == {"names": list(CLASSES.names), "_type": "ClassLabel"}
    if kind == "BoundingBox":
        assert rows[0]["objects"] == {
            "bbox": [[2.5, 3, 10, 4], [0, 0, 40, 20]],
            "rotation": [0, 0],
            "category": ["Big cat", "Dog"],
            "confidence": [0.5, 1],
        }
    if kind == "ImageClassificationMultiLabel":
        assert [row["labels"] for row in rows] == [[2, 0], []]
