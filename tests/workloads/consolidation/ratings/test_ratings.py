"""Ratings: what each algorithm finds, by hand, against published figures, and on real answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from surelabel.consolidation.ratings import (
    METHODS,
    Auto,
    BiasAndNoise,
    Mean,
    Median,
    RatingAnnotators,
    RatingAnswers,
    RoundedNormal,
    disagreement,
    intraclass_correlation,
)
from surelabel.consolidation.ratings.rounded_normal import _confusions, _grid
from workloads.consolidation.ratings.crowds import SNOW, made_up_ratings, snow

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)


def stepped(answers):
    """The same on a scale of eleven steps, so that every method can read it."""
    value = np.clip(np.round(answers.value), 0, 10)
    return replace(answers, value=value, low=0.0, high=10.0, step=1.0)


def table_of(rows):
    rows = np.array(rows, float)
    item, who = (axis.ravel() for axis in np.indices(rows.shape))
    return RatingAnswers.of(item, who, rows.ravel(), *rows.shape)


def test_mean_and_median_by_hand():
    answers = RatingAnswers.of([0, 0, 0, 2, 2], [0, 1, 2, 0, 1], [1, 2, 9, 3, 4], 3, 3)
    np.testing.assert_allclose(Mean().fit(answers).value_, [4, np.nan, 3.5])
    np.testing.assert_allclose(Median().fit(answers).value_, [2, np.nan, 3.5])
    assert Median().fit(answers).result_.support.tolist() == [1, 0, 0]


def test_a_mean_between_two_steps_goes_up():
    answers = RatingAnswers.of([0, 0], [0, 1], [1, 2], 1, 2, low=1, high=5, step=1)
    assert Mean().fit(answers).value_.tolist() == [2]


def test_biases_are_taken_out():
    # Annotators 1 and 2 rate 3 too high and too low; each item is rated by two of three.
    rng = np.random.default_rng(0)
    truth = rng.normal(50, 10, 300)
    who = np.array([[0, 1], [0, 2], [1, 2]])[np.arange(300) % 3].ravel()
    bias = np.array([0.0, 6.0, -6.0])
    item = np.repeat(np.arange(300), 2)
    value = truth[item] + bias[who] + rng.normal(0, 0.5, 600)
    answers = RatingAnswers.of(item, who, value, 300, 3, low=0, high=100)
    model = BiasAndNoise().fit(answers)
    assert model.converged_
    np.testing.assert_allclose(model.annotators_.bias, bias, atol=0.6)
    error = np.abs(model.value_ - truth).mean()
    assert error < 0.25 * np.abs(Mean().fit(answers).value_ - truth).mean()


@pytest.mark.parametrize("per_item", [3, 5])
def test_bias_and_noise_beat_mean_and_median_on_made_up_crowds(per_item):
    errors = []
    for seed in range(4):
        answers, truth = made_up_ratings(seed, per_item=per_item)
        found = [m().fit(answers).value_ for m in (BiasAndNoise, Mean, Median)]
        errors.append([np.sqrt(np.mean((value - truth) ** 2)) for value in found])
    ours, mean, median = np.mean(errors, axis=0)
    assert ours < 0.85 * min(mean, median)


def test_intervals_and_confidence_say_how_often_they_are_right():
    inside, sure, right = [], [], []
    for seed in range(4):
        answers, truth = made_up_ratings(seed, careless=0.0)
        result = BiasAndNoise().fit_predict(answers)
        inside.append(np.mean((result.low <= truth) & (truth <= result.high)))
        sure.append(result.confidence.mean())
        right.append(np.mean(np.abs(result.value - truth) <= answers.tolerance))
    assert 0.90 < np.mean(inside) < 0.985
    assert np.mean(sure) == pytest.approx(np.mean(right), abs=0.05)


def test_annotators_who_share_no_item_are_not_told_apart_from_their_items():
    # Two teams, no item in common: what team B rates may be higher, or team B may rate higher.
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(40), 2)
    who = np.where(item < 20, 0, 2) + np.tile([0, 1], 40)
    value = np.where(item < 20, 30, 60)[:].astype(float) + rng.normal(0, 2, 80)
    result = BiasAndNoise().fit_predict(RatingAnswers.of(item, who, value, 40, 4, low=0, high=100))
    assert np.isfinite(result.value).all()
    assert result.value[20:].mean() - result.value[:20].mean() > 20


def test_real_ratings_are_as_near_to_the_experts_as_the_mean_and_nearer_than_the_median():
    for per_item in (10, 5):
        scores = []
        for name in SNOW:
            answers, truth = snow(name, per_item)
            scores.append([
                np.corrcoef(m().fit(answers).value_, truth)[0, 1]
                for m in (BiasAndNoise, Mean, Median)
            ])  # fmt: skip
        ours, mean, median = np.mean(scores, axis=0)
        assert ours > mean - 0.005
        assert ours > median + 0.02


def test_a_grid_points_confusion_is_the_normal_that_rounds_to_each_step():
    table = _confusions(5)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    bias, noise, random = _grid()
    point = int(np.flatnonzero((bias == 0.5) & (noise == 0.8) & (random == 0.1))[0])
    inner = norm.cdf(1.5, 2.5, 0.8) - norm.cdf(0.5, 2.5, 0.8)
    assert table[point, 1, 2] == pytest.approx(0.9 * inner + 0.02)
    assert table[point, 4, 2] == pytest.approx(0.9 * norm.sf(3.5, 2.5, 0.8) + 0.02)


def test_steps_are_found_more_often_than_by_the_rounded_mean_or_the_median():
    rights, sures = [], []
    for seed in range(4):
        answers, truth = made_up_ratings(seed, steps=5, n_annotators=25)
        found = [m().fit_predict(answers) for m in (RoundedNormal, Mean, Median)]
        rights.append([np.mean(result.value == truth) for result in found])
        sures.append(found[0].confidence.mean())
    ours, mean, median = np.mean(rights, axis=0)
    assert ours > max(mean, median) + 0.03
    assert np.mean(sures) == pytest.approx(ours, abs=0.05)


def test_shrout_and_fleiss_table_has_their_correlations():
    # Table 2 of the paper: four judges rate six targets; its Table 4 has the figures.
    rows = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = intraclass_correlation(table_of(rows))
    assert found.oneway == pytest.approx((0.17, 0.44), abs=0.005)
    assert found.agreement == pytest.approx((0.29, 0.62), abs=0.005)
    assert found.consistency == pytest.approx((0.71, 0.91), abs=0.005)
    assert found.per_item == 4


def test_missing_ratings_leave_the_correlation_where_it_is():
    answers, _ = made_up_ratings(3, n_items=2000, n_annotators=40, careless=0.0)
    # Variances 2.25 (items), .64 (biases), and the mean of squares of .3 to 2 (noise).
    noise = (2**3 - 0.3**3) / (3 * 1.7)
    found = intraclass_correlation(answers)
    assert found.consistency[0] == pytest.approx(2.25 / (2.25 + noise), abs=0.06)
    assert found.agreement[0] == pytest.approx(2.25 / (2.25 + 0.64 + noise), abs=0.06)
    assert np.isnan(intraclass_correlation(table_of([[1.0], [2.0]])).oneway[0])
    assert np.isnan(intraclass_correlation(table_of([[3.0, 3.0], [3.0, 3.0]])).agreement[0])


@methods
def test_order_and_names_do_not_matter(method):
    answers = stepped(made_up_ratings(1, n_items=50, n_annotators=9)[0])
    rng = np.random.default_rng(0)
    items, people, order = rng.permutation(50), rng.permutation(9), rng.permutation(200)
    moved = RatingAnswers.of(
        items[answers.item][order], people[answers.annotator][order], answers.value[order],
        50, 9, low=0, high=10, step=1,
    )  # fmt: skip
    first, second = method.fit_predict(answers), method.fit_predict(moved)
    np.testing.assert_allclose(first.value, second.value[items], atol=1e-6)
    np.testing.assert_allclose(first.confidence, second.confidence[items], atol=1e-6)
    np.testing.assert_allclose(first.annotators.bias, second.annotators.bias[people], atol=1e-6)


@methods
def test_one_annotator_and_one_mind_are_believed(method):
    def scale(item, who, value, n_items, n):
        return RatingAnswers.of(item, who, value, n_items, n, low=0, high=10, step=1)

    alone = method.fit_predict(scale([0, 1, 2], [0, 0, 0], [3, 7, 5], 3, 1))
    assert alone.value.tolist() == [3, 7, 5]
    same = method.fit_predict(scale([0, 0, 0, 1], [0, 1, 2, 0], [4, 4, 4, 4], 3, 3))
    assert same.value[:2].tolist() == [4, 4]
    assert same.confidence[0] > 0.5
    assert np.isnan(same.value[2])
    assert np.isnan(same.confidence[2])
    none = np.empty(0, int)
    nothing = method.fit_predict(scale(none, none, none.astype(float), 2, 0))
    assert np.isnan(nothing.value).all()


@methods
def test_the_last_answer_counts(method):
    twice = RatingAnswers.of([0, 0, 1, 0], [0, 1, 0, 0], [1, 2, 3, 4], 2, 2, low=0, high=9, step=1)
    once = RatingAnswers.of([0, 0, 1], [0, 1, 0], [4, 2, 3], 2, 2, low=0, high=9, step=1)
    np.testing.assert_array_equal(method.fit(twice).value_, method.fit(once).value_)


@methods
def test_known_annotators_judge_each_item_by_itself(method):
    answers = stepped(made_up_ratings(2, n_items=60)[0])
    names = [f"a{i}" for i in range(30)]
    known = method.fit_predict(answers).annotators.named(names)
    again = RatingAnnotators.from_json(known.to_json())
    assert again.to_json() == known.to_json()
    together = method.fit_predict(answers, frozen_annotators=again)
    assert together.n_iter == 0
    own = answers.item == 7
    alone = replace(
        answers, item=np.zeros(own.sum(), int), annotator=answers.annotator[own],
        value=answers.value[own], n_items=1,
    )  # fmt: skip
    found = method.fit_predict(alone, frozen_annotators=again)
    assert found.value[0] == together.value[7]
    assert found.confidence[0] == pytest.approx(together.confidence[7], abs=1e-9)
    with pytest.raises(ValueError, match=r"must have 30 annotators \(n_annotators\); got 2"):
        method.fit(answers, frozen_annotators=again.for_annotators(["a3", "stranger"]))


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (([0], [0], [np.nan]), {}, r"value must be finite; got nan at position 0"),
        (([0, 0], [0, 0], [1, -np.inf]), {}, r"value must be finite; got -inf at position 1"),
        (([0], [0], [7.0]), {"low": 1, "high": 5}, r"must lie in 1 \.\. 5; got 7 at position 0"),
        (([0], [0], [1.5]), {"low": 1, "high": 5, "step": 1}, r"steps of 1; got 1\.5 at position"),
        (([0], [0], [1.0]), {"low": 1, "high": 5, "step": 3}, r"high must be low and a number of"),
        (([0], [0], [1.0]), {"low": 2, "high": 1}, r"low <= high and step >= 0; got 2\.0, 1\.0"),
        (([1], [0], [1.0]), {}, r"item must lie in 0 \.\. 0; got 1 at position 0"),
        (([0], [0], ["x"]), {}, r"value must hold numbers; got"),
    ],
)
def test_impossible_ratings_are_refused_with_their_place(columns, options, message):
    with pytest.raises(ValueError, match=message):
        RatingAnswers.of(*(np.array(c) for c in columns), 1, 1, **options)


def test_a_scale_without_steps_is_not_for_rounded_normal():
    answers, _ = made_up_ratings(0, n_items=5)
    with pytest.raises(ValueError, match=r"Use BiasAndNoise"):
        RoundedNormal().fit(answers)


def test_disagreement_is_the_part_of_the_scale_between_two_ratings():
    assert disagreement(2, 4, 0, 10) == disagreement(4, 2, 0, 10) == pytest.approx(0.2)
    assert disagreement(np.nan, np.nan, 0, 10) == 0
    assert disagreement(3, np.nan, 0, 10) == 1
    assert disagreement(3, 3, 3, 3) == 0


@pytest.mark.parametrize("seed", range(8))
def test_items_of_one_truth_converge_as_fast_as_others(seed):
    # What tells such items apart is nothing: the width of the items goes to 0.
    noise = np.random.default_rng(seed).normal(0, 0.5, 24)
    answers = RatingAnswers.of(
        np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6), 3 + noise, 6, 4
    )
    found = Auto().fit_predict(answers)
    assert found.converged
    assert found.n_iter < 100
    assert found.annotators.spread < 0.3


def test_the_width_of_the_items_is_the_one_that_explains_itself():
    answers, _ = made_up_ratings(0)
    # No answer is so far off that it weighs less.
    people = BiasAndNoise(huber=1e9, max_iter=500, tol=1e-9).fit_predict(answers).annotators
    trust = 1 / people.noise[answers.annotator] ** 2
    variance = 1 / (1 / people.spread**2 + answers.per_item(trust))
    rest = answers.value - people.centre - people.bias[answers.annotator]
    off = variance * answers.per_item(trust * rest)
    # The M step of expectation maximisation leaves it where it is.
    np.testing.assert_allclose(np.sqrt((off**2 + variance).mean()), people.spread, rtol=1e-4)
