"""The sample with PyTorch: it learns where PyTorch is installed; without, its other parts work."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import sparse

from surelabel.models.apart import Limits, ModelFailedError, apart
from surelabel.models.estimators import OutsideModel

FOLDER = Path(__file__).parents[2] / "docs" / "samples" / "pytorch"
HAS_TORCH = importlib.util.find_spec("torch") is not None
MODEL = OutsideModel({"epochs": 30}, entrypoint="small_net:SmallNet")
LIMITS = Limits(seconds=200, memory_bytes=8 * 2**30)


@pytest.fixture
def small_net(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "small_net", raising=False)
    return importlib.import_module("small_net")


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed here (no module torch)")
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_network_learns_as_an_entrypoint(small_net: ModuleType, kind: str) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=150)
    x = np.abs(np.eye(8)[label] * 3 + rng.normal(size=(150, 8)) * 0.5).astype(np.float32)
    features = sparse.csr_matrix(x) if kind == "sparse" else x
    with apart(MODEL, n_classes=4, seed=0, limits=LIMITS) as process:
        proba = process.fit(features, label)
    assert np.mean(proba.argmax(axis=1) == label) > 0.9


@pytest.mark.skipif(HAS_TORCH, reason="PyTorch is installed here, so nothing is missing")
def test_a_job_is_told_that_pytorch_is_missing(small_net: ModuleType) -> None:
    with (
        apart(MODEL, n_classes=4, seed=0, limits=LIMITS) as process,
        pytest.raises(ModelFailedError, match="No module named 'torch'"),
    ):
        process.check(is_sparse=False)


def test_features_are_scaled_and_one_that_never_varies_does_no_harm(small_net: ModuleType) -> None:
    features = np.array([[1, 5, 0], [3, 5, 2], [5, 5, 4]], np.float32)
    scaler = small_net.Scaler.of(features)
    scaled = scaler(features)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 0, 1], atol=1e-6)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaler(features[:1])[0, 1], 0)


def test_sparse_counts_become_dense(small_net: ModuleType) -> None:
    features = np.array([[0, 2], [1, 0]], np.float32)
    np.testing.assert_array_equal(small_net.dense(sparse.csr_matrix(features)), features)
    np.testing.assert_array_equal(small_net.dense(features), features)


def test_every_row_is_in_one_batch(small_net: ModuleType) -> None:
    found = small_net.batches(10, 4, np.random.default_rng(0))
    assert [len(rows) for rows in found] == [4, 4, 2]
    assert sorted(np.concatenate(found).tolist()) == list(range(10))
    assert np.concatenate(found).tolist() != list(range(10))
