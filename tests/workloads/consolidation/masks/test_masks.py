"""Hand-worked masks, ties, degenerate input, and the errors for bad input."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.masks import (
    METHODS,
    STAPLE,
    MajorityVote,
    MaskAnnotators,
    MaskAnswers,
    MaskReader,
    SmoothedVote,
    disagreement,
)
from workloads.consolidation.masks.drawings import blobs, iou, made_up_drawings, one_image, wobbly

methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_the_majority_wins_each_pixel_and_a_tie_is_background():
    masks = [np.array([[1, 1, 1, 0]]), np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]])]
    assert MajorityVote().fit_predict(one_image(masks)).label[0].tolist() == [[1, 1, 0, 0]]
    assert MajorityVote().fit_predict(one_image(masks[:2])).label[0].tolist() == [[1, 1, 0, 0]]
    two = [np.array([[1, 1, 0]]), np.array([[0, 2, 2]])]
    assert MajorityVote().fit_predict(one_image(two, 3)).label[0].tolist() == [[0, 1, 0]]


def test_figures_of_a_hand_worked_image():
    masks = [np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]]), np.array([[1, 1, 1, 0]])]
    result = MajorityVote().fit_predict(one_image(masks))
    np.testing.assert_allclose(result.annotators.iou, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(result.annotators.sensitivity, [1, 1 / 2, 1])
    np.testing.assert_allclose(result.annotators.specificity, [1, 1, 1 / 2])
    # The consensus has one pixel edge of border; areas differ by 0, -1 and 1.
    np.testing.assert_allclose(result.annotators.border_bias, [0, -4 / np.pi, 4 / np.pi])
    assert result.region_class.tolist() == [0, 1]
    assert result.region_pixels.tolist() == [2, 2]
    assert result.region_support.tolist() == [3, 3]
    # All three agree: 1 - 1/16; two of three: (2 + 1/2) / 4.
    np.testing.assert_allclose(
        result.pixel_confidence(0), [[15 / 16, 5 / 8, 5 / 8, 15 / 16]], atol=1 / 255
    )
    assert result.confidence[0] == pytest.approx(5 / 8, abs=1 / 255)


@methods
def test_what_all_drew_stays_as_it_is_down_to_one_pixel(method):
    mask = np.zeros((30, 40), np.uint8)
    mask[5, 7] = 1
    mask[12:14, 20:35] = 1
    result = method().fit_predict(one_image([mask, mask, mask]))
    np.testing.assert_array_equal(result.label[0], mask)
    assert result.confidence[0] > 0.9


@methods
def test_an_image_of_one_pixel(method):
    one, none = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    assert method().fit_predict(one_image([one, one, none])).label[0].tolist() == [[1]]
    assert method().fit_predict(one_image([one, none, none])).label[0].tolist() == [[0]]


@methods
def test_one_annotator_is_believed(method):
    drawn = made_up_drawings(3, n_items=1, n_annotators=1)
    result = method().fit_predict(drawn.answers)
    np.testing.assert_array_equal(result.label[0], drawn.mask[0])
    assert 0.5 < result.confidence[0] < 0.8


@methods
def test_masks_without_an_object_agree_fully(method):
    empty = np.zeros((6, 7), bool)
    result = method().fit_predict(one_image([empty, empty]))
    assert not result.label[0].any()
    assert result.annotators.iou.tolist() == [1, 1]
    assert np.isnan(result.annotators.border_bias).all()
    assert result.region_class.tolist() == [0]


@methods
def test_an_item_nobody_answered_has_no_label(method):
    mask = np.ones((2, 2), bool)
    result = method().fit_predict(MaskAnswers.of([1], [0], [mask], 3, 2))
    assert result.label[0] is None
    assert result.label[2] is None
    assert np.isnan(result.confidence[[0, 2]]).all()
    assert result.n_answers.tolist() == [0, 1, 0]
    assert result.annotators.n_answers.tolist() == [1, 0]
    with pytest.raises(ValueError, match="item 0 has no confidence per pixel"):
        result.pixel_confidence(0)


@methods
def test_no_answers_at_all(method):
    result = method().fit_predict(MaskAnswers.of([], [], [], 2, 1))
    assert result.label == (None, None)
    assert len(result.region_item) == 0
    assert result.converged


@methods
@pytest.mark.parametrize(("n", "n_classes"), [(20, 2), (5, 300)])
def test_more_patterns_than_two_bytes_hold(method, n, n_classes):
    """More than 16 annotators, or hundreds of classes."""
    drawn = made_up_drawings(1, n_items=1, n_annotators=n)
    masks = [np.where(mask > 0, n_classes - 1, 0).astype(np.uint16) for mask in drawn.mask]
    result = method().fit_predict(one_image(masks, n_classes))
    two = method().fit_predict(one_image(drawn.mask))
    np.testing.assert_array_equal(result.label[0] > 0, two.label[0] > 0)
    assert set(np.unique(result.label[0])) == {0, n_classes - 1}
    assert iou(result.label[0] > 0, drawn.truth[0] > 0) > 0.8


def test_an_outlier_is_rejected_and_flagged():
    drawn = made_up_drawings(5, n_items=6, n_annotators=6)
    masks = list(drawn.mask)
    for row in np.flatnonzero(drawn.annotator == 4):
        masks[row] = 1 - masks[row]
    answers = MaskAnswers.of(drawn.item, drawn.annotator, masks, 6, 6)
    result = SmoothedVote().fit_predict(answers)
    assert result.annotators.rejected[4] == 6
    assert result.annotators.outlier.tolist() == [False] * 4 + [True, False]


def test_who_is_careless_elsewhere_counts_less_here():
    """Three of eight annotators answer each image; three of the eight draw carelessly."""
    rng = np.random.default_rng(2)
    strength = np.array([3, 3, 3, 1, 0.8, 0.6, 1.1, 0.9])
    truth = [blobs(rng, (60, 70), 2) for _ in range(30)]
    item = np.repeat(np.arange(30), 3)
    annotator = np.concatenate([rng.permutation(8)[:3] for _ in truth])
    pairs = zip(item, annotator, strict=True)
    masks = [wobbly(rng, truth[i], strength[a]) for i, a in pairs]
    answers = MaskAnswers.of(item, annotator, masks, 30, 8)

    def quality(method):
        result = method.fit_predict(answers)
        found = zip(result.label, truth, strict=True)
        return np.mean([iou(label > 0, true > 0) for label, true in found])

    vote, alone, ours = MajorityVote(), SmoothedVote(trust=0), SmoothedVote()
    assert quality(ours) > quality(alone) + 0.01 > quality(vote) + 0.01


def test_who_draws_too_wide_has_a_bias_of_as_many_pixels():
    rows, columns = np.mgrid[:200, :200] - 100
    distance = np.hypot(rows, columns)
    masks = [distance <= radius for radius in (50, 50, 50, 53, 48)]
    bias = MajorityVote().fit_predict(one_image(masks)).annotators.border_bias
    np.testing.assert_allclose(bias, [0, 0, 0, 3, -2], atol=0.15)


def test_staple_believes_the_annotators_who_are_right_more_often():
    # Two careful annotators against three who guess: a vote follows the guessing.
    rng = np.random.default_rng(0)
    truth = rng.random((60, 60)) < 0.3
    masks = [truth ^ (rng.random(truth.shape) < rate) for rate in (0.02, 0.02, 0.4, 0.4, 0.4)]
    staple = STAPLE(max_iter=1000).fit_predict(one_image(masks))
    vote = MajorityVote().fit_predict(one_image(masks))
    assert iou(staple.label[0] > 0, truth) > iou(vote.label[0] > 0, truth) + 0.1
    assert staple.converged
    assert not STAPLE(max_iter=2).fit(one_image(masks)).converged_


def test_the_last_of_an_annotators_masks_counts():
    old, new = np.zeros((2, 2), bool), np.ones((2, 2), bool)
    answers = MaskAnswers.of([0, 0], [0, 0], [old, new], 1, 1)
    assert MajorityVote().fit_predict(answers).label[0].all()


@methods
def test_known_annotators_judge_each_item_by_itself(method):
    drawn = made_up_drawings(8)
    known = method().fit_predict(drawn.answers).annotators
    together = method().fit_predict(drawn.answers, frozen_annotators=known)
    own = drawn.item == 2
    alone = MaskAnswers.of(
        drawn.item[own] * 0, drawn.annotator[own], drawn.mask[10:15], 1, drawn.n_annotators
    )
    apart = method().fit_predict(alone, frozen_annotators=known)
    np.testing.assert_array_equal(together.label[2], apart.label[0])
    assert together.n_iter == 0


def test_what_is_known_of_annotators_survives_json():
    drawn = made_up_drawings(2)
    names = [f"näme {n}" for n in range(5)]
    known = SmoothedVote().fit_predict(drawn.answers).annotators.named(names)
    read = MaskAnnotators.from_json(known.to_json())
    assert read.to_json() == known.to_json()
    np.testing.assert_array_equal(read.iou, known.iou)
    other = read.for_annotators(["new", names[3]])
    assert other.n_answers.tolist() == [0, 4]
    assert other.reliability[0] == pytest.approx(known.iou[3])


def test_disagreement_is_one_less_the_mean_iou():
    assert disagreement([[1, 1, 0]], [[1, 0, 0]]) == pytest.approx(1 / 2)
    # Class 1: 1/2; class 2: nothing in common; the background does not count.
    assert disagreement([[1, 1, 0, 0]], [[1, 0, 2, 0]]) == pytest.approx(3 / 4)
    empty, some = np.zeros((2, 2), bool), np.eye(2, dtype=bool)
    assert disagreement(empty, empty) == 0
    assert disagreement(empty, some) == disagreement(some, empty) == 1
    assert disagreement(some * 60_000, some * 60_000) == 0


BAD = {
    "size": ([np.zeros((2, 2), bool), np.zeros((2, 3), bool)], r"size of the item's other masks"),
    "dimensions": ([np.zeros((2, 2, 3), bool)], r"must have \(height, width\)"),
    "no pixel": ([np.zeros((0, 2), bool)], r"both at least 1; got shape \(0, 2\)"),
    "class": ([np.array([[0, 255]], np.uint8)], r"classes in 0 .. 1; got 255 at .* \(0, 1\)"),
    "negative": ([np.array([[0], [-1]])], r"classes in 0 .. 1; got -1 at .* \(1, 0\)"),
    "floats": ([np.array([[0.5]])], r"as integers, or bool; got float64"),
}


@pytest.mark.parametrize(("masks", "message"), BAD.values(), ids=BAD)
def test_bad_masks_are_named(masks, message):
    with pytest.raises(ValueError, match=message):
        MajorityVote().fit_predict(one_image(masks))


def test_bad_calls_are_named():
    mask = np.zeros((2, 2), bool)
    with pytest.raises(ValueError, match=r"item must lie in 0 \.\. 0; got 1"):
        MaskAnswers.of([1], [0], [mask], 1, 1)
    with pytest.raises(ValueError, match="same length"):
        MaskAnswers.of([0], [0], [mask, mask], 1, 1)
    with pytest.raises(ValueError, match="n_classes must lie in 2"):
        MaskAnswers.of([0], [0], [mask], 1, 1, 1)
    with pytest.raises(ValueError, match="tile must be a whole number of at least 1; got 0"):
        MajorityVote(tile=0).fit(one_image([mask]))
    short = MaskReader((4, 4), lambda rows, columns: mask)
    with pytest.raises(ValueError, match=r"must give \(4, 4\) pixels for a tile"):
        MajorityVote().fit(one_image([short]))
    known = MajorityVote().fit_predict(MaskAnswers.of([0], [0], [mask], 1, 2)).annotators
    with pytest.raises(ValueError, match=r"must have 1 annotators \(n_annotators\); got 2"):
        MajorityVote().fit(one_image([mask]), frozen_annotators=known)
    with pytest.raises(ValueError, match=r"canvas must give an array of shape .* for the label"):
        MajorityVote().fit(one_image([mask]), canvas=lambda *asked: np.zeros(3))
    with pytest.raises(ValueError, match="of one size"):
        disagreement(mask, mask[:1])
