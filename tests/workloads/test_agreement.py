"""Agreement beyond chance: published examples, another implementation, and bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from surelabel.agreement import (
    alpha_by_distance,
    alpha_of_annotator,
    alpha_of_annotator_by_distance,
    alpha_of_class,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
)
from surelabel.consolidation.answers import Answers
from workloads.consolidation.crowds import made_up_crowd

# Krippendorff (2011), example C: four observers, twelve units, values 1 to 5, some missing.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
# Fleiss' example of 14 raters, 10 subjects and five classes, as commonly reprinted: kappa .210.
FLEISS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)


def example_c() -> Answers:
    rows = [
        (unit, observer, int(value) - 1)
        for observer, line in enumerate(OBSERVERS)
        for unit, value in enumerate(line.split())
        if value != "."
    ]
    item, annotator, label = np.array(rows).T
    return Answers.of(item, annotator, label, 12, 4, 5)


def from_table(table) -> Answers:
    """Who answered does not matter; numbered within each item."""
    rows = [
        (item, who, label)
        for item, counts in enumerate(table)
        for who, label in enumerate(np.repeat(np.arange(len(counts)), counts))
    ]
    item, annotator, label = np.array(rows).T
    return Answers.of(item, annotator, label, len(table), annotator.max() + 1, len(table[0]))


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_krippendorffs_own_example(level, published):
    found = krippendorff_alpha(example_c(), level)
    assert found.value == pytest.approx(published, abs=6e-4)
    assert found.low < found.value <= found.high
    # Unit 12 has one answer, which can be compared with none.
    assert (found.n_items, found.n_answers) == (11, 40)


@pytest.mark.parametrize(
    ("level", "distance"),
    [("nominal", lambda a, b: float(a != b)), ("interval", lambda a, b: float((a - b) ** 2))],
)
def test_alpha_by_distance_is_krippendorffs_where_the_distance_is_his(level, distance):
    answers = example_c()
    found = alpha_by_distance(
        answers.item, lambda one, other: distance(answers.label[one], answers.label[other])
    )
    expected = krippendorff_alpha(answers, level)
    assert found.value == pytest.approx(expected.value)
    assert (found.n_items, found.n_answers) == (11, 40)
    assert found.low == pytest.approx(expected.low, abs=0.1)


def test_alpha_by_distance_draws_pairs_where_there_are_too_many():
    answers = made_up_crowd(n_items=300, seed=5).coded
    found = alpha_by_distance(
        answers.item, lambda one, other: float(answers.label[one] != answers.label[other]), draws=50
    )
    assert found.value == pytest.approx(krippendorff_alpha(answers).value, abs=0.02)


def test_alpha_by_distance_needs_two_answers_to_an_item():
    found = alpha_by_distance(np.arange(3), lambda one, other: 1.0)
    assert np.isnan(found.value)
    assert (found.n_items, found.n_answers) == (0, 0)
    assert np.isnan(alpha_by_distance(np.empty(0, int), lambda one, other: 1.0).value)


@pytest.mark.parametrize("seed", range(3))
def test_an_annotators_alpha_by_distance_is_that_of_classes_where_these_differ_or_not(seed):
    answers = made_up_crowd(seed, n_items=40).coded

    def distance(one: int, other: int) -> float:
        return float(answers.label[one] != answers.label[other])

    for who in range(answers.n_annotators):
        given = (answers.item, answers.annotator, who, distance)
        found = alpha_of_annotator_by_distance(*given, max_pairs=10**6, draws=20)
        expected = alpha_of_annotator(answers, who, draws=20)
        assert found.value == pytest.approx(expected.value, nan_ok=True)
        assert (found.n_items, found.n_answers) == (expected.n_items, expected.n_answers)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), nan_ok=True)
        drawn = alpha_of_annotator_by_distance(*given, max_pairs=5_000, draws=20)
        assert drawn.value == pytest.approx(expected.value, abs=0.05, nan_ok=True)


def test_an_annotator_whom_nobody_can_be_compared_with_has_no_alpha():
    found = alpha_of_annotator_by_distance([0, 1, 1], [0, 1, 2], 0, lambda one, other: 1.0)
    assert np.isnan(found.value)
    assert found.n_items == 0


def test_fleiss_example():
    found = fleiss_kappa(from_table(FLEISS))
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert (found.n_items, found.n_answers) == (10, 140)


def test_cohens_kappa_of_two_readers_of_fifty_proposals():
    # Both yes 20, first only 5, second only 10, both no 15: .7 observed, .5 by chance.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    label = np.array(pairs).ravel()
    answers = Answers.of(np.repeat(np.arange(50), 2), np.tile([0, 1], 50), label, 50, 2, 2)
    assert cohen_kappa(answers, 0, 1).value == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_is_scikit_learns(seed):
    crowd = made_up_crowd(seed)
    found = cohen_kappa(crowd.coded, 0, 1)
    labels = np.full((2, crowd.n_items), -1)
    for who in (0, 1):
        own = crowd.annotator == who
        labels[who, crowd.item[own]] = crowd.label[own]
    both = (labels >= 0).all(axis=0)
    assert found.n_items == both.sum()
    assert found.value == pytest.approx(cohen_kappa_score(*labels[:, both]))


def alpha_by_pairs(answers: Answers, distance) -> float:
    """Krippendorff's definition: every pair of answers, within items and in all."""
    by_item = [answers.label[answers.item == i] for i in range(answers.n_items)]
    by_item = [labels for labels in by_item if len(labels) > 1]
    everything = np.concatenate(by_item)
    n = len(everything)
    observed = sum(
        distance(labels[:, None], labels[None]).sum() / (len(labels) - 1) for labels in by_item
    )
    expected = distance(everything[:, None], everything[None]).sum() / (n - 1)
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_its_definition_by_pairs(seed):
    answers = made_up_crowd(seed).coded
    nominal = krippendorff_alpha(answers, draws=1).value
    assert nominal == pytest.approx(alpha_by_pairs(answers, lambda a, b: a != b))
    values = np.array([0.0, 1e6, 1e6 + 3, -7.5])
    interval = krippendorff_alpha(answers, "interval", values, draws=1).value
    assert interval == pytest.approx(
        alpha_by_pairs(answers, lambda a, b: (values[a] - values[b]) ** 2)
    )


def test_an_interval_holds_the_truth_as_often_as_it_says():
    # Two annotators who are right with .8 over two even classes: alpha is (2 * .8 - 1) ** 2.
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = np.repeat(rng.integers(2, size=300), 2)
        label = np.where(rng.random(600) < 0.8, truth, 1 - truth)
        answers = Answers.of(np.repeat(np.arange(300), 2), np.tile([0, 1], 300), label, 300, 2, 2)
        found = krippendorff_alpha(answers, draws=200)
        inside += found.low <= 0.36 <= found.high
    assert inside >= 34


def test_perfect_agreement_is_one_and_one_class_alone_says_nothing():
    item, annotator = np.repeat(np.arange(6), 3), np.tile([0, 1, 2], 6)
    agreed = Answers.of(item, annotator, item % 2, 6, 3, 2)
    alike = Answers.of(item, annotator, np.zeros(18, int), 6, 3, 2)
    for measure in (krippendorff_alpha, fleiss_kappa, lambda a: cohen_kappa(a, 0, 1)):
        assert measure(agreed).value == 1
        assert np.isnan(measure(alike).value)


def test_no_item_with_two_answers_gives_no_figure():
    alone = Answers.of(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]), 3, 2, 2)
    for measure in (
        krippendorff_alpha,
        fleiss_kappa,
        lambda a: cohen_kappa(a, 0, 1),
        lambda a: alpha_of_annotator(a, 0),
    ):
        found = measure(alone)
        assert np.isnan(found.value)
        assert (found.n_items, found.n_answers) == (0, 0)


def test_the_class_that_people_confuse_has_less_agreement():
    # Classes 0 and 1 are taken for each other, class 2 never is.
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(3, size=300), 3)
    confused = (truth < 2) & (rng.random(900) < 0.3)
    label = np.where(confused, 1 - truth, truth)
    answers = Answers.of(np.repeat(np.arange(300), 3), np.tile([0, 1, 2], 300), label, 300, 3, 3)
    assert alpha_of_class(answers, 2).value == 1
    assert alpha_of_class(answers, 0).high < 0.7


def test_a_guesser_agrees_with_nobody():
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.integers(4, size=400), 4)
    annotator = np.tile(np.arange(4), 400)
    guess = (annotator == 3) | (rng.random(1600) < 0.1)
    label = np.where(guess, rng.integers(4, size=1600), truth)
    answers = Answers.of(np.repeat(np.arange(400), 4), annotator, label, 400, 4, 4)
    assert abs(alpha_of_annotator(answers, 3).value) < 0.1
    assert alpha_of_annotator(answers, 0).value > 0.5


def test_order_and_names_do_not_matter():
    crowd = made_up_crowd(7)
    shuffle = np.random.default_rng(7).permutation(crowd.n_annotators)
    renamed = replace(crowd, annotator=shuffle[crowd.annotator])
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert measure(crowd.coded) == measure(renamed.coded)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nominal", [1, 2, 3, 4]), r'values belong to level "interval"; got level "nominal"'),
        (("interval", [1, 2]), r"values must have shape \(4,\); got \(2,\)"),
        (("interval", [1, 2, np.nan, 4]), "values must be finite; got nan at position 2"),
    ],
)
def test_impossible_values_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        krippendorff_alpha(made_up_crowd(1).coded, *arguments)


def test_an_unknown_annotator_is_refused():
    with pytest.raises(ValueError, match=r"annotator must lie in 0 \.\. 6; got 9"):
        cohen_kappa(made_up_crowd(1).coded, 0, 9)


@pytest.mark.parametrize("level", ["foo", "Nominal", None])
def test_a_level_that_there_is_not_is_refused(level):
    answers = Answers.of([0, 0], [0, 1], [0, 1], 1, 2, 2)
    with pytest.raises(ValueError, match=r'level must be one of "nominal", "ordinal", "interval"'):
        krippendorff_alpha(answers, level)
