"""Every algorithm for objects: by hand, on made up crowds whose truth is known, and by twins."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.objects import (
    METHODS,
    Boxes,
    HitRates,
    ObjectAnswers,
    Polygons,
    RotatedBoxes,
    SupportVote,
    fusion,
    support_curve,
)
from surelabel.consolidation.objects.groups import medians
from surelabel.consolidation.objects.support_curve import SupportCurve
from workloads.consolidation.objects.scenes import (
    KINDS,
    chains_of,
    made_up_scene,
    matched,
    matched_rows,
)

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
kinds = pytest.mark.parametrize("kind", KINDS)


def one_item(geometry, answer, n_annotators, label=None, n_classes=1):
    label = np.zeros(len(geometry), int) if label is None else np.array(label)
    item, who = np.zeros(n_annotators, int), np.arange(n_annotators)
    answer = np.array(answer, int)
    return ObjectAnswers.of(item, who, answer, geometry, label, 1, n_annotators, n_classes)


def test_support_counts_those_who_saw_nothing():
    boxes = Boxes.of([[0, 0, 10, 10], [0, 0, 10, 10]])
    for n_annotators, kept in ((4, 1), (5, 0)):
        result = SupportVote().fit_predict(one_item(boxes, [0, 1], n_annotators))
        assert len(result.item) == kept
        assert result.n_answers.tolist() == [n_annotators]
    recalled = SupportVote(min_support=1 / 3).fit_predict(one_item(boxes, [0, 1], 5))
    assert (recalled.support.tolist(), recalled.out_of.tolist()) == ([2], [5])


def test_two_boxes_make_their_mean_and_one_stays_itself():
    boxes = Boxes.of([[0, 0, 10, 10], [1, 0, 10, 12], [50, 50, 7, 7]])
    result = SupportVote().fit_predict(one_item(boxes, [0, 1, 1], 2))
    np.testing.assert_allclose(
        result.geometry.to_ground_truth(), [[0.5, 0, 10, 11], [50, 50, 7, 7]]
    )
    # Two of two against one of two.
    assert result.confidence[0] > result.confidence[1]
    assert result.mark_object.tolist() == [0, 0, 1]


def test_an_outlier_hardly_moves_the_fused_box():
    rows = [[100, 100, 50, 50]] * 4 + [[110, 108, 50, 50]]
    result = SupportVote().fit_predict(one_item(Boxes.of(rows), range(5), 5))
    moved = result.geometry.to_ground_truth() - [[100, 100, 50, 50]]
    assert np.abs(moved).max() < 0.6
    assert np.abs(np.mean(rows, axis=0) - [100, 100, 50, 50]).max() == 2


def test_an_angle_is_averaged_across_the_turn_and_between_the_forms_of_a_box():
    # 350 and 10 degrees about one centre, and the same box with its sides swapped at 90 degrees.
    boxes = RotatedBoxes.of([
        [0, 0, 100, 40, 350], [0, 0, 100, 40, 10], [30, -30, 40, 100, 90], [0, 0, 100, 40, 180],
    ])  # fmt: skip
    result = SupportVote().fit_predict(one_item(boxes, range(4), 4))
    found = result.geometry.boxes[0]
    np.testing.assert_allclose(found[:2], [50, 20], atol=1e-6)
    longer, shorter = max(found[2:4]), min(found[2:4])
    np.testing.assert_allclose([longer, shorter], [100, 40], atol=1e-6)
    angle = found[4] + (90 if found[3] > found[2] else 0)
    assert abs((angle + 90) % 180 - 90) < 1e-6


def test_polygons_that_are_shifted_make_the_polygon_between():
    square = np.array([[0.0, 0], [100, 0], [100, 100], [0, 100]])
    shifted = np.roll(square[::-1], 1, axis=0) + np.array([8, 4])
    result = SupportVote().fit_predict(one_item(chains_of(Polygons, [square, shifted]), [0, 1], 2))
    middle = chains_of(Polygons, [square + np.array([4, 2])])
    similarity = result.geometry.similarity(np.array([0]), middle, np.array([0]))
    assert similarity[0] > 0.999
    assert len(result.geometry.vertices) == 4


@methods
@kinds
@pytest.mark.parametrize("seed", range(2))
def test_fused_objects_are_nearer_to_the_truth_than_the_marks(method, kind, seed):
    scene = made_up_scene(kind, seed, n_items=25)
    result = method.fit_predict(scene.coded)
    found, partner = matched_rows(result.item, result.geometry, scene.true_item, scene.truth)
    right = found > 0
    f1 = 2 * right.sum() / (len(found) + len(scene.true_item))
    answers = scene.coded
    marks = np.flatnonzero(result.mark_object >= 0)
    own = answers.geometry.similarity(marks, result.geometry, result.mark_object[marks])
    behind = marks[right[result.mark_object[marks]]]
    truth = partner[result.mark_object[behind]]
    single = answers.geometry.similarity(behind, scene.truth, truth)
    assert f1 > 0.95
    # At least a third of the error of a single mark is gone.
    assert 1 - found[right].mean() < (1 - single.mean()) * 2 / 3
    # What a mark stands behind is an object of its own item.
    np.testing.assert_array_equal(result.item[result.mark_object[marks]], answers.mark_item[marks])
    assert own.mean() > 0.5


@methods
def test_the_class_is_what_most_say_and_its_doubt_lowers_the_confidence(method):
    rows = [[0, 0, 10, 10]] * 5 + [[50, 0, 10, 10]] * 5
    label = [1, 1, 1, 1, 1, 2, 2, 2, 0, 1]
    answers = one_item(Boxes.of(rows), [0, 1, 2, 3, 4] * 2, 5, label, 3)
    result = method.fit_predict(answers)
    assert result.label.tolist() == [1, 2]
    assert result.confidence[0] > result.confidence[1] + 0.05


def test_the_default_is_surer_where_it_is_right():
    scene = made_up_scene("Boxes", 5, n_items=60, jitter=0.08)
    result = METHODS["Auto"]().fit_predict(scene.coded)
    right = matched(result.item, result.geometry, scene.true_item, scene.truth) > 0
    assert result.confidence[right].mean() > result.confidence[~right].mean() + 0.2
    assert abs(result.confidence.mean() - right.mean()) < 0.05


@methods
def test_annotators_who_miss_invent_or_shake_are_flagged(method):
    rng = np.random.default_rng(0)
    n_items, n_annotators, n_objects = 60, 8, 3
    box = np.stack((
        np.tile([0, 200, 400], n_items), np.zeros(3 * n_items),
        np.full(3 * n_items, 100), np.full(3 * n_items, 80),
    ), axis=1).astype(float)  # fmt: skip
    item, who = np.repeat(np.arange(n_items), n_annotators), np.tile(range(n_annotators), n_items)
    answer, marks = [], []
    for number, (image, annotator) in enumerate(zip(item, who, strict=True)):
        for row in box[image * n_objects : (image + 1) * n_objects]:
            if rng.random() > (0.4 if annotator == 1 else 0.02):
                marks.append(row + rng.normal(0, 12.0 if annotator == 3 else 2.0, 4))
                answer.append(number)
        # Everybody invents now and then, in their own place; annotator 2 always.
        if rng.random() < (0.95 if annotator == 2 else 0.1):
            marks.append([600 + 100 * annotator, 300, 50, 50])
            answer.append(number)
    answers = ObjectAnswers.of(
        item, who, answer, Boxes.of(marks), np.zeros(len(marks), int), n_items, n_annotators, 1
    )
    annotators = method.fit_predict(answers).annotators
    flags = annotators.flags()
    assert flags[1] == ("Misses",)
    assert flags[2] == ("Invents",)
    assert flags[3] == ("Imprecise",)
    assert not any(flags[k] for k in (0, 4, 5, 6, 7))
    assert annotators.sigma[3] == pytest.approx(12 / 90, rel=0.35)
    assert annotators.hit_rate[1] == pytest.approx(0.6, abs=0.08)


def test_a_bias_shows_with_its_sign():
    rng = np.random.default_rng(1)
    n_items, n = 40, 4
    box = np.tile([100.0, 100, 100, 50], (n_items * n, 1)) + rng.normal(0, 1, (n_items * n, 4))
    who = np.tile(np.arange(n), n_items)
    # Annotator 0 draws every box 10 % too far to the right; the width stays.
    box[who == 0, 0] += 10
    answers = ObjectAnswers.of(
        np.repeat(np.arange(n_items), n), who, np.arange(n_items * n), Boxes.of(box),
        np.zeros(n_items * n, int), n_items, n, 1,
    )  # fmt: skip
    annotators = SupportVote().fit_predict(answers).annotators
    assert annotators.error_names == ("left", "top", "right", "bottom")
    np.testing.assert_allclose(annotators.bias[0], [0.1, 0, 0.1, 0], atol=0.02)


def slow_fusion(values, scale, annotator, cluster, n_annotators, n_iter=5):
    """The formulas of the module's docstring, one mark and one coordinate at a time."""
    n = cluster.max() + 1
    members = [np.flatnonzero(cluster == c) for c in range(n)]
    centre = np.array([np.median(values[m], axis=0) for m in members])
    size = np.array([np.median(scale[m], axis=0) for m in members])
    square = np.ones(n_annotators)
    for _ in range(n_iter):
        errors = {a: [] for a in range(n_annotators)}
        new = centre.copy()
        for c, mine in enumerate(members):
            weight = np.array([
                [min(1, 0.05 / max(abs(values[m, k] - centre[c, k]) / size[c, k], 1e-9))
                 / square[annotator[m]] for k in range(values.shape[1])] for m in mine
            ])  # fmt: skip
            new[c] = (weight * values[mine]).sum(axis=0) / weight.sum(axis=0)
            for i, m in enumerate(mine):
                if len(mine) < 3:
                    continue
                rest = [j for j in range(len(mine)) if j != i]
                mean = (weight[rest] * values[mine[rest]]).sum(axis=0) / weight[rest].sum(axis=0)
                out = np.minimum(((values[m] - mean) / size[c]) ** 2, 0.25).mean()
                errors[annotator[m]].append(out)
        everybody = max(np.mean([e for them in errors.values() for e in them]), 1e-4)
        square = np.array([
            max((sum(errors[a]) + 5 * everybody) / (len(errors[a]) + 5), 1e-4)
            for a in range(n_annotators)
        ])  # fmt: skip
        centre = new
    return centre, np.sqrt(square)


@pytest.mark.parametrize("compiled", [False, True])
def test_fusion_is_that_of_the_slow_way(monkeypatch, compiled):
    rng = np.random.default_rng(2)
    cluster = np.sort(np.append(np.arange(20), rng.integers(20, size=60)))
    rng.shuffle(cluster)
    values = rng.normal(0, 20, (80, 4)) + 1000 * cluster[:, None]
    scale = rng.uniform(50, 150, (80, 4))
    annotator = rng.integers(6, size=80)
    if compiled:
        monkeypatch.setattr(fusion, "_MANY", 0)
    aligned = fusion.Aligned(values, scale, np.arange(20))
    fused, errors = fusion.fuse(aligned, annotator, cluster, 6, None)
    slow, sigma = slow_fusion(values, scale, annotator, cluster, 6)
    np.testing.assert_allclose(fused, slow, rtol=1e-10)
    np.testing.assert_allclose(errors.sigma, sigma, rtol=1e-8)


def test_compiled_fusion_equals_the_plain_one(monkeypatch):
    answers = made_up_scene("Boxes", 3, n_items=40).coded
    plain = SupportVote().fit_predict(answers)
    monkeypatch.setattr(fusion, "_MANY", 0)
    compiled = SupportVote().fit_predict(answers)
    np.testing.assert_allclose(plain.geometry.corners, compiled.geometry.corners, rtol=1e-12)
    np.testing.assert_allclose(plain.annotators.bias, compiled.annotators.bias, atol=1e-12)


def test_compiled_medians_are_the_same_to_the_bit():
    from surelabel.consolidation.objects.fusion_kernels import compiled_fusion

    rng = np.random.default_rng(0)
    code = np.append(np.arange(9), rng.integers(9, size=50))
    values = rng.normal(size=(59, 3))
    _, compiled_medians = compiled_fusion(code, 9)
    np.testing.assert_array_equal(medians(values, code, 9), compiled_medians(values, code, 9))
    np.testing.assert_array_equal(medians(values, code, 9)[4], np.median(values[code == 4], axis=0))


def test_the_curve_finds_the_mixture_that_made_the_counts():
    rng = np.random.default_rng(4)
    n, seen = 6000, 6
    real = rng.random(n) < 0.7
    rate = np.where(real, rng.beta(0.92 * 4, 0.08 * 4, n), rng.beta(0.1 * 20, 0.9 * 20, n))
    support = rng.binomial(seen, rate)
    marked = support > 0
    curve = SupportCurve.fit(support[marked], np.full(marked.sum(), seen))
    odds = curve.log_odds(np.arange(1.0, seen + 1), np.full(seen, seen))
    assert (np.diff(odds) > 0).all()
    for k in range(1, seen + 1):
        share = real[support == k].mean()
        assert 1 / (1 + np.exp(-odds[k - 1])) == pytest.approx(share, abs=0.12), k
    assert curve.hit == pytest.approx(0.92, abs=0.03)


def test_hit_rates_find_the_truth_by_whom_they_believe():
    # 0 and 1 see everything and invent nothing, 2 and 3 mark at random.
    rng = np.random.default_rng(0)
    item, who, answer, rows, truth = [], [], [], [], []
    for image in range(150):
        real = rng.random() < 0.5
        truth.append(real)
        for annotator in range(4):
            item.append(image)
            who.append(annotator)
            if (real if annotator < 2 else False) or (annotator >= 2 and rng.random() < 0.5):
                answer.append(len(item) - 1)
                rows.append([0, 0, 10, 10])
    answers = ObjectAnswers.of(
        item, who, answer, Boxes.of(rows), np.zeros(len(rows), int), 150, 4, 1
    )
    found = np.zeros(150, dtype=bool)
    found[HitRates().fit_predict(answers).item] = True
    assert (found == np.array(truth)).mean() > 0.98


def test_a_table_of_the_curve_is_the_curve(monkeypatch):
    rng = np.random.default_rng(0)
    seen = rng.integers(1, 10, size=500)
    support = seen * rng.random(500)
    curve = SupportCurve(real=0.7, hit_spread=0.05, false_spread=0.02)
    exact = curve.log_odds(support, seen)
    monkeypatch.setattr(support_curve, "_MANY", 0)
    np.testing.assert_allclose(curve.log_odds(support, seen), exact, atol=1e-4)
