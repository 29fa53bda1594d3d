"""Instances: who marked the same object, support, class and shape."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.masks import (
    INSTANCE_METHODS,
    InstanceAnnotators,
    InstanceAnswers,
    MatchedInstances,
    instance_disagreement,
)
from workloads.consolidation.masks.drawings import iou

SIZE = (60, 80)


def disc(row, column, radius):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(rows - row, columns - column) <= radius


def answers_of(drawn, n_items=1, n_annotators=None, n_classes=3):
    """``drawn``: (item, annotator, [(label, mask), ...]) per answer."""
    item, annotator = [d[0] for d in drawn], [d[1] for d in drawn]
    marks = [(row, label, mask) for row, d in enumerate(drawn) for label, mask in d[2]]
    answer, label, mask = zip(*marks, strict=True) if marks else ((), (), ())
    return InstanceAnswers.of(
        np.array(item, int),
        np.array(annotator, int),
        np.array(answer, int),
        np.array(label, int),
        list(mask),
        n_items,
        n_annotators or max(annotator, default=0) + 1,
        n_classes,
    )


def full(result, m):
    found = np.zeros(SIZE, bool)
    top, left, bottom, right = result.box[m]
    found[top:bottom, left:right] = result.mask[m]
    return found


def crowd(seed, n_annotators=7):
    """Four discs, of two classes; each annotator misses some, errs in some, and adds one."""
    rng = np.random.default_rng(seed)
    discs = [(15, 15, 9), (15, 55, 10), (42, 20, 11), (42, 60, 8)]
    drawn = []
    for who in range(n_annotators):
        marks = []
        for n, (row, column, radius) in enumerate(discs):
            if rng.random() < 0.85:
                jitter = rng.normal(0, 0.7, 3)
                label = n % 2 if rng.random() < 0.95 else 2
                marks.append((label, disc(row + jitter[0], column + jitter[1], radius + jitter[2])))
        marks.append((2, disc(rng.uniform(5, 55), rng.uniform(30, 40), 3)))
        drawn.append((0, who, marks))
    return drawn, [disc(*each) for each in discs]


@pytest.mark.parametrize("seed", range(4))
def test_objects_of_the_crowd_come_out_once_each(seed):
    drawn, truth = crowd(seed)
    result = MatchedInstances().fit_predict(answers_of(drawn))
    found = [full(result, m) for m in range(len(result.item))]
    near = np.array([[iou(f, t) for t in truth] for f in found])
    assert near.shape == (4, 4)
    assert sorted(near.argmax(axis=1)) == [0, 1, 2, 3]
    assert near.max(axis=1).min() > 0.8
    np.testing.assert_array_equal(result.label, near.argmax(axis=1) % 2)
    assert (result.out_of == 7).all()
    assert ((result.confidence > 0) & (result.confidence < 1)).all()


def test_who_saw_nothing_counts_against():
    here = disc(20, 20, 8)
    marked = [(0, 0, [(1, here)]), (0, 1, [(1, here)])]
    result = MatchedInstances().fit_predict(answers_of(marked))
    assert result.support.tolist() == [2]
    assert result.confidence[0] == pytest.approx(2.5 / 3)
    np.testing.assert_array_equal(full(result, 0), here)
    nothing = [(0, who, []) for who in (2, 3, 4)]
    assert len(MatchedInstances().fit_predict(answers_of(marked + nothing)).item) == 0
    half = MatchedInstances().fit_predict(answers_of(marked + nothing[:2]))
    assert half.out_of.tolist() == [4]
    assert (
        len(MatchedInstances(support=0.6).fit_predict(answers_of(marked + nothing[:2])).item) == 0
    )


def test_an_annotator_has_at_most_one_instance_of_an_object():
    here = disc(20, 20, 8)
    twice = [(0, 0, [(0, here), (0, disc(20, 21, 8))]), (0, 1, [(0, here)])]
    result = MatchedInstances(support=0.9).fit_predict(answers_of(twice))
    assert result.support.tolist() == [2]
    assert result.instance.tolist() == [0, -1, 0]


def test_clusters_join_only_if_all_are_near_on_average():
    # A chain: each is near to the next, the ends are not near to each other.
    chain = [disc(30, 30 + shift, 10) for shift in (0, 5, 10)]
    drawn = [(0, who, [(0, mask)]) for who, mask in enumerate(chain)]
    result = MatchedInstances(support=0.0).fit_predict(answers_of(drawn))
    assert sorted(result.support) == [1, 2]


def test_the_class_is_voted_and_a_tie_goes_to_the_lower():
    here = disc(20, 20, 8)
    drawn = [(0, who, [(label, here)]) for who, label in enumerate([2, 1, 2, 1])]
    result = MatchedInstances().fit_predict(answers_of(drawn))
    assert result.label.tolist() == [1]
    assert result.confidence[0] == pytest.approx(4.5 / 5 / 2)


def test_figures_of_the_annotators():
    a, b, odd = disc(15, 15, 8), disc(15, 55, 8), disc(50, 40, 4)
    drawn = [(0, 0, [(0, a), (0, b)]), (0, 1, [(0, a), (0, odd)]), (0, 2, [(0, a), (0, b)])]
    known = MatchedInstances().fit_predict(answers_of(drawn)).annotators
    np.testing.assert_allclose(known.hit_rate, [1, 1 / 2, 1])
    np.testing.assert_allclose(known.false_rate, [0, 1 / 2, 0])
    np.testing.assert_allclose(known.iou, 1)
    read = InstanceAnnotators.from_json(known.named(["a", "b", "ü"]).to_json())
    assert read.names == ("a", "b", "ü")
    np.testing.assert_array_equal(read.hit_rate, known.hit_rate)


def test_who_misses_or_invents_or_draws_badly_is_flagged():
    a, b, odd = disc(15, 15, 8), disc(15, 55, 8), disc(50, 40, 4)
    marks = [[a, b], [a, b], [a, b], [a], [a, b, odd], [disc(15, 18, 8), disc(15, 58, 8)]]
    drawn = [
        (item, who, [(0, mask) for mask in own])
        for item in range(5)
        for who, own in enumerate(marks)
    ]
    known = MatchedInstances().fit_predict(answers_of(drawn, n_items=5)).annotators
    assert known.outlier.tolist() == [False, False, False, True, True, True]
    few = MatchedInstances().fit_predict(answers_of(drawn[:6])).annotators
    assert not few.outlier.any()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_answers_and_names_do_not_matter(seed):
    drawn, _ = crowd(seed)
    first = MatchedInstances().fit_predict(answers_of(drawn))
    order = np.random.default_rng(seed).permutation(7)
    renamed = [(0, int(order[who]), marks[::-1]) for _, who, marks in drawn]
    moved = [renamed[n] for n in order]
    second = MatchedInstances().fit_predict(answers_of(moved))
    np.testing.assert_array_equal(first.box, second.box)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    for one, other in zip(first.mask, second.mask, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.annotators.hit_rate, second.annotators.hit_rate[order])


def test_crops_with_corners_are_the_same_as_whole_masks():
    mask = disc(20, 30, 8)
    cut = mask[5:40, 10:60]
    whole = InstanceAnswers.of([0], [0], [0], [0], [mask], 1, 1, 1)
    crop = InstanceAnswers.of([0], [0], [0], [0], [cut], 1, 1, 1, corner=[[5, 10]])
    np.testing.assert_array_equal(whole.box, crop.box)
    np.testing.assert_array_equal(whole.mask[0], crop.mask[0])


@pytest.mark.parametrize("seed", range(3))
def test_ious_are_those_of_whole_masks(seed):
    rng = np.random.default_rng(seed)
    masks = [disc(*rng.uniform((0, 0, 1), (60, 80, 20))) for _ in range(12)]
    answers = InstanceAnswers.of([0], [0], [0] * 12, [0] * 12, masks, 1, 1, 1)
    twin = np.array([[iou(a, b) if a is not b else 0 for b in masks] for a in masks])
    np.testing.assert_allclose(answers.ious(np.arange(12)), twin)


def test_disagreement_of_instances_is_one_less_panoptic_quality():
    a, b = disc(15, 15, 8), disc(15, 55, 8)
    drawn = [(0, 0, [(0, a), (1, b)]), (0, 1, [(0, a), (0, b)]), (0, 2, []), (0, 3, [])]
    answers = answers_of(drawn)
    assert instance_disagreement(answers, 0, 0) == 0
    # One of two has the same class.
    assert instance_disagreement(answers, 0, 1) == instance_disagreement(answers, 1, 0) == 0.5
    assert instance_disagreement(answers, 0, 2) == 1
    assert instance_disagreement(answers, 2, 3) == 0


@pytest.mark.parametrize("method", INSTANCE_METHODS.values(), ids=INSTANCE_METHODS)
def test_nothing_marked_and_nothing_answered(method):
    for drawn in ([], [(0, 0, []), (0, 1, [])], [(0, 0, [(0, np.zeros(SIZE))])]):
        result = method().fit_predict(answers_of(drawn, n_annotators=2))
        assert len(result.item) == len(result.mask) == 0
        assert result.box.shape == (0, 4)
        assert np.isnan(result.annotators.hit_rate).all()


def test_one_pixel_is_an_instance():
    dot = np.zeros(SIZE, bool)
    dot[0, 79] = True
    result = MatchedInstances().fit_predict(answers_of([(0, who, [(0, dot)]) for who in range(3)]))
    assert result.box.tolist() == [[0, 79, 1, 80]]


def test_the_last_answer_of_an_annotator_counts():
    old, new = disc(15, 15, 8), disc(15, 55, 8)
    result = MatchedInstances().fit_predict(answers_of([(0, 0, [(0, old)]), (0, 0, [(0, new)])]))
    np.testing.assert_array_equal(full(result, 0), new)


BAD = {
    "answer": ({"answer": [1]}, r"answer must lie in 0 \.\. 0; got 1 at position 0"),
    "label": ({"label": [-1]}, r"label must lie in 0 \.\. 0; got -1 at position 0"),
    "length": ({"label": [0, 0]}, r"label must have one entry per mask \(1\)"),
    "float": ({"label": [0.5]}, "label must hold integers; got float64"),
    "mask": ({"mask": [np.zeros(3)]}, r"must have \(height, width\); got shape \(3,\)"),
    "corner": ({"corner": [[0.5, 1]]}, "corner must hold integers"),
}


@pytest.mark.parametrize(("changed", "message"), BAD.values(), ids=BAD)
def test_bad_instances_are_named(changed, message):
    call = {
        "item": [0],
        "annotator": [0],
        "answer": [0],
        "label": [0],
        "mask": [np.ones((2, 2))],
        "n_items": 1,
        "n_annotators": 1,
        "n_classes": 1,
    }
    with pytest.raises(ValueError, match=message):
        InstanceAnswers.of(**(call | changed))
