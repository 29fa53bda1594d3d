"""Which items people are asked about."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from surelabel.selection import first_batch, margin, stream


def rng(seed: int = 0) -> np.random.Generator:
    return stream("querying", seed, 1)


def blobs(n_blobs: int = 6, each: int = 50) -> np.ndarray:
    """Clusters far apart, in random order."""
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(n_blobs, 8)) * 20
    points = np.repeat(centres, each, axis=0) + generator.normal(size=(n_blobs * each, 8))
    return points.astype(np.float32)


def test_streams_of_different_purposes_differ():
    names = ("sampling", "querying", "training", "people")
    draws = {stream(name, 7, 1).integers(2**62) for name in names}
    assert len(draws) == 4
    assert stream("people", 7, 1).integers(2**62) != stream("people", 7, 2).integers(2**62)
    assert stream("people", 7, 1).integers(2**62) == stream("people", 7, 1).integers(2**62)


def test_the_first_batch_without_features_is_uniform():
    batch = first_batch(100, 20, rng())
    assert batch.uniform.all()
    assert len(set(batch.position.tolist())) == 20
    counts = np.zeros(10)
    for seed in range(2_000):
        counts[first_batch(10, 3, rng(seed)).position] += 1
    assert np.all(np.abs(counts - 600) < 82)  # Four standard deviations.


def test_the_first_batch_sees_every_cluster():
    batch = first_batch(300, 8, rng(), blobs())
    assert batch.uniform.sum() == 2
    assert set((batch.position // 50).tolist()) == set(range(6))


@pytest.mark.parametrize("n", [1, 7, 100, 101, 5_000])
@pytest.mark.parametrize("kind", ["dense", "sparse", "none"])
def test_a_batch_has_as_many_different_items_as_asked_for_or_all(n, kind):
    points = np.random.default_rng(0).random((100, 6)).astype(np.float32)
    features = {"dense": points, "sparse": sparse.csr_matrix(points), "none": None}[kind]
    batch = first_batch(100, n, rng(), features)
    assert batch.position.size == min(n, 100)
    assert (np.diff(batch.position) > 0).all()
    assert batch.position.max() < 100


def test_equal_items_can_be_clustered_too():
    features = np.ones((50, 5), np.float32)
    assert first_batch(50, 10, rng(), features).position.size == 10


def test_the_same_stream_gives_the_same_batch():
    first, second = (first_batch(300, 20, rng(5), blobs()) for _ in range(2))
    np.testing.assert_array_equal(first.position, second.position)


def test_the_margin_is_the_gap_between_the_two_best():
    proba = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(margin(proba), [0.2, 1.0])
    assert margin(np.ones((2, 1))).tolist() == [1.0, 1.0]
