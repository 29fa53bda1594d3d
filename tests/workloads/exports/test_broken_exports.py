"""A file that is broken anywhere is read or ends in a message, never in a traceback."""

from __future__ import annotations

import contextlib
import csv
import json

import numpy as np
import pytest

from surelabel.exports import EXPORTS, ExportError
from workloads.broken_json import JUNK, broken_at_every_leaf
from workloads.exports.examples import (
    BACK,
    DATA,
)


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("coco", "annotations.json", "{"),
        ("coco", "annotations.json", "[]"),
        ("voc", "a.xml", "<annotation>"),
        ("voc", "a.xml", "<annotation><object><name>x</name></object></annotation>"),
        ("yolo", "data.yaml", "names: 3"),
        ("yolo", "data.yaml", "names: {1: a}"),
        ("yolo", "data.yaml", "names: [a, b"),
        ("spacy", "spans.jsonl", '{"text": "a", "entities": [[0, 0, "x"]]}'),
        ("spacy", "spans.jsonl", "nonsense"),
        ("label-studio", "tasks.json", '[{"data": {"image": "x"}}]'),
        ("label-studio", "tasks.json", "[]"),
        ("cvat", "annotations.xml", '<annotations><image><box label="a"/></image></annotations>'),
        ("png", "classes.csv", "pixel\n1\n"),
    ],
)
def test_a_broken_file_ends_in_a_message(tmp_path, name, file, text):
    (tmp_path / file).write_text(text)
    with pytest.raises(ExportError):
        EXPORTS[name].read(tmp_path, None)


@pytest.mark.parametrize(
    ("name", "kind"), [case for case in BACK if case[0] in ("coco", "label-studio")]
)
def test_json_that_is_broken_anywhere_is_read_or_told(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    (file,) = tmp_path.glob("*.json")
    whole = json.loads(file.read_text(encoding="utf-8"))
    told = 0
    for junk in JUNK:
        for value in broken_at_every_leaf(whole, junk):
            file.write_text(json.dumps(value))
            try:
                EXPORTS[name].read(tmp_path, kind)
            except ExportError as error:
                told += 1
                assert len(str(error)) < 400 + len(str(tmp_path))
    assert told > 50


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_bytes_that_are_broken_are_read_or_told(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    rng = np.random.default_rng(5)
    for file in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        whole = file.read_bytes()
        for _ in range(20):
            place = int(rng.integers(0, len(whole) + 1))
            put_in = bytes(rng.integers(32, 127, int(rng.integers(0, 4)), dtype=np.uint8))
            file.write_bytes(whole[:place] + put_in + whole[place + int(rng.integers(0, 9)) :])
            with contextlib.suppress(ExportError, UnicodeDecodeError, csv.Error, FileNotFoundError):
                EXPORTS[name].read(tmp_path, kind)
        file.write_bytes(whole)
