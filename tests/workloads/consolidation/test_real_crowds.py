"""Accuracy on real crowds, beside the figures in reference/algorithms.md."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from surelabel.consolidation import (
    EBCC,
    GLAD,
    METHODS,
    Auto,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    auto,
)
from surelabel.consolidation.hierarchical_dawid_skene import damped
from workloads.consolidation.crowds import ground_truth_birds, real_crowd

# set: majority vote, hierarchical (the reference's measured figures).
PUBLISHED = {
    "bluebird": (0.7593, 0.8889),
    "cf": (0.8822, 0.8900),
    "d_sentiment": (0.9335, 0.9590),
    "dog": (0.8222, 0.8377),
    "music_genre": (0.7042, 0.8000),
    "product": (0.8966, 0.9357),
    "rte": (0.8969, 0.9300),
    "s_rel": (0.5423, 0.6157),
    "trec": (0.6514, 0.6998),
    "web": (0.7307, 0.8443),
    "zencrowd_us": (0.8615, 0.8324),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_majority_vote_is_as_accurate_as_published(name):
    crowd = real_crowd(name)
    result = crowd.fit(MajorityVote())
    # The published figure breaks ties at random; so every tie is worth its chance here.
    known = crowd.truth >= 0
    posterior = result.posterior[known]
    best = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    right = best[np.arange(known.sum()), crowd.truth[known]] / best.sum(axis=1)
    assert right.mean() == pytest.approx(PUBLISHED[name][0], abs=0.015)


@pytest.mark.parametrize("name", PUBLISHED)
def test_hierarchical_dawid_skene_is_as_accurate_as_published(name):
    crowd = real_crowd(name)
    accuracy = crowd.accuracy(crowd.fit(HierarchicalDawidSkene()))
    assert accuracy >= PUBLISHED[name][1] - 0.005


@pytest.fixture(scope="module")
def accuracy():
    """Of each method on each set, ties by the rule."""
    crowds = [real_crowd(name) for name in PUBLISHED]
    return {
        name: np.array([crowd.accuracy(crowd.fit(method())) for crowd in crowds])
        for name, method in METHODS.items()
    }


def test_the_default_beats_all_others_over_all_sets(accuracy):
    means = {name: values.mean() for name, values in accuracy.items()}
    assert max(means, key=means.get) == "Auto"
    assert means["Auto"] >= 0.839
    assert means["HierarchicalDawidSkene"] > means["DawidSkene"] > means["MajorityVote"]


def test_the_default_is_nowhere_much_below_the_majority(accuracy):
    assert (accuracy["MajorityVote"] - accuracy["Auto"]).max() <= 0.01


def test_the_default_notices_a_crowd_whose_mistakes_go_together():
    # EBCC's published accuracy here; hierarchical Dawid-Skene has .83, the majority .86.
    crowd = real_crowd("zencrowd_us")
    assert crowd.accuracy(crowd.fit(Auto())) > 0.90
    # A crowd whose annotators err each in their own way is left to the hierarchical model.
    crowd = real_crowd("web")
    hierarchical = crowd.fit(HierarchicalDawidSkene())
    np.testing.assert_array_equal(crowd.fit(Auto()).posterior, hierarchical.posterior)


@pytest.mark.parametrize("method", [OneCoinDawidSkene, GLAD, EBCC], ids=lambda m: m.__name__)
def test_an_algorithm_with_a_model_beats_the_majority_over_all_sets(accuracy, method):
    assert accuracy[method.__name__].mean() > accuracy["MajorityVote"].mean()


@pytest.fixture(scope="module")
def by_default():
    """Truth and the default's posterior of each set, where the truth is known."""
    found = []
    for name in PUBLISHED:
        crowd = real_crowd(name)
        known = crowd.truth >= 0
        found.append((crowd.truth[known], crowd.fit(Auto()).posterior[known]))
    return found


def test_its_confidence_tells_right_from_wrong(by_default):
    scores = [
        roc_auc_score(posterior.argmax(axis=1) == truth, posterior.max(axis=1))
        for truth, posterior in by_default
    ]
    assert np.mean(scores) > 0.77


def test_its_confidence_means_the_chance_to_be_right(by_default):
    """Mean log-likelihood and calibration error (15 bins) over all sets."""
    found = []
    for truth, posterior in by_default:
        confidence, right = posterior.max(axis=1), posterior.argmax(axis=1) == truth
        place = np.minimum((confidence * 15).astype(int), 14)
        off = np.abs(np.bincount(place, weights=confidence - right)).sum() / len(truth)
        chance = np.clip(posterior[np.arange(len(truth)), truth], 1e-6, 1)
        found.append((-np.log(chance).mean(), off))
    nll, ece = np.mean(found, axis=0)
    assert nll <= 0.49
    assert ece <= 0.062


def test_it_does_better_than_ground_truth_did_on_its_own_job():
    crowd = ground_truth_birds()
    result = crowd.fit(Auto())
    right = result.label == crowd.truth
    # 272 of 302, and confidence with an AUROC of .528; that of the share of votes is .822.
    assert right.sum() >= 272
    assert roc_auc_score(right, result.confidence) > 0.83


def test_damping_leaves_one_answer_alone_and_many_in_doubt():
    posterior = np.array([[0.9, 0.1]] * 4)
    found = damped(posterior, np.array([0, 1, 2, 11]))
    np.testing.assert_allclose(found[:2], posterior[:2])
    odds = found[:, 0] / found[:, 1]
    np.testing.assert_allclose(odds[2:], [9 ** (1 / 1.1), 3.0])
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize(("name", "asks"), [("zencrowd_us", True), ("web", False)])
def test_the_default_looks_at_a_part_of_many_items_first(name, asks, monkeypatch):
    crowd = real_crowd(name)
    whole = crowd.fit(Auto())
    monkeypatch.setattr(auto, "_LOOK_ITEMS", crowd.n_items // 2)
    seen = []
    learn_from = EBCC.learn_from

    def watched(self, answers, *rest):
        seen.append(answers.n_items)
        return learn_from(self, answers, *rest)

    monkeypatch.setattr(EBCC, "learn_from", watched)
    found = crowd.fit(Auto())
    assert seen[0] == pytest.approx(crowd.n_items / 2, rel=0.05)
    assert seen[1:] == ([crowd.n_items] if asks else [])
    np.testing.assert_array_equal(found.posterior, whole.posterior)
