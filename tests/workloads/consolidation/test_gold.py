"""Known labels, family by family: they stand, judge the annotators, and nonsense is refused."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation import DawidSkene, PackedAnswers
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.multi_label import METHODS as SETS
from surelabel.consolidation.multi_label import MultiLabelAnswers
from surelabel.consolidation.preferences import RANKING_METHODS, RankingAnswers
from surelabel.consolidation.ratings import METHODS as RATINGS
from surelabel.consolidation.ratings import RatingAnswers
from surelabel.consolidation.spans import METHODS as SPANS
from surelabel.consolidation.spans import SpanAnswers
from surelabel.consolidation.texts import METHODS as TEXTS
from surelabel.consolidation.texts import TextAnswers
from workloads.consolidation.crowds import team_crowd


def of(methods):
    return pytest.mark.parametrize("method", [m() for m in methods.values()], ids=methods)


def test_shards_know_gold_as_one_piece_does():
    crowd = team_crowd(2, (0.9, 0.8, 0.6), 60, 3)
    gold = np.where(np.arange(60) < 30, crowd.truth, -1)
    columns = (crowd.item, crowd.annotator, crowd.label)
    whole = DawidSkene().fit_predict(*columns, 60, 3, 3, gold=gold).annotators
    halves = []
    for first in (0, 30):
        own = (crowd.item >= first) & (crowd.item < first + 30)
        item, annotator, label = (column[own] for column in columns)
        part = Answers.of(item - first, annotator, label, 30, 3, 3)
        halves.append(PackedAnswers.of(part, gold[first : first + 30], first_item=first))
    found = DawidSkene().learn_from_shards(halves).annotators
    np.testing.assert_array_equal(found.agreement, whole.agreement)
    np.testing.assert_allclose(found.confusion, whole.confusion, atol=1e-4)


@of(SETS)
def test_a_known_set_stands_with_labels_that_nobody_chose(method):
    # Item 0 is known to have labels 1 and 2; both people chose 0 and 1.
    answers = MultiLabelAnswers.of([0, 0, 1], [0, 1, 0], [0, 0, 1, 1, 2], [0, 1, 0, 1, 0], 2, 2, 3)
    found = method.fit_predict(answers, gold={0: [2, 1]})
    assert found.labels_of(0) == [1, 2]
    own = found.item == 0
    assert found.label[own].tolist() == [0, 1, 2]
    assert found.confidence[own].tolist() == [0, 1, 1]
    assert found.support[own].tolist() == [2, 2, 0]
    assert found.set_confidence[0] == 1
    nothing = method.fit_predict(answers, gold={0: []})
    assert nothing.labels_of(0) == []
    with pytest.raises(ValueError, match=r"gold label must lie in 0 \.\. 2; got 3"):
        method.fit(answers, gold={0: [3]})
    with pytest.raises(ValueError, match=r"gold item must lie in 0 \.\. 1; got 2"):
        method.fit(answers, gold={2: [0]})


@of(RATINGS)
def test_a_known_rating_stands_and_shows_who_rates_low(method):
    rng = np.random.default_rng(0)
    truth = rng.integers(3, 8, 40).astype(float)
    item, annotator = np.repeat(np.arange(40), 2), np.tile([0, 1], 40)
    value = truth[item] - 2 * annotator
    answers = RatingAnswers.of(item, annotator, value, 40, 2, low=1, high=9, step=1)
    gold = np.where(np.arange(40) < 30, truth, np.nan)
    found = method.fit_predict(answers, gold=gold)
    np.testing.assert_array_equal(found.value[:30], truth[:30])
    np.testing.assert_array_equal(found.confidence[:30], 1)
    # Where nothing is known the mean of both would be as good a truth, one below the real one.
    assert found.annotators.bias[0] - found.annotators.bias[1] == pytest.approx(2, abs=0.3)
    assert found.annotators.bias[0] == pytest.approx(0, abs=0.3)
    for wrong in (np.full(40, np.inf), np.zeros(3)):
        with pytest.raises(ValueError, match="gold must have 40 finite entries"):
            method.fit(answers, gold=wrong)


def test_a_known_rating_between_two_steps_is_refused():
    answers = RatingAnswers.of([0, 0], [0, 1], [1.0, 2.0], 1, 2, low=1, high=5, step=1)
    scale = r"gold must (be a step of|lie on) the scale,? 1 \.\. 5; got"
    for wrong in (2.5, 6.0):
        with pytest.raises(ValueError, match=scale):
            RATINGS["RoundedNormal"]().fit(answers, gold=[wrong])


@of(RANKING_METHODS)
def test_a_known_order_stands(method):
    # Two people, one of whom turns the order of every item round.
    rows = [(item, who, item * 2 + who) for item in range(12) for who in (0, 1)]
    item, annotator, _ = np.array(rows).T
    marks = [(a, o, o if w == 0 else 2 - o) for _, w, a in rows for o in range(3)]
    coded = RankingAnswers.of(item, annotator, *np.array(marks).T, np.full(12, 3), 2)
    found = method.fit_predict(coded, gold={each: [0, 1, 2] for each in range(11)})
    assert all(found.order_of(each) == [0, 1, 2] for each in range(12))
    np.testing.assert_allclose(found.confidence[:11], 1)
    assert found.annotators.accuracy[0] > 0.85 > 0.3 > found.annotators.accuracy[1]
    with pytest.raises(ValueError, match=r"gold must order all options .* got \[0, 1\] for item 0"):
        method.fit(coded, gold={0: [0, 1]})


@of(TEXTS)
def test_a_known_text_stands_and_judges_who_was_alone(method):
    answers = TextAnswers.of([0, 1], [0, 1], ["a heron", "a duck"], 2, 2)
    found = method.fit_predict(answers, gold={0: " a  heron "})
    assert found.text == ("a heron", "a duck")
    assert found.confidence[0] == 1
    # Nothing is known of the other, who was alone with a text that nobody knows.
    assert found.annotators.n_tokens.tolist() == [2, 0]
    with pytest.raises(ValueError, match=r"gold must have items in 0 \.\. 1 \(n_items\); got 2"):
        method.fit(answers, gold={2: "x"})


@of(SPANS)
def test_known_spans_stand_and_the_one_who_knows_is_no_annotator(method):
    answers = SpanAnswers.of_lists(
        [(0, 0, [(0, 4, 0)]), (0, 1, [(0, 6, 0)]), (1, 0, [(0, 4, 0)]), (1, 1, [(0, 6, 0)])],
        2,
        2,
        1,
    )
    found = method.fit_predict(answers, gold={0: [(0, 4, 0), (8, 9, 0)], 1: [(0, 4, 0)]})
    assert found.spans_of(0) == [(0, 4, 0), (8, 9, 0)]
    assert found.confidence[found.item == 0].tolist() == [1, 1]
    assert found.n_answers.tolist() == [2, 2]
    assert found.annotators.n_answers.tolist() == [2, 2]
    assert len(found.annotators.emission) == 2
    assert found.annotators.precision.tolist() == [1, 0]
    assert found.annotators.recall.tolist() == [2 / 3, 0]
    again = method.fit_predict(answers, frozen_annotators=found.annotators)
    assert again.n_answers.tolist() == [2, 2]
    assert method.fit_predict(answers, gold={0: []}).spans_of(0) == []
    with pytest.raises(ValueError, match=r"item must lie in 0 \.\. 1; got 5"):
        method.fit(answers, gold={5: []})
