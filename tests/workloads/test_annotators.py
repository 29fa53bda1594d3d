"""Who is good, who guesses, who is hasty, who copies."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.annotators import annotator_quality, is_hasty, median_seconds, spam_scores
from surelabel.collusion import independent_voices
from surelabel.consolidation import Auto
from surelabel.consolidation.answers import Answers
from workloads.consolidation.crowds import team_crowd

SKILL = (0.9, 0.85, 0.8, 0.9, 0.75, 0.85, 0.8, 0.9)


def crowd_of(seed: int = 0, n_items: int = 300, k: int = 4):
    """Every one of eight answers every item."""
    crowd = team_crowd(seed, SKILL, n_items, k, per_item=len(SKILL))
    return crowd.item.copy(), crowd.annotator.copy(), crowd.label.copy(), crowd.truth


def judged(item, annotator, label, truth, k: int = 4, **options):
    n = annotator.max() + 1
    answers = Answers.of(item, annotator, label, len(truth), n, k)
    result = Auto().fit_predict(item, annotator, label, len(truth), n, k)
    return annotator_quality(answers, result, **options)


def test_an_accuracy_is_near_the_truth_and_inside_its_interval():
    inside = 0
    for seed in range(5):
        for quality, skill in zip(judged(*crowd_of(seed)), SKILL, strict=True):
            assert quality.accuracy == pytest.approx(skill, abs=0.08)
            inside += quality.low <= skill <= quality.high
            assert quality.flags == ()
    assert inside >= 0.85 * 5 * len(SKILL)


def test_gold_is_believed_where_there_is_enough_of_it():
    item, annotator, label, truth = crowd_of()
    gold = np.full(len(truth), -1)
    gold[:100] = truth[:100]
    qualities = judged(item, annotator, label, truth, gold=gold)
    for code, quality in enumerate(qualities):
        own = (annotator == code) & (item < 100)
        assert quality.n_gold == 100
        assert quality.accuracy == pytest.approx(np.mean(label[own] == truth[item[own]]))


@pytest.mark.parametrize("how", ["at random", "always the same"])
def test_who_answers_without_looking_is_flagged_as_spam_and_nobody_else(how):
    item, annotator, label, truth = crowd_of()
    own = annotator == 3
    guess = np.random.default_rng(5).integers(4, size=own.sum())
    label[own] = guess if how == "at random" else 2
    qualities = judged(item, annotator, label, truth)
    assert "Spam" in qualities[3].flags
    assert "Outlier" in qualities[3].flags
    assert qualities[3].spam_score < 0.05
    assert all(quality.flags == () for code, quality in enumerate(qualities) if code != 3)
    if how == "always the same":
        assert qualities[3].bias[2] == pytest.approx(0.75, abs=0.1)


def test_a_score_is_0_for_equal_rows_and_1_for_certainty():
    constant = np.tile([0.0, 1.0, 0.0], (3, 1))
    assert spam_scores(np.stack([constant, np.eye(3)])).tolist() == pytest.approx([0, 1])
    assert spam_scores(np.ones((2, 1, 1))).tolist() == [1, 1]


def test_few_answers_flag_nobody():
    item, annotator, label, truth = crowd_of(n_items=9)
    label[annotator == 0] = 0
    assert all(quality.flags == () for quality in judged(item, annotator, label, truth))


def test_the_hasty_are_flagged():
    item, annotator, label, truth = crowd_of()
    order = np.lexsort((annotator, item))
    seconds = np.where(annotator == 1, 0.4, 5.0)[order]
    qualities = judged(item[order], annotator[order], label[order], truth, seconds=seconds)
    assert [quality.flags for quality in qualities] == [(), ("Haste",), *[()] * 6]
    assert qualities[1].seconds == 0.4


@pytest.mark.parametrize("seed", range(5))
def test_who_copies_is_found_with_whom_it_is_copied_from(seed):
    item, annotator, label, truth = crowd_of(seed)
    # 6 copies 4 on nine items of ten: both are right as often as others.
    source = dict(zip(item[annotator == 4], label[annotator == 4], strict=True))
    rng = np.random.default_rng(seed)
    for place in np.flatnonzero(annotator == 6):
        if rng.random() < 0.9:
            label[place] = source[item[place]]
    qualities = judged(item, annotator, label, truth)
    assert [code for code, quality in enumerate(qualities) if quality.flags] == [4, 6]
    assert qualities[4].flags == qualities[6].flags == ("Collusion",)
    assert qualities[4].colluders == ("6",)


def with_a_copy(seed: int, n_people: int, n_items: int, k: int, skill: float = 0.83):
    """A few people answer every item, and one more copies the first of them exactly."""
    crowd = team_crowd(seed, (skill,) * n_people, n_items, k, per_item=n_people)
    own = crowd.annotator == 0
    return (
        np.concatenate([crowd.item, crowd.item[own]]),
        np.concatenate([crowd.annotator, np.full(n_items, n_people)]),
        np.concatenate([crowd.label, crowd.label[own]]),
        crowd.truth,
    )


@pytest.mark.parametrize(("people", "k", "n_items"), [(4, 3, 80), (4, 3, 200), (3, 3, 150),
                                                      (6, 2, 100), (6, 10, 100)])  # fmt: skip
def test_a_copy_that_turns_the_labels_is_found_and_nobody_else(people, k, n_items):
    for seed in range(5):
        qualities = judged(*with_a_copy(seed, people, n_items, k), k=k)
        flagged = [code for code, each in enumerate(qualities) if "Collusion" in each.flags]
        assert flagged == [0, people]
        assert qualities[0].colluders == (str(people),)


def test_a_copy_makes_nobody_look_better_or_worse():
    for seed in range(3):
        item, annotator, label, truth = with_a_copy(seed, 4, 200, 3)
        with_copy = judged(item, annotator, label, truth, k=3)
        own = annotator < 4
        without = judged(item[own], annotator[own], label[own], truth, k=3)
        for quality, alone in zip(with_copy, [*without, without[0]], strict=True):
            assert quality.accuracy == pytest.approx(alone.accuracy, abs=0.01)


def test_labels_are_right_more_often_where_a_copy_counts_once():
    item, annotator, label, truth = with_a_copy(0, 4, 200, 3)
    answers = Answers.of(item, annotator, label, 200, 5, 3)
    result = Auto().fit_predict(item, annotator, label, 200, 5, 3)
    once = independent_voices(answers, result).answers
    found = Auto().fit_predict(once.item, once.annotator, once.label, 200, 5, 3)
    assert (found.label == truth).sum() >= (result.label == truth).sum() + 10


def test_gold_items_tell_who_is_right_beside_a_copy():
    item, annotator, label, truth = with_a_copy(1, 2, 100, 3)
    qualities = judged(item, annotator, label, truth, k=3, gold=truth)
    assert ["Collusion" in each.flags for each in qualities] == [True, False, True]


def test_a_copy_of_some_items_counts_once_where_both_answered():
    item, annotator, label, truth = with_a_copy(2, 5, 120, 3)
    kept = (annotator < 5) | (item < 60)
    columns = item[kept], annotator[kept], label[kept], len(truth), 6, 3
    answers = Answers.of(*columns)
    voices = independent_voices(answers, Auto().fit_predict(*columns))
    assert [(pair.first, pair.second) for pair in voices.pairs] == [(0, 5)]
    assert voices.answers.by_annotator.tolist() == [120, 120, 120, 120, 120, 0]
    # An answer that does not count stands for that of the other to the same item.
    stand_in = voices.stands_for
    assert (voices.answers.item[stand_in] == answers.item).all()
    assert (voices.answers.annotator[stand_in] == answers.annotator % 5).all()


def test_an_honest_crowd_has_no_colluders():
    flagged = 0
    for seed in range(20):
        flagged += any("Collusion" in quality.flags for quality in judged(*crowd_of(seed + 50)))
    assert flagged <= 1


def test_seconds_of_another_length_are_refused():
    item, annotator, label, truth = crowd_of()
    with pytest.raises(ValueError, match=r"seconds must have shape \(2400,\)"):
        judged(item, annotator, label, truth, seconds=[1.0])


def test_the_median_time_is_that_of_known_times():
    nan = np.nan
    times = median_seconds([2, 0, 2, 2, 0, 3], [5, 1, nan, 9, 2, nan], 4)
    np.testing.assert_array_equal(times, [1.5, nan, 7, nan])
    np.testing.assert_array_equal(median_seconds([], [], 2), [nan, nan])
    np.testing.assert_array_equal(median_seconds([1], [nan], 2), [nan, nan])


def test_haste_needs_a_known_time_and_ten_answers():
    times = np.array([10.0, 12, 2, 2, np.nan])
    assert is_hasty(times, [10, 10, 10, 9, 10]).tolist() == [False, False, True, False, False]
    assert is_hasty(np.full(2, np.nan), [10, 10]).tolist() == [False, False]
