"""Each algorithm's own arithmetic, against a slower twin or by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import digamma, expit

from surelabel.consolidation import (
    GLAD,
    METHODS,
    Auto,
    ModifiedDawidSkene,
    OneCoinDawidSkene,
    Wawa,
)
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.base import Gold
from surelabel.consolidation.confusion import e_step
from surelabel.consolidation.ebcc import EBCC, held_out
from surelabel.consolidation.glad import _loss
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from workloads.consolidation.crowds import made_up_crowd

NO_GOLD = Gold(np.empty(0, np.int64), np.empty(0, np.int64))


def test_wawa_weighs_a_vote_by_its_annotators_agreement():
    # Annotator 2 alone disagrees once in two items: weight 1/2 against 1 and 1.
    item = np.array([0, 0, 0, 1, 1, 1])
    annotator = np.array([0, 1, 2, 0, 1, 2])
    label = np.array([0, 0, 1, 1, 1, 1])
    found = Wawa().fit_predict(item, annotator, label, 2, 3, 2)
    np.testing.assert_allclose(found.posterior, [[0.8, 0.2], [0, 1]])


def test_one_coin_gives_an_annotator_one_accuracy_for_all_classes():
    crowd = made_up_crowd(1)
    confusion = crowd.fit(OneCoinDawidSkene()).annotators.confusion
    k = crowd.n_classes
    right = confusion[:, 0, 0]
    expected = np.where(
        np.eye(k, dtype=bool), right[:, None, None], (1 - right)[:, None, None] / (k - 1)
    )
    np.testing.assert_allclose(confusion, expected)
    np.testing.assert_allclose(confusion.sum(axis=2), 1)


def test_glads_gradient_is_that_of_its_loss():
    answers = made_up_crowd(2, n_items=8, n_annotators=5).coded
    rng = np.random.default_rng(0)
    right = rng.random(len(answers.item))
    for _ in range(5):
        at = rng.normal(1, 0.7, answers.n_annotators + answers.n_items)
        error = check_grad(
            lambda x: _loss(x, answers, right)[0], lambda x: _loss(x, answers, right)[1], at
        )
        assert error < 1e-4


def test_glad_trusts_an_able_annotator_on_an_easy_item():
    crowd = made_up_crowd(3, n_items=200)
    model = GLAD().fit(
        crowd.item,
        crowd.annotator,
        crowd.label,
        crowd.n_items,
        crowd.n_annotators,
        crowd.n_classes,
    )
    assert model.converged_
    unanimous = np.bincount(crowd.item) > 0
    for item in range(crowd.n_items):
        unanimous[item] = len(set(crowd.label[crowd.item == item])) == 1
    assert model.confidence_[unanimous].mean() > model.confidence_[~unanimous].mean()


def test_the_modified_form_starts_from_coins_of_seven_in_ten():
    # One item, two annotators who disagree, and no iteration: both classes are equally likely.
    def start(*answers) -> np.ndarray:
        return ModifiedDawidSkene(max_iter=0)._learn(Answers.of(*answers), NO_GOLD, None).posterior

    two = (np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), 1, 2, 2)
    np.testing.assert_allclose(start(*two), [[0.5, 0.5]])
    three = (np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([0, 0, 1]), 1, 3, 2)
    odds = 0.7 * 0.7 * 0.3 / (0.3 * 0.3 * 0.7)
    np.testing.assert_allclose(start(*three)[0, 0], odds / (1 + odds))


def test_the_modified_forms_counts_are_smoothed_as_published():
    # Annotator 0 answers two certain items rightly: counts 2 in all, accuracy 1 of everybody.
    item, annotator, label = np.array([0, 1]), np.array([0, 0]), np.array([0, 1])
    gold = np.array([0, 1])
    found = ModifiedDawidSkene(max_iter=1).fit_predict(item, annotator, label, 2, 1, 2, gold=gold)
    np.testing.assert_allclose(found.annotators.confusion[0], np.eye(2))


def annotators_and_posterior(answers: Answers):
    annotators = HierarchicalDawidSkene()._learn(answers, NO_GOLD, None).annotators
    return annotators, e_step(answers, annotators)


def ebcc_by_loops(answers: Answers, share, n_iter: int):
    """The paper's updates, one cell at a time."""
    n, k, m = share.shape
    rows = list(zip(answers.item, answers.annotator, answers.label, strict=True))
    for _ in range(n_iter):
        counts = np.ones((answers.n_annotators, k, k, m))
        for c in range(k):
            counts[:, c, c] += 3
        for i, a, observed in rows:
            counts[a, observed] += share[i]
        size = share.sum(axis=0) + 0.1 / m
        total = share.sum(axis=(0, 2)) + 1
        new = np.zeros_like(share)
        for i, c, s in product(range(n), range(k), range(m)):
            score = digamma(total[c]) - digamma(total.sum())
            score += digamma(size[c, s]) - digamma(size[c].sum())
            for j, a, observed in rows:
                if j == i:
                    cell = counts[a, :, c, s]
                    score += digamma(cell[observed]) - digamma(cell.sum())
            new[i, c, s] = np.exp(score)
        share = new / new.sum(axis=(1, 2), keepdims=True)
    return share, counts


@pytest.mark.parametrize("subtypes", [1, 2, 3])
def test_ebcc_is_the_papers_iteration(subtypes):
    answers = made_up_crowd(4, n_items=12, n_annotators=6, n_classes=3).coded
    method = EBCC(subtypes=subtypes, max_iter=3, tol=0)
    first = annotators_and_posterior(answers)
    _, start = EBCC(subtypes=subtypes, max_iter=0).learn_from(answers, NO_GOLD, *first)
    learned, _ = method.learn_from(answers, NO_GOLD, *first)
    # Three turns give as many shares; the first of them is the start's own.
    expected, _ = ebcc_by_loops(answers, start.share, 2)
    np.testing.assert_allclose(learned.posterior, expected.sum(axis=2), atol=1e-9)


def test_an_answer_held_out_of_ebcc_counts_neither_for_its_item_nor_for_its_annotator():
    answers = made_up_crowd(5, n_items=12, n_annotators=6, n_classes=3).coded
    _, state = EBCC().learn_from(answers, NO_GOLD, *annotators_and_posterior(answers))
    found = held_out(answers, state)
    for row, (i, a, observed) in enumerate(
        zip(answers.item, answers.annotator, answers.label, strict=True)
    ):
        joint = np.exp(state.joint[i] - state.log_confusion[a, observed])
        joint /= joint.sum()
        right = state.counts[a, observed] - state.share[i]
        total = state.counts[a].sum(axis=0) - state.share[i]
        assert found[row] == pytest.approx(np.log((joint * right / total).sum()))


def test_held_out_chances_of_all_answers_to_a_question_are_a_distribution():
    answers = made_up_crowd(6, n_items=15, n_annotators=6, n_classes=3).coded
    hierarchical = HierarchicalDawidSkene()
    chances = np.exp(hierarchical.held_out(answers, *annotators_and_posterior(answers)))
    assert ((chances > 0) & (chances < 1)).all()


def shared_mistakes(seed: int, n_items: int = 400, n_annotators: int = 20):
    """Two classes; half of the items of class 0 look like class 1 to most annotators."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n_items)
    deceptive = (truth == 0) & (rng.random(n_items) < 0.5)
    expert = rng.random(n_annotators) < 0.4
    item = np.repeat(np.arange(n_items), 8)
    annotator = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :8].ravel()
    chance = np.where(deceptive[item] & ~expert[annotator], 0.2, 0.9)
    wrong = rng.random(len(item)) > chance
    return item, annotator, np.where(wrong, 1 - truth[item], truth[item]), truth


def test_the_default_notices_shared_mistakes():
    noticed = 0
    for seed in range(5):
        item, annotator, label, truth = shared_mistakes(seed)
        arguments = (item, annotator, label, len(truth), 20, 2)
        auto = Auto().fit_predict(*arguments)
        hierarchical = HierarchicalDawidSkene().fit_predict(*arguments)
        noticed += not np.array_equal(auto.posterior, hierarchical.posterior)
    assert noticed == 5


def test_the_default_is_the_hierarchical_model_where_everybody_errs_alone():
    # Chance alone exceeds two standard errors now and then.
    same = 0
    for seed in range(10):
        crowd = made_up_crowd(seed, n_items=200)
        auto, hierarchical = crowd.fit(Auto()), crowd.fit(HierarchicalDawidSkene())
        same += bool(np.array_equal(auto.posterior, hierarchical.posterior))
    assert same >= 9


def test_probabilities_of_the_coin_are_the_sigmoid_of_ability_and_ease():
    # With one class there is nothing to mistake; with two an item's odds are those of its votes.
    item, annotator, label = np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([0, 0, 1])
    found = GLAD(max_iter=1).fit_predict(item, annotator, label, 1, 3, 2)
    assert 0.5 < found.posterior[0, 0] < expit(10)


@pytest.mark.parametrize("name", ["Auto", "HierarchicalDawidSkene", "Wawa", "EBCC", "GLAD"])
def test_who_is_right_on_gold_items_is_believed_against_a_majority(name):
    # 40 known items, on which two of three are always wrong together; then one that nobody knows.
    item, annotator = np.repeat(np.arange(41), 3), np.tile(np.arange(3), 41)
    label = np.where(annotator == 0, 0, 1)
    gold = np.append(np.zeros(40, np.int64), -1)
    sizes = (41, 3, 3)
    found = METHODS[name]().fit_predict(item, annotator, label, *sizes, gold=gold)
    assert found.label[40] == 0
    np.testing.assert_array_equal(found.annotators.agreement, [40 / 41, 1 / 41, 1 / 41])
    assert METHODS[name]().fit_predict(item, annotator, label, *sizes).label[40] == 1
