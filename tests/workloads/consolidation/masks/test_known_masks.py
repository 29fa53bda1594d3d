"""Gold items: known masks stand, and teach how well each annotator draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surelabel.consolidation.masks import (
    METHODS,
    STAPLE,
    MajorityVote,
    MaskAnnotators,
    MaskAnswers,
    SmoothedVote,
)
from surelabel.consolidation.masks import base as mask_base
from workloads.consolidation.masks.drawings import (
    blobs,
    iou,
    made_up_drawings,
    one_image,
    wobbly,
)

methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
# Those that weigh what people draw by what is known of them.
weighing = pytest.mark.parametrize("method", [SmoothedVote, STAPLE])


def square(row: int, column: int, class_: int = 1) -> np.ndarray:
    mask = np.zeros((40, 40), np.uint8)
    mask[row : row + 12, column : column + 12] = class_
    return mask


def outvoted(n_items: int, wrong: np.ndarray, n_wrong: int = 2, n_right: int = 1) -> MaskAnswers:
    """The truth is a square; the last ``n_wrong`` annotators all draw ``wrong``."""
    n = n_right + n_wrong
    masks = ([square(4, 4)] * n_right + [wrong] * n_wrong) * n_items
    return MaskAnswers.of(np.repeat(np.arange(n_items), n), np.tile(np.arange(n), n_items), masks,
                          n_items, n, 3)  # fmt: skip


def quality(drawn, result, items):
    """Mean IoU over these items."""
    return np.mean([iou(result.label[item] > 0, drawn.truth[item] > 0) for item in items])


@weighing
@pytest.mark.parametrize("wrong", [square(20, 20), square(4, 4, 2), 0 * square(4, 4)])
def test_one_who_is_right_on_gold_outvotes_two_who_are_not(method, wrong):
    answers = outvoted(10, wrong)
    np.testing.assert_array_equal(method().fit_predict(answers).label[9], wrong)
    gold = dict.fromkeys(range(5), square(4, 4))
    result = method().fit_predict(answers, gold=gold)
    for item in range(10):
        np.testing.assert_array_equal(result.label[item], square(4, 4))
    assert result.annotators.iou.tolist() == [1, *result.annotators.iou[[1, 1]]]
    assert result.annotators.iou[1] < 0.1


def test_those_who_are_right_on_gold_are_no_outliers_where_others_agree():
    answers = outvoted(10, square(20, 20), n_wrong=4, n_right=2)
    gold = dict.fromkeys(range(5), square(4, 4))
    result = SmoothedVote().fit_predict(answers, gold=gold)
    np.testing.assert_array_equal(result.label[9], square(4, 4))
    assert result.annotators.rejected[:2].tolist() == [0, 0]


def test_figures_of_annotators_are_measured_by_what_is_known():
    masks = [np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]]), np.array([[1, 0, 0, 0]])]
    gold = {0: np.array([[1, 1, 1, 0]])}
    result = MajorityVote().fit_predict(one_image(masks), gold=gold)
    np.testing.assert_allclose(result.annotators.iou, [2 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(result.annotators.sensitivity, [2 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(result.annotators.specificity, [1, 1, 1])
    # What is known has one pixel edge of border.
    np.testing.assert_allclose(result.annotators.border_bias, np.array([-1, -2, -2]) * 4 / np.pi)
    assert result.annotators.n_answers.tolist() == [1, 1, 1]
    assert result.label[0].tolist() == [[1, 1, 1, 0]]
    assert result.region_support.tolist() == [3, 3]


@methods
def test_what_is_known_stands_also_where_nobody_answered(method):
    drawn = made_up_drawings(0, n_classes=3)
    kept = np.flatnonzero(drawn.item != 2)
    part = replace(
        drawn,
        item=drawn.item[kept],
        annotator=drawn.annotator[kept],
        mask=[drawn.mask[row] for row in kept],
    )
    gold = {item: drawn.truth[item] for item in (0, 2)}
    result = method().fit_predict(part.answers, gold=gold)
    for item, truth in gold.items():
        np.testing.assert_array_equal(result.label[item], truth)
        assert (result.confidence_byte[item] == 255).all()
        assert result.confidence[item] == 1
        assert (result.region_confidence[result.region_item == item] == 1).all()
    assert (result.region_support[result.region_item == 2] == 0).all()
    assert result.n_answers.tolist() == [5, 5, 0, 5]
    assert result.annotators.n_answers.tolist() == [3] * 5
    assert (np.diff(result.region_item) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_with_gold_other_images_are_no_worse_and_better_in_a_poor_crowd(seed):
    drawn = made_up_drawings(seed, n_items=12)
    gold, others = {item: drawn.truth[item] for item in range(4)}, range(4, 12)
    with_, without = (
        quality(drawn, SmoothedVote().fit_predict(drawn.answers, gold=g), others)
        for g in (gold, {})
    )
    assert with_ >= without - 0.001
    # Three of five draw, a little differently, what is not there.
    rng = np.random.default_rng(seed + 100)
    false = [blobs(rng, (40, 50), 2) for _ in range(12)]
    masks = [
        wobbly(rng, false[item], 0.5) if who >= 2 else mask
        for item, who, mask in zip(drawn.item, drawn.annotator, drawn.mask, strict=True)
    ]
    poor = replace(drawn, mask=masks)
    with_, without = (
        quality(poor, SmoothedVote().fit_predict(poor.answers, gold=g), others) for g in (gold, {})
    )
    assert with_ > without + 0.1


@methods
def test_what_gold_showed_elsewhere_counts_as_gold_here_does(method):
    drawn = made_up_drawings(5, n_items=8)
    gold = {item: drawn.truth[item] for item in range(3)}
    together = method().fit_predict(drawn.answers, gold=gold)

    def part(items):
        rows = np.flatnonzero(np.isin(drawn.item, items))
        chosen = [drawn.mask[row] for row in rows]
        return MaskAnswers.of(
            drawn.item[rows] - items[0], drawn.annotator[rows], chosen, len(items), 5
        )

    first = method().fit_predict(part(range(3)), gold=gold)
    second = method().fit_predict(part(range(3, 8)), judged_annotators=first.annotators)
    for item in range(3, 8):
        np.testing.assert_array_equal(together.label[item], second.label[item - 3])
    pooled = MaskAnnotators.pooled([first.annotators, second.annotators])
    np.testing.assert_allclose(pooled.iou, together.annotators.iou)
    np.testing.assert_allclose(pooled.border_bias, together.annotators.border_bias)
    assert pooled.n_answers.tolist() == together.annotators.n_answers.tolist()


@methods
def test_neither_the_order_of_answers_nor_tiles_nor_compiled_loops_matter(monkeypatch, method):
    drawn = made_up_drawings(6, n_items=5, n_classes=3)
    gold = {item: drawn.truth[item] for item in (1, 3)}
    first = method().fit_predict(drawn.answers, gold=gold)
    order = np.random.default_rng(0).permutation(len(drawn.mask))
    renamed = np.random.default_rng(1).permutation(drawn.n_annotators)
    shuffled = replace(
        drawn,
        item=drawn.item[order],
        annotator=renamed[drawn.annotator[order]],
        mask=[drawn.mask[row] for row in order],
    )
    monkeypatch.setattr(mask_base, "_MANY_PIXELS", 0)
    second = method(tile=16).fit_predict(shuffled.answers, gold=dict(reversed(gold.items())))
    for one, two in zip(first.label, second.label, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.annotators.iou, second.annotators.iou[renamed])


@methods
def test_gold_of_another_size_or_of_unknown_classes_is_refused(method):
    answers = made_up_drawings(0).answers
    with pytest.raises(
        ValueError, match=r"gold must have the size of the item's masks, \(40, 50\)"
    ):
        method().fit(answers, gold={1: np.zeros((5, 5), np.uint8)})
    with pytest.raises(ValueError, match=r"must have classes|class"):
        method().fit(answers, gold={1: np.full((40, 50), 7)})
    with pytest.raises(ValueError, match=r"item must lie in 0 \.\. 3; got 9"):
        method().fit(answers, gold={9: np.zeros((5, 5), np.uint8)})
