"""What must not matter to any consolidation of objects, and what none may do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surelabel.consolidation.objects import (
    METHODS,
    Boxes,
    KeyPoints,
    ObjectAnnotators,
    ObjectAnswers,
    Polygons,
    Polylines,
    RotatedBoxes,
    disagreements,
)
from workloads.consolidation.objects.scenes import KINDS, chains_of, made_up_scene

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
kinds = pytest.mark.parametrize("kind", KINDS)

# One that is not a number of marks, for each kind.
NONE = {
    "Boxes": Boxes.of([]),
    "RotatedBoxes": RotatedBoxes.of([]),
    "Polygons": chains_of(Polygons, []),
    "Polylines": chains_of(Polylines, []),
    "KeyPoints": KeyPoints.of([], 1),
}


def coordinates(geometry):
    """All numbers of a geometry, one row per mark; of outlines their bounds."""
    return geometry.bounds() if isinstance(geometry, Polygons | Polylines) else np.hstack([
        np.reshape(getattr(geometry, name), (len(geometry), -1))
        for name in geometry.__dataclass_fields__
    ])  # fmt: skip


def assert_equal(first, second):
    """The same objects, to rounding."""
    np.testing.assert_array_equal(first.item, second.item)
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_array_equal(first.support, second.support)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-9)
    np.testing.assert_allclose(coordinates(first.geometry), coordinates(second.geometry), atol=1e-6)


@methods
@kinds
def test_the_order_of_answers_and_of_marks_does_not_matter(method, kind):
    scene = made_up_scene(kind, 1)
    shuffled = scene.answers_shuffled(2)
    assert_equal(method.fit_predict(scene.coded), method.fit_predict(shuffled.coded))


@methods
@kinds
def test_the_names_of_annotators_do_not_matter(method, kind):
    scene = made_up_scene(kind, 2)
    order = np.random.default_rng(0).permutation(scene.n_annotators)
    renamed = replace(scene, annotator=order[scene.annotator])
    first, second = method.fit_predict(scene.coded), method.fit_predict(renamed.coded)
    assert_equal(first, second)
    np.testing.assert_allclose(
        first.annotators.hit_rate, second.annotators.hit_rate[order], atol=1e-9
    )
    np.testing.assert_allclose(first.annotators.sigma, second.annotators.sigma[order], atol=1e-9)


@methods
@kinds
def test_the_order_of_items_does_not_matter(method, kind):
    scene = made_up_scene(kind, 3)
    order = np.random.default_rng(0).permutation(scene.n_items)
    first = method.fit_predict(scene.coded)
    second = method.fit_predict(replace(scene, item=order[scene.item]).coded)
    back = np.argsort(np.argsort(order)[second.item], kind="stable")
    np.testing.assert_array_equal(first.item, np.argsort(order)[second.item][back])
    np.testing.assert_array_equal(first.label, second.label[back])
    np.testing.assert_allclose(first.confidence, second.confidence[back], atol=1e-9)
    np.testing.assert_allclose(first.item_confidence, second.item_confidence[order], atol=1e-9)


@methods
def test_renaming_the_classes_renames_the_labels(method):
    scene = made_up_scene("Boxes", 4)
    order = np.array([2, 0, 1])
    first = method.fit_predict(scene.coded)
    second = method.fit_predict(replace(scene, label=order[scene.label]).coded)
    np.testing.assert_array_equal(order[first.label], second.label)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-9)


@methods
def test_moving_and_enlarging_the_images_moves_and_enlarges_the_boxes(method):
    scene = made_up_scene("Boxes", 5)
    first = method.fit_predict(scene.coded)
    moved = replace(scene, geometry=Boxes(scene.geometry.corners * 4 + 1000))
    second = method.fit_predict(moved.coded)
    np.testing.assert_allclose(first.geometry.corners * 4 + 1000, second.geometry.corners)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-9)


@methods
def test_the_last_answer_of_an_annotator_to_an_item_counts(method):
    scene = made_up_scene("Boxes", 6)
    # The first answer is given again, at the end, with nothing marked.
    item, who = scene.item[0], scene.annotator[0]
    again = replace(
        scene, item=np.append(scene.item, item), annotator=np.append(scene.annotator, who)
    )
    without = scene.answer != 0
    emptied = replace(
        scene,
        answer=scene.answer[without],
        geometry=scene.geometry[np.flatnonzero(without)],
        label=scene.label[without],
    )
    assert (scene.answer == 0).any()
    assert_equal(method.fit_predict(again.coded), method.fit_predict(emptied.coded))
    twice = replace(
        scene,
        item=np.concatenate((scene.item, scene.item)),
        annotator=np.concatenate((scene.annotator, scene.annotator)),
        answer=np.concatenate((scene.answer, scene.answer + len(scene.item))),
        geometry=Boxes(np.vstack((scene.geometry.corners, scene.geometry.corners))),
        label=np.concatenate((scene.label, scene.label)),
    )
    assert_equal(method.fit_predict(scene.coded), method.fit_predict(twice.coded))


@methods
@kinds
def test_inputs_are_never_changed(method, kind):
    scene = made_up_scene(kind, 7)
    arrays = [scene.item, scene.annotator, scene.answer, scene.label]
    arrays += [getattr(scene.geometry, name) for name in scene.geometry.__dataclass_fields__]
    before = [array.copy() for array in arrays]
    method.fit(scene.coded)
    for old, new in zip(before, arrays, strict=True):
        np.testing.assert_array_equal(old, new)


@methods
@kinds
def test_the_result_is_the_same_to_the_bit_every_time(method, kind):
    scene = made_up_scene(kind, 8)
    first, second = method.fit_predict(scene.coded), method.fit_predict(scene.coded)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.geometry.bounds(), second.geometry.bounds())


@methods
@kinds
def test_nothing_marked_is_an_answer_and_no_answer_is_none(method, kind):
    none = np.empty(0, np.int64)
    answers = ObjectAnswers.of([0, 0, 1], [0, 1, 1], none, NONE[kind], none, 3, 2, 2)
    result = method.fit_predict(answers)
    assert len(result.item) == len(result.geometry) == 0
    two, one, nobody_saw = result.item_confidence.tolist()
    assert 0.7 < one < two < 1
    assert np.isnan(nobody_saw)
    assert result.n_answers.tolist() == [2, 1, 0]
    nobody = ObjectAnswers.of(none, none, none, NONE[kind], none, 0, 0, 1)
    assert len(method.fit_predict(nobody).item) == 0


@methods
@kinds
def test_one_annotator_alone_is_believed_with_doubt(method, kind):
    scene = made_up_scene(kind, 9, per_item=1)
    answers = scene.coded
    result = method.fit_predict(answers)
    assert len(result.item) == len(answers.answer)
    np.testing.assert_allclose(
        result.geometry.bounds(), answers.geometry.bounds()[np.argsort(result.mark_object)],
        atol=1e-6, rtol=0.02,
    )  # fmt: skip
    assert (result.confidence < 1).all()
    assert (result.support == 1).all()


@methods
def test_all_of_one_mind_are_surer_than_any_other_crowd(method):
    n = 5
    answers = ObjectAnswers.of(
        np.zeros(n, int), np.arange(n), np.arange(n), Boxes.of([[3, 4, 20, 30]] * n),
        np.ones(n, int), 1, n, 2,
    )  # fmt: skip
    result = method.fit_predict(answers)
    np.testing.assert_allclose(result.geometry.to_ground_truth(), [[3, 4, 20, 30]])
    assert result.confidence[0] > 0.9
    assert result.spread.tolist() == [1]


@methods
def test_boxes_without_area_outside_the_image_or_of_extreme_size_do_no_harm(method):
    good = [[10, 10, 50, 50]] * 3
    odd = [[5, 5, 0, 0]] * 3 + [[-500, -300, 40, 20]] * 3 + [[0, 0, 1e90, 1e90], [1e-90] * 4]
    answer = [0, 1, 2] * 3 + [0, 1]
    answers = ObjectAnswers.of(
        np.zeros(3, int), np.arange(3), answer, Boxes.of(good + odd), np.zeros(11, int), 1, 3, 1
    )
    result = method.fit_predict(answers)
    assert np.isfinite(result.confidence).all()
    assert np.isfinite(result.geometry.corners).all()
    found = result.geometry.to_ground_truth()[result.support == 3]
    # What all three marked outside the image stays; nobody backs a box without area.
    np.testing.assert_allclose(found, [[-500, -300, 40, 20], [10, 10, 50, 50]])


@methods
@kinds
def test_frozen_annotators_judge_every_item_by_itself(method, kind):
    scene = made_up_scene(kind, 10)
    answers = scene.coded
    frozen = method.fit_predict(answers).annotators
    together = method.fit_predict(answers, frozen_annotators=frozen)
    assert together.n_iter == 0
    assert together.annotators is frozen
    for item in range(3):
        rows = np.flatnonzero(scene.item == item)
        marks = np.flatnonzero(np.isin(scene.answer, rows))
        alone = method.fit_predict(
            ObjectAnswers.of(
                np.zeros(len(rows), int), scene.annotator[rows],
                np.searchsorted(rows, scene.answer[marks]), scene.geometry[marks],
                scene.label[marks], 1, scene.n_annotators, scene.n_classes,
            ),
            frozen_annotators=frozen,
        )  # fmt: skip
        here = together.item == item
        np.testing.assert_array_equal(alone.label, together.label[here])
        np.testing.assert_allclose(alone.confidence, together.confidence[here], atol=1e-9)
        np.testing.assert_allclose(
            alone.geometry.bounds(), together.geometry.bounds()[here], atol=1e-6
        )


@methods
def test_annotators_survive_the_store_and_strangers_are_everybody(method):
    scene = made_up_scene("Boxes", 11)
    names = [f"é{k}" for k in range(scene.n_annotators)]
    annotators = method.fit_predict(scene.coded).annotators.named(names)
    data = annotators.to_json()
    again = ObjectAnnotators.from_json(data)
    assert again.to_json() == data
    np.testing.assert_array_equal(again.bias, annotators.bias)
    known = again.for_annotators(["é3", "stranger"])
    assert known.hit_rate.tolist() == [annotators.hit_rate[3], annotators.pooled[0]]
    assert known.n_answers.tolist() == [annotators.n_answers[3], 0]
    two = replace(scene, item=np.array([0, 0]), annotator=np.array([0, 1]), answer=np.array([0, 1]))
    two = replace(
        two, geometry=Boxes.of([[0, 0, 9, 9]] * 2), label=np.array([1, 1]), n_annotators=2
    )
    result = method.fit_predict(two.coded, frozen_annotators=known)
    assert result.label.tolist() == [1]
    with pytest.raises(ValueError, match="must have 6 annotators"):
        method.fit_predict(scene.coded, frozen_annotators=known)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0, 2], [0, 0], [0], [0]), r"item must lie in 0 \.\. 1; got 2 at position 1"),
        (([0, 1], [0, 5], [0], [0]), r"annotator must lie in 0 \.\. 1; got 5 at position 1"),
        (([0, 1], [0, 0], [2], [0]), r"answer must lie in 0 \.\. 1; got 2 at position 0"),
        (([0, 1], [0, 0], [0], [3]), r"label must lie in 0 \.\. 2; got 3 at position 0"),
        (([0, 1], [0], [0], [0]), r"item and annotator must have the same length; got 2 and 1"),
        (([0, 1], [0, 0], [0, 1], [0]), r"must have the same length; got 2, 1 and 1"),
        (([0.5, 1], [0, 0], [0], [0]), r"item must hold integers; got float64"),
    ],
)
def test_impossible_codes_are_refused_with_their_place(columns, message):
    item, annotator, answer, label = (np.array(column) for column in columns)
    with pytest.raises(ValueError, match=message):
        ObjectAnswers.of(item, annotator, answer, Boxes.of([[0, 0, 1, 1]]), label, 2, 2, 3)


def test_a_threshold_that_is_no_similarity_is_refused():
    scene = made_up_scene("Boxes", 0)
    with pytest.raises(ValueError, match="threshold must be a number above 0 and at most 1; got 0"):
        METHODS["Auto"](threshold=0).fit(scene.coded)


@kinds
def test_disagreement_is_a_symmetric_distance_within_0_and_1(kind):
    answers = made_up_scene(kind, 12).coded
    n = min(len(answers.item), 12)
    a, b = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    there, back = disagreements(answers, a, b), disagreements(answers, b, a)
    np.testing.assert_allclose(there, back, atol=1e-9)
    assert ((there >= 0) & (there <= 1)).all()
    np.testing.assert_allclose(there[a == b], 0, atol=1e-9)
    same = (answers.item[a] == answers.item[b]) & (a != b)
    assert there[same].mean() < there[answers.item[a] != answers.item[b]].mean()
