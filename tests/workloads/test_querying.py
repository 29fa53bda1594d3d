"""What a model asks about: not the same thing twice, not one kind alone, and rare classes too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from surelabel.querying import (
    SAME,
    badge_batch,
    coreset_batch,
    margin_batch,
    rare_rows,
    without_duplicates,
)
from surelabel.selection import stream


def rng(seed: int = 0) -> np.random.Generator:
    return stream("querying", seed, 1)


def blobs(n_blobs: int = 6, each: int = 50) -> np.ndarray:
    """Clusters far apart, one after the other."""
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(n_blobs, 8)) * 20
    points = np.repeat(centres, each, axis=0) + generator.normal(size=(n_blobs * each, 8))
    return points.astype(np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


NONE = np.empty((0, 8), np.float32)


# -- near-duplicates


@given(data=st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_of_near_duplicates_the_first_is_kept_as_by_brute_force(data):
    generator = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    base = generator.normal(size=(6, 4))
    rows = base[generator.integers(6, size=30)] + generator.normal(size=(30, 4)) * 0.1
    known = base[:1] + generator.normal(size=(2, 4)) * 0.1
    kept: list[int] = []
    for place, row in enumerate(rows):
        others = [*known, *(rows[each] for each in kept)]
        if all(cosine(row, other) < SAME for other in others):
            kept.append(place)
    found = without_duplicates(rows.astype(np.float32), known.astype(np.float32), 30)
    assert found.tolist() == kept


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_duplicates_across_blocks_are_found(kind):
    rows = np.tile(np.eye(5, 8, dtype=np.float32), (1_000, 1))
    assert without_duplicates(kind(rows), kind(NONE), 5_000).tolist() == [0, 1, 2, 3, 4]
    known = kind(np.eye(2, 8, dtype=np.float32) * 7)
    assert without_duplicates(kind(rows), known, 5_000).tolist() == [2, 3, 4]


def test_no_more_are_kept_than_asked_for():
    rows = np.eye(8, dtype=np.float32)
    assert without_duplicates(rows, NONE, 3).tolist() == [0, 1, 2]


def test_rows_without_features_are_like_no_other():
    rows = np.zeros((3, 8), np.float32)
    assert without_duplicates(rows, rows, 3).tolist() == [0, 1, 2]


# -- rare classes


def test_classes_with_few_labels_are_asked_about_the_rarest_first():
    label = np.array([0] * 90 + [1] * 6 + [2] * 4, np.int32)
    confidence = np.linspace(0.5, 1, 100).astype(np.float32)
    found = rare_rows(label, confidence, np.array([80, 9, 3]), 6)
    # Turn by turn, and of each class those of which the model is surest.
    assert found.tolist() == [99, 95, 98, 94, 97, 93]


def test_without_a_rare_class_nothing_is_set_aside_for_one():
    label = np.array([0, 1] * 10, np.int32)
    assert rare_rows(label, np.ones(20, np.float32), np.array([11, 9]), 5).size == 0


def test_a_rare_class_that_the_model_never_says_takes_no_share():
    label = np.zeros(20, np.int32)
    assert rare_rows(label, np.ones(20, np.float32), np.array([50, 0]), 5).size == 0


# -- batches


def test_a_margin_batch_is_spread_over_what_is_uncertain():
    points = blobs()
    doubtful = np.flatnonzero(np.arange(300) % 50 < 5)
    found = margin_batch(points[doubtful], 6, rng())
    assert set((doubtful[found] // 50).tolist()) == set(range(6))


def test_a_margin_batch_looks_at_the_least_certain_alone():
    assert margin_batch(blobs(), 4, rng()).max() < 20


def test_a_coreset_covers_what_nobody_has_labeled():
    points = blobs()
    # All of the first three clusters are known.
    found = coreset_batch(points[150:], points[:150], 3, rng())
    assert set((found // 50).tolist()) == {0, 1, 2}


def test_a_coreset_is_the_greedy_choice_by_brute_force():
    points = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
    known, pool = points[:4], points[4:]
    chosen: list[int] = []
    for _ in range(6):
        centres = np.concatenate((known, pool[chosen]))
        gaps = [min(np.linalg.norm(row - centre) for centre in centres) for row in pool]
        chosen.append(int(np.argmax(gaps)))
    # All five directions are kept, so distances are what they were.
    wide = np.concatenate((points, np.zeros((40, 1), np.float32)), axis=1)
    assert coreset_batch(wide[4:], wide[:4], 6, rng()).tolist() == chosen


def test_badge_takes_doubtful_items_of_different_kinds():
    points = blobs()
    doubt = np.where(np.arange(300) % 50 < 5, 0.45, 0.0005)
    found = badge_batch(np.stack((1 - doubt, doubt), axis=1), points, 6, rng())
    assert np.mean(found % 50 < 5) > 0.8
    assert len(set((found // 50).tolist())) >= 4


def test_badge_never_takes_an_item_twice_nor_needs_a_gradient():
    certain = np.tile([1.0, 0.0], (300, 1))
    found = badge_batch(certain, blobs(), 20, rng())
    assert len(set(found.tolist())) == 20


def test_badges_distances_are_those_of_the_products_written_out():
    generator = np.random.default_rng(4)
    proba = generator.dirichlet(np.ones(3), 30)
    points = generator.normal(size=(30, 5))
    gap = proba - np.eye(3)[proba.argmax(axis=1)]
    products = (gap[:, :, None] * points[:, None, :]).reshape(30, -1)
    squares = (gap**2).sum(axis=1) * (points**2).sum(axis=1)
    inner = (gap @ gap[7]) * (points @ points[7])
    expected = ((products - products[7]) ** 2).sum(axis=1)
    np.testing.assert_allclose(squares + squares[7] - 2 * inner, expected, atol=1e-9)
    wide = np.concatenate((points, np.zeros((30, 1))), axis=1)
    assert badge_batch(proba, wide, 1, rng()).tolist() == [int((products**2).sum(axis=1).argmax())]


@pytest.mark.parametrize("n", [1, 9, 40, 100])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_every_batch_has_as_many_different_rows_as_asked_for_or_all(n, kind):
    points = kind(np.random.default_rng(0).random((40, 6)).astype(np.float32))
    proba = np.random.default_rng(1).dirichlet(np.ones(3), 40)
    for found in (
        margin_batch(points, n, rng()),
        coreset_batch(points, points[:3], n, rng()),
        badge_batch(proba, points, n, rng()),
    ):
        assert len(set(found.tolist())) == len(found) == min(n, 40)
        assert found.max() < 40


def test_equal_items_give_a_batch_too():
    points = np.ones((50, 8), np.float32)
    proba = np.full((50, 2), 0.5)
    for found in (
        margin_batch(points, 9, rng()),
        coreset_batch(points, NONE, 9, rng()),
        badge_batch(proba, points, 9, rng()),
    ):
        assert len(set(found.tolist())) == 9
