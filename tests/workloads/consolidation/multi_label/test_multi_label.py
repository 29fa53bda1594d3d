"""Label sets: what each algorithm finds, by hand, beside a slower twin, and on real answers."""

from __future__ import annotations

import time

import numpy as np
import pytest

from surelabel.agreement import alpha_by_distance
from surelabel.consolidation import HierarchicalDawidSkene as Binary
from surelabel.consolidation.multi_label import (
    METHODS,
    GroundTruth,
    HierarchicalDawidSkene,
    JointDawidSkene,
    MajorityVote,
    MultiLabelAnnotators,
    MultiLabelAnswers,
    disagreement,
    jaccard,
)
from surelabel.consolidation.multi_label.base import e_step
from workloads.consolidation.multi_label.crowds import emotions, f1, made_up_sets

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
seeds = pytest.mark.parametrize("seed", range(2))


def answers_of(*sets, n_items=1, n_classes=3, annotators=None):
    """Each set by an annotator of its own, items in turn."""
    answer = [row for row, labels in enumerate(sets) for _ in labels]
    return MultiLabelAnswers.of(
        [row % n_items for row in range(len(sets))],
        annotators or [row // n_items for row in range(len(sets))],
        np.array(answer, int),
        np.array([label for labels in sets for label in labels], int),
        n_items,
        len(sets),
        n_classes,
    )


def test_a_label_needs_more_than_half_of_all_answers_those_that_chose_none_included():
    result = MajorityVote().fit_predict(answers_of({0, 1}, {0}, {0}, {}))
    assert result.label.tolist() == [0, 1]
    assert result.confidence.tolist() == [0.75, 0.25]
    assert result.support.tolist() == [3, 1]
    assert result.out_of.tolist() == [4, 4]
    assert result.labels_of(0) == [0]
    assert result.set_confidence.tolist() == pytest.approx([0.75 * 0.75])


def test_half_of_the_answers_do_not_choose_a_label_and_the_tie_is_told():
    result = MajorityVote().fit_predict(answers_of({0}, {}))
    assert result.labels_of(0) == []
    assert result.tied.tolist() == [True]


def test_ground_truths_rule_keeps_every_label_that_somebody_chose():
    answers = answers_of({0, 1}, {0}, {0}, {})
    result = GroundTruth().fit_predict(answers)
    assert result.labels_of(0) == [0, 1]
    np.testing.assert_array_equal(
        result.confidence, JointDawidSkene().fit_predict(answers).confidence
    )


def test_an_answer_that_chose_nothing_speaks_against_every_label():
    crowd = made_up_sets(0, n_items=100)
    silent = np.flatnonzero(np.bincount(crowd.answer, minlength=len(crowd.item)) == 0)
    kept = np.setdiff1d(np.arange(len(crowd.item)), silent)
    place = np.full(len(crowd.item), -1)
    place[kept] = np.arange(len(kept))
    without = MultiLabelAnswers.of(
        crowd.item[kept], crowd.annotator[kept], place[crowd.answer], crowd.label, 100, 30, 8
    )
    for method in METHODS.values():
        counted = method().fit_predict(crowd.coded)
        left_out = method().fit_predict(without)
        assert counted.confidence.mean() < left_out.confidence.mean()


def test_the_e_step_is_bayes_rule_over_every_answer():
    answers = made_up_sets(1, n_items=12, n_annotators=6).coded
    found = JointDawidSkene().fit_predict(answers).annotators
    rows, label = answers.yes_or_no, answers.candidates.label
    yes, no = found.rates(rows.annotator, label[rows.item])
    fast = e_step(answers, yes, no, found.prior)
    for place, (item, wanted) in enumerate(zip(answers.candidates.item, label, strict=True)):
        right, wrong = found.prior[wanted], 1 - found.prior[wanted]
        for row in np.flatnonzero(answers.item == item):
            own = answers.label[answers.answer == row]
            s, p = found.rates(answers.annotator[row : row + 1], np.array([wanted]))
            right *= s[0] if wanted in own else 1 - s[0]
            wrong *= 1 - p[0] if wanted in own else p[0]
        assert fast[place] == pytest.approx(right / (right + wrong), rel=1e-9)


def test_each_label_by_itself_is_the_binary_algorithm():
    # Where every item has somebody who chose the label, nothing is taken for granted.
    rng = np.random.default_rng(0)
    said = rng.random((40, 6)) < np.where(rng.random(40) < 0.6, 0.8, 0.3)[:, None]
    said[~said.any(axis=1), 0] = True
    item, who = (axis.ravel() for axis in np.indices(said.shape))
    answer = np.flatnonzero(said.ravel())
    answers = MultiLabelAnswers.of(item, who, answer, np.zeros(len(answer), int), 40, 6, 1)
    binary = Binary().fit_predict(item, who, said.ravel().astype(int), 40, 6, 2)
    found = HierarchicalDawidSkene().fit_predict(answers)
    np.testing.assert_allclose(found.confidence, binary.posterior[:, 1], atol=1e-12)


@pytest.mark.parametrize("shape", [{}, {"n_classes": 24, "n_items": 150}], ids=str)
def test_sharing_what_is_known_of_an_annotator_beats_labels_by_themselves(shape):
    crowds = [made_up_sets(seed, **shape) for seed in range(3)]
    coded = [crowd.coded for crowd in crowds]
    score = {
        name: np.mean([
            f1(METHODS[name]().fit_predict(answers), crowd.truth)
            for crowd, answers in zip(crowds, coded, strict=True)
        ])
        for name in ("Auto", "HierarchicalDawidSkene", "MajorityVote")
    }  # fmt: skip
    assert score["Auto"] > score["HierarchicalDawidSkene"]
    assert score["Auto"] > score["MajorityVote"]


@pytest.mark.parametrize("threshold", [15, 25, 35])
def test_sharing_pays_on_the_emotions_of_headlines(threshold):
    crowd = emotions(threshold)
    score = {name: f1(m().fit_predict(crowd.coded), crowd.truth) for name, m in METHODS.items()}
    assert score["Auto"] > score["HierarchicalDawidSkene"] > score["MajorityVote"]


@methods
@seeds
def test_the_order_of_answers_does_not_matter(method, seed):
    crowd = made_up_sets(seed, n_items=60)
    order = np.random.default_rng(seed).permutation(len(crowd.item))
    first = method.fit_predict(crowd.coded)
    second = method.fit_predict(crowd.reordered(order).coded)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.chosen, second.chosen)


@methods
@seeds
def test_names_of_items_annotators_and_labels_do_not_matter(method, seed):
    crowd = made_up_sets(seed, n_items=60)
    rng = np.random.default_rng(seed)
    items, people, labels = rng.permutation(60), rng.permutation(30), rng.permutation(8)
    moved = MultiLabelAnswers.of(
        items[crowd.item], people[crowd.annotator], crowd.answer, labels[crowd.label], 60, 30, 8
    )
    first, second = method.fit_predict(crowd.coded), method.fit_predict(moved)
    one, other = np.zeros((60, 8)), np.zeros((60, 8))
    one[first.item, first.label] = first.confidence
    other[second.item, second.label] = second.confidence
    np.testing.assert_allclose(one, other[items][:, labels], atol=1e-9)
    np.testing.assert_allclose(
        first.annotators.accuracy, second.annotators.accuracy[people], atol=1e-9
    )


@methods
def test_the_last_answer_counts_and_an_abstention_takes_it_back(method):
    crowd = made_up_sets(2, n_items=30)
    n = len(crowd.item)
    again = MultiLabelAnswers.of(
        np.append(crowd.item, crowd.item[:2]),
        np.append(crowd.annotator, crowd.annotator[:2]),
        np.append(crowd.answer, [n, n, n + 1]),
        np.append(crowd.label, [3, 3, -1]),
        30, 30, 8,
    )  # fmt: skip
    kept = (crowd.answer != 0) & (crowd.answer != 1)
    once = MultiLabelAnswers.of(
        np.delete(crowd.item, 1),
        np.delete(crowd.annotator, 1),
        np.append(np.maximum(crowd.answer[kept] - 1, 0), 0),
        np.append(crowd.label[kept], 3),
        30, 30, 8,
    )  # fmt: skip
    first, second = method.fit_predict(again), method.fit_predict(once)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.n_answers, second.n_answers)


@methods
def test_no_answers_and_items_without_answers_have_no_labels(method):
    none = np.empty(0, int)
    result = method.fit_predict(MultiLabelAnswers.of(none, none, none, none, 2, 0, 3))
    assert len(result.item) == 0
    assert np.isnan(result.set_confidence).all()
    result = method.fit_predict(answers_of({}, {}, n_items=2, annotators=[0, 0]))
    assert (result.set_confidence > 0.7).all()
    assert (result.set_confidence < 0.95).all()


@methods
def test_one_annotator_and_one_mind_are_believed(method):
    alone = method.fit_predict(answers_of({0, 2}, {1}, {0}, n_items=3, annotators=[0, 0, 0]))
    assert alone.chosen.all()
    together = method.fit_predict(answers_of({0}, {0}, {0}))
    assert together.labels_of(0) == [0]
    assert together.confidence[0] > 0.8


@methods
def test_known_annotators_judge_each_item_by_itself(method):
    crowd = made_up_sets(3, n_items=40)
    names = [f"a{i}" for i in range(30)]
    known = method.fit_predict(crowd.coded).annotators.named(names)
    again = MultiLabelAnnotators.from_json(known.to_json())
    assert again.to_json() == known.to_json()
    together = method.fit_predict(crowd.coded, frozen_annotators=again)
    assert together.n_iter == 0
    own = crowd.item == 7
    place = np.cumsum(own) - 1
    marks = own[crowd.answer]
    alone = MultiLabelAnswers.of(
        np.zeros(own.sum(), int), crowd.annotator[own], place[crowd.answer[marks]],
        crowd.label[marks], 1, 30, 8,
    )  # fmt: skip
    found = method.fit_predict(alone, frozen_annotators=again)
    np.testing.assert_allclose(
        found.confidence, together.confidence[together.item == 7], atol=1e-12
    )


def test_a_stranger_is_taken_for_the_average_annotator():
    known = JointDawidSkene().fit_predict(made_up_sets(4).coded).annotators
    known = known.named([f"a{i}" for i in range(30)])
    some = known.for_annotators(["a7", "stranger", "a2"])
    label = np.arange(8)
    for mine, theirs in ((0, 7), (2, 2)):
        np.testing.assert_array_equal(
            some.rates(np.full(8, mine), label), known.rates(np.full(8, theirs), label)
        )
    np.testing.assert_allclose(
        some.rates(np.ones(8, int), label)[0], known.label_sensitivity, atol=1e-12
    )
    with pytest.raises(ValueError, match=r"must have 30 annotators and 8 labels; got 3 and 8"):
        JointDawidSkene().fit(made_up_sets(4).coded, frozen_annotators=some)


def test_ten_thousand_labels_cost_what_was_chosen():
    rng = np.random.default_rng(0)
    truth = rng.integers(10_000, size=2000)
    item = np.repeat(np.arange(2000), 3)
    label = np.where(rng.random(6000) < 0.8, truth[item], rng.integers(10_000, size=6000))
    answers = MultiLabelAnswers.of(
        item, rng.permuted(np.tile(np.arange(50), (2000, 1)), axis=1)[:, :3].ravel(),
        np.arange(6000), label, 2000, 50, 10_000,
    )  # fmt: skip
    started = time.process_time()
    result = METHODS["Auto"]().fit_predict(answers)
    assert time.process_time() - started < 10
    found = [result.labels_of(i) for i in range(100)]
    assert np.mean([labels == [truth[i]] for i, labels in enumerate(found)]) > 0.85


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([2], [0], [], []), r"item must lie in 0 \.\. 1; got 2 at position 0"),
        (([0], [1], [], []), r"annotator must lie in 0 \.\. 0; got 1 at position 0"),
        (([0], [0], [1], [0]), r"answer must lie in 0 \.\. 0; got 1 at position 0"),
        (([0], [0], [0], [3]), r"label must lie in -1 \.\. 2; got 3 at position 0"),
        (([0], [0], [0], [0, 1]), r"answer and label must have the same length; got 1 and 2"),
        (([0.5], [0], [], []), r"item must hold integers; got float64"),
    ],
)
def test_impossible_codes_are_refused_with_their_place(columns, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelAnswers.of(*(np.array(c) if c else np.empty(0, int) for c in columns), 2, 1, 3)


def test_agreement_over_sets_is_that_of_their_distance():
    answers = made_up_sets(5, n_items=40).coded
    sets = [set(answers.label[answers.answer == row].tolist()) for row in range(len(answers.item))]
    masi = alpha_by_distance(answers.item, lambda a, b: disagreement(sets[a], sets[b]), draws=50)
    plain = alpha_by_distance(answers.item, lambda a, b: jaccard(sets[a], sets[b]), draws=50)
    assert 0.1 < masi.value < 0.9
    assert plain.value == pytest.approx(masi.value, abs=0.15)


@pytest.mark.parametrize(
    ("first", "second", "masi", "plain"),
    [
        ((), (), 0, 0),
        ((), (1,), 1, 1),
        ((1,), (2,), 1, 1),
        ((1, 2), (2, 1), 0, 0),
        # Passonneau's weights: 2/3 where one holds the other, 1/3 where they cross.
        ((1,), (1, 2), 1 - 1 / 2 * 2 / 3, 1 / 2),
        ((1, 2), (2, 3), 1 - 1 / 3 * 1 / 3, 2 / 3),
    ],
)
def test_sets_differ_by_masi_and_by_jaccard(first, second, masi, plain):
    assert disagreement(first, second) == disagreement(second, first) == pytest.approx(masi)
    assert jaccard(first, second) == jaccard(second, first) == pytest.approx(plain)
