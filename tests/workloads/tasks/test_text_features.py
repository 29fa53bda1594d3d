"""Texts: inline and as files, alone and in any language."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from surelabel.models import fit
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.text_classification.features import text_features
from workloads.consolidation.crowds import DATA


def test_bytes_and_text_agree():
    texts = ["Grüße aus Köln", "hello"]
    inline, files = text_features(texts), text_features([t.encode() for t in texts])
    assert (inline.features != files.features).nnz == 0


def test_a_byte_order_mark_is_not_part_of_the_text():
    marked = text_features(["\ufeffhello".encode(), "hello"])
    assert (marked.features[0] != marked.features[1]).nnz == 0


def test_broken_and_empty_texts_fail_alone():
    batch = text_features(["fine", "", "  \n", b"\xff\xfe", b"also fine"])
    assert batch.row.tolist() == [0, 4]
    assert [(b.row, b.reason) for b in batch.broken] == [(i, "BrokenMedia") for i in (1, 2, 3)]
    assert "byte 0 is 0xff" in batch.broken[2].message


@pytest.mark.parametrize("text", ["!!!", "日本語のテキスト", "🙂", "a", "x" * 300_000])
def test_any_text_has_features(text):
    batch = text_features([text])
    assert batch.features.nnz > 0
    assert np.isfinite(batch.features.data).all()


def test_a_text_has_the_same_features_in_any_shard():
    texts = [f"number {i} of some texts" for i in range(6)]
    together = text_features(texts).features
    for row, text in enumerate(texts):
        assert (text_features([text]).features[0] != together[row]).nnz == 0


def test_no_texts_have_no_features():
    batch = TASK_TYPES["TextClassification"].features([])
    assert batch.features.shape[0] == 0
    assert batch.features.shape == text_features(["a"]).features[:0].shape


def test_intents_are_learned_from_a_thousand_utterances():
    path = DATA / "text" / "banking77" / "train.csv"
    if not path.exists():
        pytest.skip(f"{path} is missing; set SURELABEL_DATA to the folder with the real data")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    order = np.random.default_rng(0).permutation(len(rows))[:1_600]
    names = sorted({row[1] for row in rows})
    label = np.array([names.index(rows[i][1]) for i in order])
    features = text_features([rows[i][0] for i in order]).features
    model = fit(features[:1_000], label[:1_000], len(names), seed=0)
    right = model.predict_proba(features[1_000:]).argmax(axis=1) == label[1_000:]
    assert right.mean() > 0.65
