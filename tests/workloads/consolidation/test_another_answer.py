"""Where another answer helps, and how far a model is believed beside people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surelabel.consolidation import (
    AnnotatorParameters,
    HierarchicalDawidSkene,
    activelab,
    crowdlab,
    value_of_another_answer,
    value_of_closer_answers,
    value_of_two_answers,
    who_needs_another,
)
from surelabel.consolidation.answers import Answers
from workloads.consolidation.crowds import made_up_crowd, team_crowd


def coin(accuracy: float, k: int = 2) -> AnnotatorParameters:
    """A crowd whose average annotator has this accuracy for every class."""
    pooled = np.full((k, k), (1 - accuracy) / (k - 1))
    np.fill_diagonal(pooled, accuracy)
    return replace(AnnotatorParameters.unknown(["a"], k), pooled=pooled)


def test_the_value_of_an_answer_by_hand():
    posterior = np.array([[0.5, 0.5], [0.6, 0.4], [0.9, 0.1], [1.0, 0.0]])
    # An even item is right with .8 afterwards. At .6, an answer against it (.6*.2 + .4*.8) turns
    # it: .48 + .32 - .6. At .9 no answer can.
    value = value_of_another_answer(posterior, coin(0.8))
    np.testing.assert_allclose(value, [0.3, 0.2, 0, 0], atol=1e-12)
    assert who_needs_another(posterior, coin(0.8)).tolist() == [0, 1, 2, 3]


def test_a_guesser_is_worth_nothing():
    posterior = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    assert value_of_another_answer(posterior, coin(0.25, 4)).tolist() == [0] * 50


def test_a_single_class_and_no_items_have_nothing_to_gain():
    assert value_of_another_answer(
        np.ones((3, 1)), replace(AnnotatorParameters.unknown([], 1), pooled=np.ones((1, 1)))
    ).tolist() == [0, 0, 0]
    assert who_needs_another(np.empty((0, 2)), coin(0.8)).tolist() == []


def test_the_value_is_what_another_answer_brings():
    """By simulation: ask, consolidate again with the same annotators, count right labels."""
    rng = np.random.default_rng(1)
    posterior = rng.dirichlet(np.ones(3), 200)
    crowd = coin(0.7, 3)
    gains = np.zeros(200)
    for _ in range(400):
        truth = (rng.random((200, 1)) > posterior.cumsum(axis=1)).sum(axis=1)
        answer = np.array([rng.choice(3, p=crowd.pooled[t]) for t in truth])
        after = (posterior * crowd.pooled[:, answer].T).argmax(axis=1)
        gains += (after == truth).astype(float) - (posterior.argmax(axis=1) == truth)
    np.testing.assert_allclose(
        gains.mean() / 400, value_of_another_answer(posterior, crowd).mean(), atol=0.01
    )


def brute_two(posterior: np.ndarray, pooled: np.ndarray) -> np.ndarray:
    k = len(pooled)
    found = []
    for row in posterior:
        best = sum(
            max(row[t] * pooled[t, one] * pooled[t, other] for t in range(k))
            for one in range(k)
            for other in range(k)
        )
        found.append(best - row.max())
    return np.array(found)


def test_the_value_of_two_answers_by_hand():
    # At .8 one answer cannot turn the label, two against it can: they come with .8*.04 if it is
    # right and .2*.64 if not. At 64 to 1 not even two can.
    value = value_of_two_answers(np.array([[0.8, 0.2], [64 / 65, 1 / 65]]), coin(0.8))
    np.testing.assert_allclose(value, [0.128 - 0.032, 0], atol=1e-12)


def test_two_answers_are_thought_through_as_by_brute_force():
    rng = np.random.default_rng(3)
    posterior = rng.dirichlet(np.ones(4), 30)
    pooled = rng.dirichlet(np.ones(4), 4) / 2 + np.eye(4) / 2
    crowd = replace(AnnotatorParameters.unknown(["a"], 4), pooled=pooled)
    value = value_of_two_answers(posterior, crowd)
    np.testing.assert_allclose(value, brute_two(posterior, pooled), atol=1e-12)
    assert (value >= value_of_another_answer(posterior, crowd) - 1e-12).all()


def test_of_many_classes_the_likeliest_are_enough():
    rng = np.random.default_rng(4)
    posterior = rng.dirichlet(np.full(12, 0.2), 40)
    value = value_of_two_answers(posterior, coin(0.7, 12))
    whole = brute_two(posterior, coin(0.7, 12).pooled)
    assert (value <= whole + 1e-12).all()
    np.testing.assert_allclose(value, whole, atol=0.05)


def test_coins_are_worth_what_their_table_is():
    posterior = np.random.default_rng(5).dirichlet(np.ones(3), 20)
    table = coin(0.8, 3)
    alone = replace(table, pooled=np.array([[0.8]]))
    np.testing.assert_allclose(
        value_of_two_answers(posterior, alone), value_of_two_answers(posterior, table)
    )


def test_closer_answers_are_those_of_a_mean():
    """By simulation: numbers about their truth, squared distances."""
    rng = np.random.default_rng(6)
    told = rng.normal(0, 0.3, (200_000, 5))
    apart = np.mean([(told[:, a] - told[:, b]) ** 2 for a in range(3) for b in range(a)])
    gained = (told[:, :3].mean(axis=1) ** 2).mean() - (told.mean(axis=1) ** 2).mean()
    expected = value_of_closer_answers(np.array(apart), np.array(3.0), further=2)
    assert gained == pytest.approx(expected, rel=0.02)


def test_asking_where_it_helps_beats_asking_at_random():
    better = []
    for seed in range(5):
        crowd = team_crowd(seed, (0.85, 0.8, 0.75, 0.8, 0.7, 0.85), 400, 3, per_item=4)
        # Three answers each; the fourth of 100 items only.
        place = np.arange(len(crowd.item)) % 4
        rng = np.random.default_rng(seed)
        accuracies = []
        first = place < 3
        arguments = (crowd.item[first], crowd.annotator[first], crowd.label[first], 400, 6, 3)
        result = HierarchicalDawidSkene().fit_predict(*arguments)
        chosen = who_needs_another(result.posterior, result.annotators)[:100]
        for items in (chosen, rng.permutation(400)[:100]):
            kept = first | np.isin(crowd.item, items)
            after = HierarchicalDawidSkene().fit_predict(
                crowd.item[kept], crowd.annotator[kept], crowd.label[kept], 400, 6, 3
            )
            accuracies.append(np.mean(after.label == crowd.truth))
        better.append(accuracies[0] - accuracies[1])
    assert np.mean(better) > 0.01, better


def noisy_model(crowd, accuracy: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    n, k = crowd.n_items, crowd.n_classes
    said = np.where(rng.random(n) < accuracy, crowd.truth, rng.integers(k, size=n))
    rows = np.full((n, k), 0.2 / (k - 1))
    rows[np.arange(n), said] = 0.8
    return rows


def test_crowdlab_by_hand():
    # Two items, two annotators, who agree on both; the model is right on both.
    answers = Answers.of(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), 2, 2, 2
    )
    found = crowdlab(answers, [[0.9, 0.1], [0.3, 0.7]])
    # Everybody is perfect: weight 1 each, and the square root of two answers for the model.
    np.testing.assert_allclose(found.annotator_weight, [1, 1])
    assert found.model_weight == pytest.approx(np.sqrt(2))
    expected = (np.sqrt(2) * 0.9 + 2) / (np.sqrt(2) + 2)
    assert found.posterior[0, 0] == pytest.approx(expected)


def test_activelab_by_hand():
    # Item 2 has no answer. Everybody is perfect: weight 1 each, the square root of 2 for the model.
    answers = Answers.of(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), 3, 2, 2
    )
    score = activelab(answers, [[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]])
    model = np.sqrt(2)
    # Probability of the likeliest class, and one more average annotator who knows nothing.
    expected = [
        (model * 0.9 + 2 + 0.5) / (model + 3),
        (model * 0.7 + 2 + 0.5) / (model + 3),
        (model * 0.6 + 0.5) / (model + 1),
    ]
    np.testing.assert_allclose(score, expected)


def test_activelab_asks_where_answers_are_few_or_differ():
    item, annotator = np.array([0, 0, 0, 1, 2, 2, 2]), np.array([0, 1, 2, 0, 0, 1, 2])
    answers = Answers.of(item, annotator, np.array([1, 1, 1, 1, 1, 1, 0]), 3, 3, 2)
    agreed, alone, split = activelab(answers, np.full((3, 2), 0.5))
    assert alone < agreed
    assert split < agreed


def test_a_model_is_believed_as_far_as_it_is_good():
    crowd = made_up_crowd(3, n_items=300)
    good, bad = (crowdlab(crowd.coded, noisy_model(crowd, accuracy)) for accuracy in (0.95, 0.25))
    assert good.model_weight > 3 * bad.model_weight
    assert np.mean(good.posterior.argmax(axis=1) == crowd.truth) > np.mean(
        bad.posterior.argmax(axis=1) == crowd.truth
    )


def test_an_item_without_answers_has_the_models_word():
    answers = Answers.of(np.array([0, 0]), np.array([0, 1]), np.array([1, 1]), 2, 2, 2)
    found = crowdlab(answers, [[0.5, 0.5], [0.8, 0.2]])
    np.testing.assert_allclose(found.posterior[1], [0.8, 0.2])
    nobody = Answers.of(*(np.empty(0, np.int64),) * 3, 1, 0, 2)
    np.testing.assert_allclose(crowdlab(nobody, [[0.8, 0.2]]).posterior, [[0.8, 0.2]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5, 0.5]], r"must have shape \(2, 2\) \(n_items, n_classes\); got \(1, 2\)"),
        ([[0.5, 0.5], [np.nan, 1]], r"must lie in 0 .. 1; got nan for item 1, class 0"),
        ([[0.5, 0.5], [0.5, 0.1]], r"must sum to 1 for each item; got 0.6000 for item 1"),
    ],
)
def test_impossible_probabilities_are_refused(rows, message):
    answers = Answers.of(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]), 2, 1, 2)
    with pytest.raises(ValueError, match=message):
        crowdlab(answers, rows)


def test_a_crowd_of_other_classes_is_refused():
    with pytest.raises(ValueError, match=r"pooled must have shape \(3, 3\)"):
        value_of_another_answer(np.full((1, 3), 1 / 3), coin(0.8))
