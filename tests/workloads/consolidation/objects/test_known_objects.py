"""Gold items: known objects stand, and teach who finds, invents, names and places them how well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surelabel.consolidation.objects import (
    METHODS,
    Auto,
    BetaBinomial,
    Boxes,
    HitRates,
    ObjectAnswers,
    SupportVote,
    beta_binomial,
    fusion,
    matching,
)
from surelabel.consolidation.objects.presence import turn
from surelabel.consolidation.objects.presence_kernels import compiled_turn
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import SupportCurve
from workloads.consolidation.objects.scenes import KINDS, made_up_scene, matched

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
kinds = pytest.mark.parametrize("kind", KINDS)
# Those that weigh what people say by what is known of them.
weighing = pytest.mark.parametrize("method", [Auto(), BetaBinomial(), HitRates()])

HERE, THERE = [10.0, 10, 40, 40], [200.0, 200, 40, 40]


def outvoted(n_items: int) -> ObjectAnswers:
    """The object is HERE: 0 marks it, while 1 and 2 both mark another one THERE."""
    item = np.repeat(np.arange(n_items), 3)
    boxes = Boxes.of([HERE, THERE, THERE] * n_items)
    who = np.tile([0, 1, 2], n_items)
    label = np.zeros(len(item), np.int64)
    return ObjectAnswers.of(item, who, np.arange(len(item)), boxes, label, n_items, 3, 1)


def gold_of(scene, items):
    """The truth of some items of a made up scene."""
    rows = {item: np.flatnonzero(scene.true_item == item) for item in items}
    return {item: (scene.truth[own], scene.true_label[own]) for item, own in rows.items()}


def f1(scene, result, items):
    """Of the objects of these items, with their labels."""
    there = np.flatnonzero(np.isin(result.item, items))
    truth = np.flatnonzero(np.isin(scene.true_item, items))
    found = 0
    for label in range(scene.n_classes):
        mine = there[result.label[there] == label]
        theirs = truth[scene.true_label[truth] == label]
        args = (result.item[mine], result.geometry[mine])
        found += (matched(*args, scene.true_item[theirs], scene.truth[theirs]) > 0).sum()
    return 2 * found / (len(there) + len(truth))


@weighing
def test_one_who_is_right_on_gold_outvotes_two_who_are_not(method):
    answers = outvoted(12)
    without = method.fit_predict(answers)
    np.testing.assert_allclose(without.geometry.corners[:, 0], [200] * 12)
    gold = {item: (Boxes.of([HERE]), [0]) for item in range(10)}
    result = method.fit_predict(answers, gold=gold)
    np.testing.assert_allclose(result.geometry.corners[:, 0], [10] * 12)
    assert result.item.tolist() == list(range(12))
    assert (result.annotators.hit_rate[1:] < result.annotators.hit_rate[0] / 2).all()
    # Where others tell far more than gold does, gold still decides whom to believe.
    result = method.fit_predict(outvoted(60), gold={item: gold[item] for item in range(4)})
    np.testing.assert_allclose(result.geometry.corners[:, 0], [10] * 60)


def test_rates_are_counts_against_what_is_known():
    # Six gold items and no other: 0 always hits, 1 and 2 invent one each time.
    gold = {item: (Boxes.of([HERE]), [0]) for item in range(6)}
    annotators = SupportVote().fit_predict(outvoted(6), gold=gold).annotators
    # Of 18 looks at a real object 6 hit, of 18 at another one 12; ten of everybody's for each.
    hit, false = 7 / 20, 13 / 20
    expected = [(6 + 10 * hit) / 16, 10 * hit / 16, 10 * hit / 16]
    np.testing.assert_allclose(annotators.hit_rate, expected)
    expected = [10 * false / 16, (6 + 10 * false) / 16, (6 + 10 * false) / 16]
    np.testing.assert_allclose(annotators.false_rate, expected)
    assert annotators.n_real.tolist() == [6, 6, 6]


@methods
@kinds
def test_what_is_known_stands_as_it_is(method, kind):
    scene = made_up_scene(kind, 1)
    gold = gold_of(scene, range(5)) | {5: (scene.truth[np.empty(0, np.int64)], [])}
    result = method.fit_predict(scene.coded, gold=gold)
    for item, (geometry, label) in gold.items():
        rows = np.flatnonzero(result.item == item)
        order = np.lexsort(geometry.bounds().T[::-1])
        mine = np.lexsort(result.geometry[rows].bounds().T[::-1])
        # The bounds of a line have its length, a difference that is rounded.
        np.testing.assert_allclose(
            result.geometry[rows].bounds()[mine], geometry.bounds()[order], rtol=1e-12
        )
        np.testing.assert_array_equal(result.label[rows[mine]], np.asarray(label, int)[order])
        assert (result.confidence[rows] == 1).all()
    assert (result.item_confidence[:6] == 1).all()
    assert (np.diff(result.item) >= 0).all()
    assert len(result.mark_object) == len(scene.answer)
    assert (result.out_of <= result.n_answers[result.item]).all()
    assert result.annotators.hit_rate.shape == (scene.n_annotators,)


@methods
def test_known_objects_that_nobody_marked_or_looked_at_stand(method):
    answers = ObjectAnswers.of([0, 0], [0, 1], [0], Boxes.of([THERE]), [0], 3, 2, 1)
    gold = {item: (Boxes.of([HERE]), [0]) for item in (0, 2)}
    result = method.fit_predict(answers, gold=gold)
    assert result.item[[0, -1]].tolist() == [0, 2]
    assert result.support.tolist() == [0, 0]
    assert result.out_of.tolist() == [2, 0]
    np.testing.assert_array_equal(result.item_confidence, [1, np.nan, 1])
    assert result.mark_object.tolist() == [-1]
    assert (result.annotators.n_real == 1).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_bias_and_error_show_against_gold_also_of_one_alone(monkeypatch, compiled):
    if compiled:
        monkeypatch.setattr(fusion, "_MANY", 0)
    # 4 of 40 too far to the right, on every item.
    boxes = Boxes.of([[HERE[0] + 4, *HERE[1:]]] * 30)
    n = np.arange(30)
    answers = ObjectAnswers.of(n, 0 * n, n, boxes, 0 * n, 30, 1, 1)
    without = Auto().fit_predict(answers).annotators
    assert np.isnan(without.bias).all()
    gold = {item: (Boxes.of([HERE]), [0]) for item in range(20)}
    annotators = Auto().fit_predict(answers, gold=gold).annotators
    np.testing.assert_allclose(annotators.bias, [[0.1, 0, 0.1, 0]], atol=1e-6)
    # Root mean square of the four sides; everybody is this one.
    np.testing.assert_allclose(annotators.sigma, [np.sqrt(0.01 / 2)], rtol=1e-4)
    assert annotators.n_measured.tolist() == [20]


def test_a_precise_hand_on_gold_moves_the_places_of_other_items():
    # 1 and 2 mark the same, 4 aside; without gold they are the precise ones.
    boxes = Boxes.of([HERE, [14, *HERE[1:]], [14, *HERE[1:]]] * 40)
    item, who = np.repeat(np.arange(40), 3), np.tile([0, 1, 2], 40)
    answers = ObjectAnswers.of(item, who, np.arange(120), boxes, 0 * item, 40, 3, 1)
    gold = {item: (Boxes.of([HERE]), [0]) for item in range(20)}
    assert Auto().fit_predict(answers).geometry.corners[-1, 0] > 13.5
    # They still are where nothing is known, which is half of the items.
    assert Auto().fit_predict(answers, gold=gold).geometry.corners[-1, 0] < 13


def test_who_names_classes_wrong_on_gold_counts_less_elsewhere():
    # All mark the same box; 1 and 2 call a 0 a 1.
    boxes = Boxes.of([HERE] * 90)
    item, who = np.repeat(np.arange(30), 3), np.tile([0, 1, 2], 30)
    truth = np.arange(30) % 2
    label = np.where(who == 0, truth[item], 1)
    answers = ObjectAnswers.of(item, who, np.arange(90), boxes, label, 30, 3, 2)
    assert Auto().fit_predict(answers).label.tolist() == [1] * 30
    gold = {item: (Boxes.of([HERE]), truth[[item]]) for item in range(20)}
    assert Auto().fit_predict(answers, gold=gold).label.tolist() == truth.tolist()


@pytest.mark.parametrize("kind", ["Boxes", "Polylines"])
@pytest.mark.parametrize("seed", range(3))
def test_with_gold_other_items_are_labeled_no_worse_and_better_in_a_poor_crowd(kind, seed):
    scene = made_up_scene(kind, seed, n_items=60, per_item=6)
    gold, others = gold_of(scene, range(20)), np.arange(20, 60)
    without, told = (f1(scene, Auto().fit_predict(scene.coded, gold=g), others) for g in ({}, gold))
    # In a good crowd there is next to nothing to win; one object of 140 is chance.
    assert told > without - 1 / 140
    # Three of six now mark the same false objects: where those of another item are.
    rows = np.flatnonzero(np.isin(scene.annotator[scene.answer], [1, 3, 5]))
    elsewhere = made_up_scene(kind, seed + 10, n_items=60, per_item=6)
    false = np.flatnonzero(np.isin(elsewhere.annotator[elsewhere.answer], [1, 3, 5]))
    kept = np.setdiff1d(np.arange(len(scene.answer)), rows)
    # The k-th answer to an item is by another person in the other scene; both have all six.
    place = {pair: row for row, pair in enumerate(zip(scene.item, scene.annotator, strict=True))}
    whose = zip(
        elsewhere.item[elsewhere.answer[false]],
        elsewhere.annotator[elsewhere.answer[false]],
        strict=True,
    )
    poor = replace(
        scene,
        answer=np.append(scene.answer[kept], [place[pair] for pair in whose]),
        geometry=scene.geometry[kept].joined(elsewhere.geometry[false]),
        label=np.append(scene.label[kept], elsewhere.label[false]),
    )
    without, told = (f1(poor, Auto().fit_predict(poor.coded, gold=g), others) for g in ({}, gold))
    assert told > without + 0.05


@methods
@kinds
def test_neither_the_order_of_answers_nor_of_gold_matters(method, kind):
    scene = made_up_scene(kind, 3)
    gold = gold_of(scene, range(6))
    shuffled = {
        item: (g[np.arange(len(g))[::-1]], label[::-1]) for item, (g, label) in gold.items()
    }
    backwards = dict(reversed(shuffled.items()))
    first = method.fit_predict(scene.coded, gold=gold)
    second = method.fit_predict(scene.answers_shuffled(1).coded, gold=backwards)
    np.testing.assert_array_equal(first.item, second.item)
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-9)
    np.testing.assert_allclose(first.geometry.bounds(), second.geometry.bounds(), atol=1e-6)
    for name in ("hit_rate", "false_rate", "sigma"):
        one, two = (getattr(each.annotators, name) for each in (first, second))
        np.testing.assert_allclose(one, two, atol=1e-9)


@methods
def test_frozen_annotators_stay_beside_gold(method):
    scene = made_up_scene("Boxes", 4)
    frozen = method.fit_predict(scene.coded).annotators
    gold = gold_of(scene, range(4))
    result = method.fit_predict(scene.coded, frozen_annotators=frozen, gold=gold)
    assert result.annotators is frozen
    assert (result.confidence[result.item < 4] == 1).all()
    without = method.fit_predict(scene.coded, frozen_annotators=frozen)
    np.testing.assert_allclose(
        result.confidence[result.item >= 4], without.confidence[without.item >= 4], atol=1e-9
    )


def test_a_mark_belongs_to_the_known_object_that_it_is_most_like():
    # Alike enough for each other, both marks are of the known object between them; a third is like
    # the first mark, not like what is known.
    marks = Boxes.of([[0, 0, 10, 10], [4, 0, 10, 10], [-4, 0, 10, 10]])
    answers = ObjectAnswers.of([0, 0, 0], [0, 1, 2], [0, 1, 2], marks, [0, 0, 0], 1, 3, 1)
    told = answers.with_gold({0: (Boxes.of([[2, 0, 10, 10]]), [0])})
    sites = Sites.of(told, 0.4)
    assert sites.truth.tolist() == [0, 1]
    assert sites.support.tolist() == [1, 2]
    # One mark of an annotator is the object, the other one is none.
    twice = ObjectAnswers.of([0], [0], [0, 0], marks[np.array([0, 1])], [0, 0], 1, 1, 1)
    sites = Sites.of(twice.with_gold({0: (Boxes.of([[3, 0, 10, 10]]), [0])}), 0.4)
    assert sites.truth.tolist() == [0, 1]


def test_compiled_loops_know_what_is_known(monkeypatch):
    scene = made_up_scene("Boxes", 5, n_items=40)
    gold = gold_of(scene, range(20))
    kept = scene.item > 0
    unseen = replace(
        scene,
        item=scene.item[kept],
        annotator=scene.annotator[kept],
        answer=(np.cumsum(kept) - 1)[scene.answer[kept[scene.answer]]],
        geometry=scene.geometry[np.flatnonzero(kept[scene.answer])],
        label=scene.label[kept[scene.answer]],
    )
    sites = Sites.of(unseen.coded.with_gold(gold), 0.4)
    assert (sites.n_seen == 0).any()
    weight = np.linspace(0.2, 3, scene.n_annotators)
    plain = turn(sites, SupportCurve())(weight)
    fast = compiled_turn(sites, SupportCurve())(weight)
    np.testing.assert_allclose(fast.posterior, plain.posterior, atol=1e-4)
    np.testing.assert_allclose(fast.hits, plain.hits, atol=1e-3)
    first = Auto().fit_predict(unseen.coded, gold=gold)
    for module in (beta_binomial, fusion, matching):
        monkeypatch.setattr(module, "_MANY", 0)
    second = Auto().fit_predict(unseen.coded, gold=gold)
    np.testing.assert_array_equal(first.item, second.item)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-3)


def test_the_curve_counts_what_is_known_as_what_it_is():
    # Marks of one in three tell nothing by themselves; gold says that all of them are real.
    support, seen = np.ones(200, np.int64), np.full(200, 3)
    truth = np.where(np.arange(200) < 100, 1.0, np.nan)
    odds = [
        SupportCurve.fit(support, seen, t).log_odds(np.ones(1), seen[:1]) for t in (None, truth)
    ]
    assert odds[1] > odds[0] + 1


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ({0: (Boxes.of([HERE]), [])}, r"gold must have one label for each object; got 1 objects"),
        ({7: (Boxes.of([HERE]), [0])}, r"item must lie in 0 \.\. 1; got 7"),
        ({0: (Boxes.of([HERE]), [4])}, r"label must lie in 0 \.\. 0; got 4"),
    ],
)
def test_gold_that_cannot_be_is_refused(gold, message):
    with pytest.raises(ValueError, match=message):
        Auto().fit(outvoted(2), gold=gold)
