"""What must not matter to any consolidation of masks, and twins that do it pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from surelabel.consolidation.masks import METHODS, STAPLE, MajorityVote, SmoothedVote
from surelabel.consolidation.masks.patterns import Patterns, coded
from surelabel.consolidation.masks.smoothing import smoothed
from surelabel.consolidation.masks.staple import _LEAST, _START
from workloads.consolidation.masks.drawings import made_up_drawings

methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
cases = pytest.mark.parametrize(("seed", "n_classes"), [(0, 2), (1, 2), (2, 4)])


def same(first, second, items=None):
    for item in range(len(first.label)) if items is None else items:
        np.testing.assert_array_equal(first.label[item], second.label[item])
        np.testing.assert_array_equal(first.confidence_byte[item], second.confidence_byte[item])


@methods
@cases
def test_the_order_of_answers_and_the_names_do_not_matter(method, seed, n_classes):
    drawn = made_up_drawings(seed, n_classes=n_classes)
    order = np.random.default_rng(seed).permutation(drawn.n_annotators)
    mixed = np.random.default_rng(seed).permutation(len(drawn.item))
    moved = replace(
        drawn,
        item=drawn.item[mixed],
        annotator=order[drawn.annotator[mixed]],
        mask=[drawn.mask[n] for n in mixed],
    )
    first, second = method().fit_predict(drawn.answers), method().fit_predict(moved.answers)
    same(first, second)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.annotators.iou, second.annotators.iou[order])


@methods
@cases
def test_the_order_of_items_does_not_matter(method, seed, n_classes):
    drawn = made_up_drawings(seed, n_classes=n_classes)
    order = np.random.default_rng(seed).permutation(len(drawn.truth))
    moved = replace(drawn, item=order[drawn.item])
    first, second = method().fit_predict(drawn.answers), method().fit_predict(moved.answers)
    for item in range(len(drawn.truth)):
        np.testing.assert_array_equal(first.label[item], second.label[order[item]])


@methods
def test_which_class_has_which_number_does_not_matter(method):
    drawn = made_up_drawings(6, n_classes=4)
    number = np.array([0, 3, 1, 2], np.uint8)
    moved = replace(drawn, mask=[number[mask] for mask in drawn.mask])
    first, second = method().fit_predict(drawn.answers), method().fit_predict(moved.answers)
    for one, other in zip(first.label, second.label, strict=True):
        # Ties go by the number; there are few.
        assert (number[one] == other).mean() > 0.97


@methods
def test_pixel_types_and_views_do_not_matter_and_nothing_is_changed(method):
    drawn = made_up_drawings(2)
    first = method().fit_predict(drawn.answers)
    kinds = [bool, np.int64, np.uint16, np.uint8, np.int8]
    before = [mask.copy() for mask in drawn.mask]
    others = [np.asfortranarray(mask.astype(kinds[n % 5])) for n, mask in enumerate(drawn.mask)]
    same(first, method().fit_predict(replace(drawn, mask=others).answers))
    for mask, old in zip(drawn.mask, before, strict=True):
        np.testing.assert_array_equal(mask, old)


@methods
@cases
def test_compiled_loops_give_the_same_bits(method, seed, n_classes, monkeypatch):
    drawn = made_up_drawings(seed, n_classes=n_classes)
    plain = method(tile=30).fit_predict(drawn.answers)
    monkeypatch.setattr("surelabel.consolidation.masks.base._MANY_PIXELS", 0)
    fast = method(tile=30).fit_predict(drawn.answers)
    same(plain, fast)
    np.testing.assert_array_equal(plain.region_confidence, fast.region_confidence)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.7])
def test_smoothing_is_twice_the_gaussian_less_the_gaussian_of_it(sigma):
    rng = np.random.default_rng(0)
    shares = rng.random((40, 50)).astype(np.float32)
    row, column = np.nonzero(rng.random(shares.shape) < 0.3)
    found = smoothed(shares, row, column, sigma)
    narrow, wide = (
        ndimage.gaussian_filter(shares.astype(float), s, mode="nearest", radius=int(np.ceil(3 * s)))
        for s in (sigma, sigma * np.sqrt(2))
    )
    np.testing.assert_allclose(found, (2 * narrow - wide)[row, column], atol=1e-5)
    np.testing.assert_array_equal(found, smoothed(shares, row, column, sigma, fast=True))


def test_a_disc_keeps_its_size_better_than_under_a_gaussian():
    rows, columns = np.mgrid[:61, :61] - 30
    disc = (np.hypot(rows, columns) <= 6).astype(np.float32)
    row, column = (axis.ravel() for axis in np.indices(disc.shape))
    twiced = smoothed(disc, row, column, 2.0).reshape(disc.shape) > 0.5
    gaussian = ndimage.gaussian_filter(disc, 2.0) > 0.5
    assert abs(twiced.sum() - disc.sum()) < abs(gaussian.sum() - disc.sum()) / 2


def test_majority_vote_equals_a_count_pixel_by_pixel():
    drawn = made_up_drawings(9, n_items=1, n_annotators=6, n_classes=3)
    result = MajorityVote().fit_predict(drawn.answers)
    votes = np.stack([(np.stack(drawn.mask) == k).sum(axis=0) for k in range(3)])
    np.testing.assert_array_equal(result.label[0], votes.argmax(axis=0))


def test_the_default_without_smoothing_and_weights_is_the_vote():
    drawn = made_up_drawings(9, n_annotators=5)
    plain = SmoothedVote(power=0, trust=0, outlier=1e9, smoothing=0).fit_predict(drawn.answers)
    same(MajorityVote().fit_predict(drawn.answers), plain)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_default_equals_its_twin_over_whole_planes(n_classes, monkeypatch):
    drawn = made_up_drawings(5, n_items=1, n_classes=n_classes)
    monkeypatch.setattr(SmoothedVote, "_sigma", lambda self, study: 1.5)
    method = SmoothedVote(power=0, trust=0, outlier=1e9)
    result = method.fit_predict(drawn.answers)
    votes = np.stack([(np.stack(drawn.mask) == k).mean(axis=0) for k in range(n_classes)])

    def gaussian(sigma):
        size = (0, int(np.ceil(3 * sigma)), int(np.ceil(3 * sigma)))
        return ndimage.gaussian_filter(votes, (0, sigma, sigma), mode="nearest", radius=size)

    twiced = 2 * gaussian(1.5) - gaussian(1.5 * np.sqrt(2))
    twiced[votes == 0] = -np.inf
    expected = np.where(votes.max(axis=0) == 1, votes.argmax(axis=0), twiced.argmax(axis=0))
    first, second = np.sort(twiced, axis=0)[[-1, -2]]
    clear = first - second > 1e-5
    assert (result.label[0] != MajorityVote().fit_predict(drawn.answers).label[0]).any()
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(result.label[0][clear], expected[clear])


def test_staple_equals_the_textbook_pixel_by_pixel():
    drawn = made_up_drawings(3, n_items=1, n_annotators=3)
    votes = np.stack(drawn.mask).reshape(3, -1).astype(bool)
    prior = votes.mean()
    p = q = np.full(3, _START)
    for _ in range(25):
        a = prior * np.prod(np.where(votes, p[:, None], 1 - p[:, None]), axis=0)
        b = (1 - prior) * np.prod(np.where(votes, 1 - q[:, None], q[:, None]), axis=0)
        w = a / (a + b)
        p = np.clip((votes * w).sum(axis=1) / w.sum(), _LEAST, 1 - _LEAST)
        q = np.clip((~votes * (1 - w)).sum(axis=1) / (1 - w).sum(), _LEAST, 1 - _LEAST)
    a = prior * np.prod(np.where(votes, p[:, None], 1 - p[:, None]), axis=0)
    b = (1 - prior) * np.prod(np.where(votes, 1 - q[:, None], q[:, None]), axis=0)
    result = STAPLE(max_iter=25, tol=0).fit_predict(drawn.answers)
    np.testing.assert_array_equal(result.label[0].ravel(), a / (a + b) > 0.5)
    assert result.n_iter == 25


@pytest.mark.parametrize(("n", "n_classes"), [(3, 2), (3, 5), (9, 7), (20, 2), (3, 60_000)])
def test_patterns_are_what_each_pixel_was_called(n, n_classes):
    rng = np.random.default_rng(n)
    masks = [rng.integers(n_classes, size=(13, 17)) // 2 * 2 for _ in range(n)]
    piece = coded(masks, n_classes)
    stacked = np.stack(masks, axis=-1)
    expected, count = np.unique(stacked.reshape(-1, n), axis=0, return_counts=True)
    np.testing.assert_array_equal(piece.patterns.votes, expected)
    np.testing.assert_array_equal(piece.patterns.count, count)
    for who in range(n):
        back = np.empty(piece.code.shape, np.int64)
        piece.spread(piece.patterns.votes[:, who], back)
        np.testing.assert_array_equal(back, masks[who])
    parts = [coded([mask[rows] for mask in masks], n_classes) for rows in (slice(5), slice(5, 13))]
    merged = Patterns.merged([part.patterns for part in parts])
    np.testing.assert_array_equal(merged.votes, expected)
    np.testing.assert_array_equal(merged.count, count)
