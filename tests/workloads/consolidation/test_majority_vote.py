"""Majority vote and the tie rule."""

from __future__ import annotations

import hashlib

import numpy as np

from surelabel.consolidation import MajorityVote
from surelabel.consolidation.labels import choose


def test_the_confidence_is_the_share_of_votes():
    item = np.array([0, 0, 0, 1])
    result = MajorityVote().fit_predict(
        item, np.array([0, 1, 2, 0]), np.array([1, 1, 0, 2]), 2, 3, 3
    )
    assert result.label.tolist() == [1, 2]
    np.testing.assert_allclose(result.confidence, [2 / 3, 1.0])
    assert result.tied.tolist() == [False, False]


def test_a_tie_goes_to_the_commoner_class():
    # Class 2 is said four times in all, class 0 once; item 0 has one vote each.
    item = np.array([0, 0, 1, 1, 2])
    result = MajorityVote().fit_predict(
        item, np.array([0, 1, 0, 1, 0]), np.array([0, 2, 2, 2, 2]), 3, 2, 3
    )
    assert result.label[0] == 2
    assert result.tied.tolist() == [True, False, False]


def test_more_votes_beat_the_prior_among_equal_posteriors():
    label, tied = choose(np.array([[0.5, 0.5]]), np.array([[1.0, 2.0]]), np.array([0.9, 0.1]))
    assert (label[0], tied[0]) == (1, True)


def test_the_last_tie_is_decided_by_a_hash_of_item_and_label():
    def rule(item_id: str) -> str:
        def digest(name: str) -> bytes:
            return hashlib.sha256(f"{len(item_id)}:{item_id}{name}".encode()).digest()

        return min(("ant", "bee"), key=digest)

    ids = [f"item-{i}" for i in range(40)]
    label, _ = choose(
        np.full((40, 2), 0.5), np.ones((40, 2)), np.array([0.5, 0.5]), ids, ["ant", "bee"]
    )
    assert [("ant", "bee")[c] for c in label] == [rule(name) for name in ids]
    assert len(set(label.tolist())) == 2


def test_an_annotators_accuracy_is_that_against_the_majority():
    # Annotator 2 is always outvoted.
    item = np.repeat(np.arange(20), 3)
    label = np.tile([0, 0, 1, 1, 1, 0], 10)
    result = MajorityVote().fit_predict(item, np.tile([0, 1, 2], 20), label, 20, 3, 2)
    assert result.annotators.agreement.tolist() == [1.0, 1.0, 0.0]
    assert result.annotators.accuracy[2] < 0.1 < 0.9 < result.annotators.accuracy[0]
