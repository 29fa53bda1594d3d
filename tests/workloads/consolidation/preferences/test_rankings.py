"""Orders of several options: by hand, beside slower twins, and with annotators that err."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import minimize

from surelabel.consolidation.preferences import (
    RANKING_METHODS,
    Borda,
    Kemeny,
    PlackettLuce,
    RankingAnnotators,
    RankingAnswers,
)
from surelabel.consolidation.preferences import ranking_disagreement as disagreement
from surelabel.consolidation.preferences.kemeny import _local
from surelabel.consolidation.preferences.ranking_base import dispersion, margins
from workloads.consolidation.preferences.crowds import made_up_rankings

methods = pytest.mark.parametrize(
    "method", [m() for m in RANKING_METHODS.values()], ids=RANKING_METHODS
)


def answers_of(*rankings, n_options=3):
    """One item; each ranking {option: rank} by an annotator of its own."""
    marks = [(row, o, r) for row, ranks in enumerate(rankings) for o, r in ranks.items()]
    answer, option, rank = np.array(marks, int).reshape(-1, 3).T
    n = len(rankings)
    return RankingAnswers.of(np.zeros(n, int), range(n), answer, option, rank, [n_options], n)


@methods
def test_most_orders_win_and_an_option_that_nobody_ranked_stands_in_the_middle_or_last(method):
    result = method.fit_predict(answers_of({0: 1, 1: 2, 2: 3}, {0: 1, 1: 2, 2: 3}, {2: 1, 0: 2}))
    assert result.order_of(0) == [0, 1, 2]
    assert 0 < result.confidence[0] <= 1


def test_borda_counts_the_options_behind():
    answers = answers_of({0: 1, 1: 2, 2: 3}, {1: 1, 0: 2, 2: 2})
    alike = RankingAnnotators(np.full(2, 0.8), np.ones(2, np.int64), 0.8)
    result = Borda().fit_predict(answers, frozen_annotators=alike)
    assert result.option.tolist() == [1, 0, 2]
    # Shares behind: option 1 has 1/2 and 1; 0 has 1 and 1/4; 2 has 0 and 1/4.
    np.testing.assert_allclose(result.score, [0.75, 0.625, 0.125])


def test_kemeny_is_the_best_of_all_orders_and_its_confidence_their_share():
    answers, _ = made_up_rankings(0, n_items=12, n_options=4)
    result = Kemeny().fit_predict(answers)
    fixed = Kemeny().fit_predict(answers, frozen_annotators=result.annotators)
    factor = dispersion(result.annotators.accuracy[answers.annotator], np.full(36, 4))
    for item in range(12):
        worth = {}
        for order in permutations(range(4)):
            place = {option: at for at, option in enumerate(order)}
            total = 0.0
            for row in np.flatnonzero(answers.item == item):
                rank = answers.rank[answers.answer == row]
                own = factor[row]
                for a in range(4):
                    for b in range(a + 1, 4):
                        same = (rank[a] < rank[b]) == (place[a] < place[b])
                        total += own / 2 if same else -own / 2
            worth[order] = total
        best = max(worth, key=worth.get)
        assert worth[tuple(fixed.order_of(item))] == pytest.approx(worth[best])
        share = np.exp(worth[best]) / sum(np.exp(w) for w in worth.values())
        assert fixed.confidence[item] == pytest.approx(share)


def test_mallows_factor_is_the_one_under_which_so_many_pairs_are_wrong():
    # By all orders of four, for a factor of e.
    wrong = np.array([
        sum(order[a] > order[b] for a in range(4) for b in range(a + 1, 4))
        for order in permutations(range(4))
    ])  # fmt: skip
    chance = np.exp(-wrong) / np.exp(-wrong).sum()
    accuracy = 1 - chance @ wrong / 6
    assert dispersion(np.array([accuracy]), np.array([4]))[0] == pytest.approx(1, abs=1e-3)
    # Two options: the log odds.
    assert dispersion(np.array([0.8]), np.array([2]))[0] == pytest.approx(np.log(4), abs=1e-3)


def test_many_options_are_ordered_as_well_by_moving_one_at_a_time():
    answers, _ = made_up_rankings(1, n_items=40, n_options=6)
    weight = np.ones(len(answers.item))
    _, matrix = margins(answers, weight)[6]
    better = 0
    for own in matrix:

        def worth(order, own=own):
            return sum(own[a, b] for at, a in enumerate(order) for b in order[at + 1 :])

        found = worth(_local(own, np.argsort(-own.sum(axis=1), kind="stable")))
        best = max(worth(order) for order in permutations(range(6)))
        better += best > found + 1e-9
    assert better <= 1
    large, truth = made_up_rankings(2, n_items=10, n_options=12, per_item=7)
    result = Kemeny().fit_predict(large)
    far = [
        disagreement(*({o: p for p, o in enumerate(order)} for order in (result.order_of(i), t)))
        for i, t in enumerate(truth)
    ]
    assert np.mean(far) < 0.06


def test_plackett_luce_is_that_of_a_general_optimiser():
    orders = [{0: 1, 1: 2, 2: 3, 3: 4}, {1: 1, 0: 2, 3: 3}, {0: 1, 2: 2, 1: 2, 3: 3}, {3: 1, 0: 2}]
    answers = answers_of(*orders, n_options=4)
    found = PlackettLuce(mm_iter=5000, tol=1e-12)._scores(answers, np.ones(4))

    def loss(score):
        total = 0.0
        for ranks in orders:
            for option, rank in ranks.items():
                left = [o for o, r in ranks.items() if r >= rank]
                total += score[option] - np.log(np.exp(score[left]).sum())
        # Half a win and half a loss against an option of strength 1.
        return -total - (0.5 * (score - 2 * np.log1p(np.exp(score)))).sum()

    np.testing.assert_allclose(found, minimize(loss, np.zeros(4), tol=1e-12).x, atol=1e-3)


def test_weighed_annotators_are_nearer_to_the_truth_than_counted_ones():
    def far(result, truth):
        place = np.argsort(truth, axis=1)
        found = result.option.reshape(truth.shape)
        own = np.take_along_axis(place, found, axis=1)
        return np.mean([(own[:, a] > own[:, b]) for a in range(5) for b in range(a + 1, 5)])

    scores, sure, right = [], [], []
    for seed in range(3):
        answers, truth = made_up_rankings(seed)
        same = RankingAnnotators(np.full(20, 0.8), np.zeros(20, int), 0.8)
        result = Kemeny().fit_predict(answers)
        counted = Borda().fit_predict(answers, frozen_annotators=same)
        scores.append([far(result, truth), far(counted, truth)])
        sure.append(result.confidence.mean())
        right.append(np.mean((result.option.reshape(truth.shape) == truth).all(axis=1)))
    ours, plain = np.mean(scores, axis=0)
    assert ours < 0.85 * plain
    assert np.mean(sure) == pytest.approx(np.mean(right), abs=0.12)


@methods
def test_order_and_names_do_not_matter(method):
    answers, _ = made_up_rankings(4, n_items=30)
    rng = np.random.default_rng(0)
    items, people, options = rng.permutation(30), rng.permutation(20), rng.permutation(5)
    order = rng.permutation(len(answers.item))
    moved = RankingAnswers.of(
        items[answers.item][order], people[answers.annotator][order],
        np.argsort(order)[answers.answer], options[answers.option], answers.rank,
        answers.n_options, 20,
    )  # fmt: skip
    one, other = method.fit_predict(answers), method.fit_predict(moved)
    np.testing.assert_allclose(one.confidence, other.confidence[items], atol=1e-6)
    sure = np.flatnonzero(one.confidence > 0.5)
    assert len(sure) > 10
    for item in sure:
        assert options[one.order_of(item)].tolist() == other.order_of(items[item])


@methods
def test_nothing_ranked_one_option_and_known_annotators(method):
    none = np.empty(0, int)
    empty = method.fit_predict(RankingAnswers.of(none, none, none, none, none, [2, 0, 1], 0))
    assert np.isnan(empty.confidence).all()
    assert empty.order_of(0) == [0, 1]
    single = method.fit_predict(answers_of({0: 1}, n_options=1))
    assert single.confidence.tolist() == [1]
    answers, _ = made_up_rankings(5, n_items=20)
    known = method.fit_predict(answers).annotators.named([f"a{i}" for i in range(20)])
    again = RankingAnnotators.from_json(known.to_json())
    assert again.to_json() == known.to_json()
    assert again.for_annotators(["a3", "new"]).accuracy.tolist() == [
        known.accuracy[3], known.average,
    ]  # fmt: skip
    together = method.fit_predict(answers, frozen_annotators=again)
    assert together.n_iter == 0
    own = np.flatnonzero(answers.item == 7)
    marks = np.isin(answers.answer, own)
    alone = RankingAnswers.of(
        np.zeros(len(own), int), answers.annotator[own], answers.answer[marks] - own[0],
        answers.option[marks], answers.rank[marks], [5], 20,
    )  # fmt: skip
    found = method.fit_predict(alone, frozen_annotators=again)
    assert found.order_of(0) == together.order_of(7)
    assert found.confidence[0] == pytest.approx(together.confidence[7])


def test_impossible_rankings_are_refused():
    with pytest.raises(ValueError, match=r"below n_options of its item \(2\); got 2 at position 1"):
        RankingAnswers.of([0, 1], [0, 0], [0, 0], [0, 2], [1, 2], [2, 3], 1)
    with pytest.raises(ValueError, match=r"option 1 is ranked twice by one answer, at position 2"):
        RankingAnswers.of([0], [0], [0, 0, 0], [0, 1, 1], [1, 2, 3], [3], 1)


def test_kendalls_distance_by_hand():
    assert disagreement({0: 1, 1: 2, 2: 3}, {0: 1, 1: 2, 2: 3}) == 0
    assert disagreement({0: 1, 1: 2, 2: 3}, {0: 3, 1: 2, 2: 1}) == 1
    assert disagreement({0: 1, 1: 2, 2: 3}, {0: 1, 1: 1, 2: 2}) == pytest.approx(0.5 / 3)
    assert disagreement({0: 1, 1: 2}, {1: 1, 0: 2, 2: 3}) == 1
    assert disagreement({}, {}) == 0
    assert disagreement({}, {0: 1}) == 1
