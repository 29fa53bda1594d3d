"""Where another answer helps among answers that are no classes, ratings on any scale above all."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.stages.passes import LEAST_GAIN
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.rating.task import Rating
from surelabel.tasks.valued import ValueAnswers, classes_of
from surelabel.tasks.values import Rating as Value
from surelabel.value_agreement import AnnotatorAgreement
from surelabel.value_gain import gain_by_item

RNG = np.random.default_rng(2)
TRUTH = RNG.integers(1, 6, 60)
STARS = np.clip(TRUTH[:, None] + np.round(RNG.normal(0, 0.7, (60, 3))), 1, 5)


def gains(ratings: np.ndarray) -> np.ndarray:
    values = [Value(float(each)) for each in ratings.ravel()]
    rows = np.arange(ratings.size).reshape(ratings.shape)
    found = gain_by_item(Rating(), values, dict(enumerate(rows.tolist())))
    return np.array(list(found.values()))


@pytest.mark.parametrize(("times", "plus"), [(20, 0), (20, -50), (0.01, 3), (1e6, 1e9)])
def test_the_same_items_are_asked_about_on_any_scale(times: float, plus: float) -> None:
    stars, points = gains(STARS), gains(STARS * times + plus)
    np.testing.assert_allclose(points, stars, atol=1e-7)
    asked = stars >= LEAST_GAIN
    assert (points >= LEAST_GAIN).tolist() == asked.tolist()
    # Neither everywhere nor nowhere, and where people are further apart.
    assert 0.1 < asked.mean() < 0.9
    spread = np.ptp(STARS, axis=1)
    assert spread[asked].min() >= spread[~asked].max()


def test_a_hundred_points_that_differ_by_a_few_are_not_asked_about() -> None:
    ratings = np.array([[10.0, 12, 11], [50, 53, 49], [90, 88, 91], [20, 80, 50]])
    assert (gains(ratings) >= LEAST_GAIN).tolist() == [False, False, False, True]


def test_one_slip_of_the_pen_does_not_hide_who_disagrees() -> None:
    slipped = STARS.copy()
    slipped[0, 0] = 50
    asked, after = gains(STARS) >= LEAST_GAIN, gains(slipped) >= LEAST_GAIN
    assert after[0]
    assert np.count_nonzero(asked[1:] != after[1:]) < 0.5 * np.count_nonzero(asked[1:])
    assert after[1:].sum() > 5


def test_the_unit_is_the_mean_difference_of_two_ratings() -> None:
    x = RNG.normal(100, 20, 40)
    pairs = np.abs(x[:, None] - x[None, :])[np.triu_indices(40, 1)]
    assert Rating().measured_on([Value(each) for each in x]).unit == pytest.approx(pairs.mean())
    # Nothing tells a scale: any unit does, since nothing differs.
    assert Rating().measured_on([]).unit == Rating().measured_on([Value(3.0)] * 4).unit == 1
    alike = Rating().measured_on([Value(0.0), Value(8.0)])
    assert alike.disagreement(Value(0.0), Value(8.0)) == 0.5


def test_annotators_agree_alike_on_any_scale() -> None:
    def means(ratings: np.ndarray) -> list[float | None]:
        item, annotator = np.divmod(np.arange(ratings.size), 3)
        answers = ValueAnswers(
            tuple(item.tolist()),
            tuple(annotator.tolist()),
            tuple(Value(float(each)) for each in ratings.ravel()),
            3,
            (None,) * len(ratings),
            classes_of(()),
        )
        agreement = AnnotatorAgreement(Rating(), answers)
        for row, own in enumerate(ratings):
            agreement.add(row, Consolidated(Value(float(np.median(own))), 1.0))
        return [mean for _, mean in agreement.means()]

    assert means(STARS * 20) == pytest.approx(means(STARS))


def test_a_lone_answer_gains_the_most_unless_one_is_enough() -> None:
    values = [Value(1.0), Value(5.0), Value(3.0)]
    rows = {7: [0, 1], 9: [2]}
    asked = gain_by_item(Rating(), values, rows)
    enough = gain_by_item(Rating(), values, rows, one_is_enough=True)
    assert list(asked) == list(enough) == [7, 9]
    assert asked[9] == pytest.approx(1 / 3)
    assert enough[9] == 0
    assert asked[7] == enough[7] < asked[9]
    assert gain_by_item(Rating(), [], {}) == {}
