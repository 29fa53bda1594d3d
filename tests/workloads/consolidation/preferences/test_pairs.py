"""Comparisons: labels, scores of objects, and what stands first."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from surelabel.consolidation import HierarchicalDawidSkene
from surelabel.consolidation.preferences import (
    METHODS,
    BradleyTerry,
    CrowdBradleyTerry,
    Davidson,
    DavidsonDawidSkene,
    PreferenceAnswers,
    choice_codes,
    disagreement,
)
from surelabel.consolidation.preferences.davidson_fit import chances, fit_davidson
from workloads.consolidation.preferences.crowds import made_up_comparisons

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)


def test_two_objects_differ_by_the_log_of_their_wins():
    # 3 wins to 1, and a prior that hardly pulls.
    votes = np.array([[3.0, 1.0, 0.0]])
    one, other = np.array([0]), np.array([1])
    found = fit_davidson(one, other, votes, 2, with_ties=False, spread=1e3)
    assert found.score[0] - found.score[1] == pytest.approx(np.log(3), abs=1e-4)
    # So many that the pseudo-tie does not count.
    found = fit_davidson(one, other, 1e6 * np.array([[3.0, 1.0, 4.0]]), 2, spread=1e3)
    np.testing.assert_allclose(chances(found.lead, found.ties), [[3 / 8, 1 / 8, 4 / 8]], atol=1e-4)


def test_scores_are_those_of_a_general_optimiser():
    rng = np.random.default_rng(0)
    first = rng.integers(6, size=40)
    second = (first + rng.integers(1, 6, size=40)) % 6
    outcomes = rng.random((40, 3)) * 3
    found = fit_davidson(first, second, outcomes, 6)

    def loss(score):
        p = chances(score[first] - score[second], found.ties)
        return -(outcomes * np.log(p)).sum() + (score**2).sum() / 8

    best = minimize(loss, np.zeros(6), tol=1e-10).x
    np.testing.assert_allclose(found.score, best - best.mean(), atol=1e-4)


def test_a_comparison_left_out_is_foretold_by_the_others():
    rng = np.random.default_rng(1)
    first = rng.integers(5, size=30)
    second = (first + rng.integers(1, 5, size=30)) % 5
    outcomes = np.eye(3)[rng.integers(2, size=30)]
    every = fit_davidson(first, second, outcomes, 5, with_ties=False)
    for left in range(5):
        kept = np.arange(30) != left
        rest = fit_davidson(first[kept], second[kept], outcomes[kept], 5, with_ties=False)
        without = rest.score[first[left]] - rest.score[second[left]]
        assert every.lead_without[left] == pytest.approx(without, abs=0.08)


@pytest.mark.parametrize("per_item", [3, 5])
def test_objects_known_from_other_comparisons_help(per_item):
    rights = []
    for seed in range(3):
        answers, truth, _, _ = made_up_comparisons(seed, per_item=per_item)
        c = answers.choices
        alone = HierarchicalDawidSkene().fit_predict(c.item, c.annotator, c.label, 300, 20, 3)
        found = [m().fit_predict(answers).choice for m in METHODS.values()]
        rights.append([np.mean(choice == truth) for choice in [alone.label, *found]])
    alone, ours, *others = np.mean(rights, axis=0)
    assert ours >= max(others)
    assert ours > alone + 0.01


def test_objects_that_meet_once_are_no_worse_off():
    rights = []
    for seed in range(2):
        answers, truth, _, _ = made_up_comparisons(seed, n_items=150, n_objects=None)
        c = answers.choices
        alone = HierarchicalDawidSkene().fit_predict(c.item, c.annotator, c.label, 150, 20, 3)
        ours = DavidsonDawidSkene().fit_predict(answers)
        rights.append([np.mean(ours.choice == truth), np.mean(alone.label == truth)])
    ours, alone = np.mean(rights, axis=0)
    assert ours > alone - 0.01


def test_who_prefers_what_stands_first_is_found():
    answers, _, _, biases = made_up_comparisons(0, n_items=3000, bias=0.8)
    result = DavidsonDawidSkene().fit_predict(answers)
    assert np.corrcoef(result.position_bias, biases)[0, 1] > 0.85
    assert result.position_bias.mean() == pytest.approx(biases.mean(), abs=0.3)


def test_crowd_bradley_terry_finds_who_answers_the_wrong_way_round():
    rng = np.random.default_rng(0)
    score = np.linspace(-3, 3, 12)
    first = rng.integers(12, size=400)
    second = (first + rng.integers(1, 12, size=400)) % 12
    item = np.repeat(np.arange(400), 5)
    who = np.tile(np.arange(5), 400)
    a_wins = rng.random(2000) < 1 / (1 + np.exp(score[second[item]] - score[first[item]]))
    choice = np.where(who == 4, a_wins, ~a_wins).astype(int)
    answers = PreferenceAnswers.of(item, who, choice, 400, 5, first=first, second=second)
    model = CrowdBradleyTerry().fit(answers)
    assert (model.eta_[:4] > 0.9).all()
    assert model.eta_[4] < 0.1
    error = np.abs(model.score_ - score).mean()
    assert error < np.abs(BradleyTerry().fit(answers).score_ - score).mean()


def test_davidson_ranks_objects():
    answers, _, score, _ = made_up_comparisons(3, n_items=3000, bias=0.0)
    result = Davidson().fit_predict(answers)
    assert np.corrcoef(result.score, score)[0, 1] > 0.95
    assert result.score[result.order].tolist() == sorted(result.score.tolist(), reverse=True)


@methods
def test_a_and_b_exchanged_exchange_the_answer(method):
    answers, _, _, _ = made_up_comparisons(1, n_items=60)
    c = answers.choices
    mirrored = PreferenceAnswers.of(
        c.item, c.annotator, np.array([1, 0, 2])[c.label], 60, 20,
        first=answers.second, second=answers.first, n_objects=30,
    )  # fmt: skip
    one, other = method.fit_predict(answers), method.fit_predict(mirrored)
    np.testing.assert_allclose(one.posterior, other.posterior[:, [1, 0, 2]], atol=1e-6)
    np.testing.assert_allclose(one.score, other.score, atol=1e-5)
    np.testing.assert_allclose(one.position_bias, -other.position_bias, atol=1e-5)


@methods
def test_order_and_names_do_not_matter(method):
    answers, _, _, _ = made_up_comparisons(2, n_items=60)
    c = answers.choices
    rng = np.random.default_rng(0)
    items, people, objects = rng.permutation(60), rng.permutation(20), rng.permutation(30)
    order = rng.permutation(len(c.item))
    place = np.argsort(items)
    moved = PreferenceAnswers.of(
        items[c.item][order], people[c.annotator][order], c.label[order], 60, 20,
        first=objects[answers.first][place], second=objects[answers.second][place], n_objects=30,
    )  # fmt: skip
    one, other = method.fit_predict(answers), method.fit_predict(moved)
    np.testing.assert_allclose(one.posterior, other.posterior[items], atol=1e-6)
    np.testing.assert_allclose(one.score, other.score[objects], atol=1e-5)


@methods
def test_nothing_answered_and_one_mind(method):
    none = np.empty(0, int)
    empty = method.fit_predict(PreferenceAnswers.of(none, none, none, 2, 0))
    assert empty.choice.tolist() == [-1, -1]
    assert np.isnan(empty.confidence).all()
    same = PreferenceAnswers.of([0, 0, 0], [0, 1, 2], [1, 1, 1], 1, 3)
    assert method.fit_predict(same).choice.tolist() == [1]
    known = method.fit_predict(same).annotators
    again = method.fit_predict(same, frozen_annotators=known)
    assert again.choice.tolist() == [1]
    assert again.annotators is known


@methods
def test_known_annotators_judge_each_comparison_by_itself(method):
    answers, _, _, _ = made_up_comparisons(4, n_items=50)
    known = method.fit_predict(answers).annotators
    together = method.fit_predict(answers, frozen_annotators=known)
    c = answers.choices
    own = c.item == 7
    alone = PreferenceAnswers.of(np.zeros(own.sum(), int), c.annotator[own], c.label[own], 1, 20)
    found = method.fit_predict(alone, frozen_annotators=known)
    np.testing.assert_allclose(found.posterior[0], together.posterior[7], atol=1e-12)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (([0], [0], [3]), {}, r"label must lie in -1 \.\. 2; got 3"),
        (([0], [0], [1]), {"first": [2], "second": [2]}, r"must differ; got object 2 twice"),
        (([0], [0], [1]), {"first": [0, 1], "second": [1, 0]}, r"must have the same length"),
    ],
)
def test_impossible_comparisons_are_refused(columns, options, message):
    with pytest.raises(ValueError, match=message):
        PreferenceAnswers.of(*columns, 1, 1, **options)
    with pytest.raises(ValueError, match="got 'c' at item 1"):
        choice_codes(["a", "c"])


def test_a_tie_is_half_way_between_a_and_b():
    assert disagreement("a", "a") == disagreement(None, None) == 0
    assert disagreement("a", "b") == disagreement("a", None) == 1
    assert disagreement("tie", "b") == disagreement("b", "tie") == 0.5


@methods
def test_a_known_choice_stands_and_tells_who_is_right(method):
    answers, truth, _, _ = made_up_comparisons(3, n_items=120)
    gold = np.where(np.arange(120) < 60, truth, -1)
    found = method.fit_predict(answers, gold=gold)
    assert (found.choice[:60] == truth[:60]).all()
    assert (found.confidence[:60] == 1).all()
    assert not found.tied[:60].any()
    # Whoever answers as it is known is right more often than by what others say.
    own = answers.choices
    share = [
        np.mean(own.label[mine] == truth[own.item[mine]])
        for mine in ((own.annotator == who) & (own.item < 60) for who in range(20))
    ]
    assert np.corrcoef(share, found.annotators.accuracy)[0, 1] > 0.5
    # Nobody answered the last one, and it is known all the same.
    more = PreferenceAnswers.of(
        own.item, own.annotator, own.label, 121, 20,
        first=np.append(answers.first, 0), second=np.append(answers.second, 1), n_objects=30,
    )  # fmt: skip
    told = method.fit_predict(more, gold=np.append(gold, 1))
    assert (told.choice[120], told.confidence[120], told.n_answers[120]) == (1, 1, 0)


@methods
def test_known_comparisons_decide_which_object_is_better(method):
    # Two annotators say that 0 is better than 1; it is known to be worse.
    answers = PreferenceAnswers.of(
        [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0], 2, 2, first=[0, 2], second=[1, 3]
    )
    found = method.fit_predict(answers, gold=[1, -1])
    assert found.choice[0] == 1
    assert found.score[0] < found.score[1]
    frozen = method.fit_predict(answers, gold=[1, -1], frozen_annotators=found.annotators)
    assert (frozen.choice[0], frozen.confidence[0]) == (1, 1)


@methods
def test_no_comparisons_give_no_choices_and_equal_scores(method):
    none = method.fit_predict(PreferenceAnswers.of([], [], [], 0, 0))
    assert (len(none.choice), len(none.score), none.posterior.shape) == (0, 0, (0, 3))
    apart = method.fit_predict(PreferenceAnswers.of([], [], [], 0, 2, n_objects=3,
                                                    first=[], second=[]))  # fmt: skip
    assert apart.score.tolist() == [0, 0, 0]
    assert apart.score_error.tolist() == [2, 2, 2]
    unanswered = method.fit_predict(PreferenceAnswers.of([], [], [], 2, 1))
    assert unanswered.choice.tolist() == [-1, -1]
    assert np.isnan(unanswered.confidence).all()


@methods
def test_gold_of_another_length_or_no_choice_is_refused(method):
    answers = PreferenceAnswers.of([0, 0], [0, 1], [0, 1], 1, 2)
    with pytest.raises(ValueError, match=r"gold must have 1 entries \(n_items\); got 2"):
        method.fit(answers, gold=[0, 1])
    with pytest.raises(ValueError, match=r"gold must lie in -1 .. 2; got 3"):
        method.fit(answers, gold=[3])
