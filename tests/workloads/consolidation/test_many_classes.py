"""10,000 classes: nobody has a table of their own, and what stands in for it says the same."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from surelabel.annotators import annotator_quality, spam_scores
from surelabel.consolidation import (
    METHODS,
    AnnotatorParameters,
    OneCoinDawidSkene,
    result,
    value_of_another_answer,
)
from surelabel.consolidation.confusion import e_step
from workloads.consolidation.crowds import made_up_crowd, team_crowd

NEEDS_TABLES = ("DawidSkene", "EBCC", "GroundTruth")


@pytest.fixture
def without_tables(monkeypatch):
    monkeypatch.setattr(result, "MAX_CELLS", 0)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in NEEDS_TABLES])
def test_ten_thousand_classes_need_no_table_of_all_pairs(name):
    crowd = team_crowd(0, [0.9, 0.8, 0.7, 0.6, 0.9], n_items=40, n_classes=10_000)
    tracemalloc.start()
    found = crowd.fit(METHODS[name]())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One table of all pairs would be 800 MB, the posterior is 3.2 MB.
    assert peak < 40e6
    assert crowd.accuracy(found) > 0.8
    again = AnnotatorParameters.from_json(found.annotators.named(list("abcde")).to_json())
    np.testing.assert_array_equal(again.confusion, found.annotators.confusion)
    frozen = crowd.fit(METHODS[name](), frozen_annotators=again.for_annotators(list("abcde")))
    assert crowd.accuracy(frozen) > 0.8
    stranger = again.for_annotators(["z"])
    assert stranger.accuracy[0] == pytest.approx(float(again.pooled[0, 0]))


@pytest.mark.parametrize("name", NEEDS_TABLES)
def test_what_is_nothing_without_tables_names_what_to_take(name):
    crowd = team_crowd(0, [0.9, 0.8, 0.7], n_items=4, n_classes=10_000)
    with pytest.raises(ValueError, match=r"at most 33,554,432 for \w+; got 3 x 10,000\^2.*Auto"):
        crowd.fit(METHODS[name]())


def test_a_coin_says_the_same_with_a_table_and_without(without_tables, monkeypatch):
    crowd = made_up_crowd(1)
    coins = crowd.fit(OneCoinDawidSkene())
    monkeypatch.undo()
    tables = crowd.fit(OneCoinDawidSkene())
    assert coins.annotators.confusion.shape == (7, 1, 1)
    np.testing.assert_allclose(coins.posterior, tables.posterior, atol=1e-12)
    np.testing.assert_allclose(coins.annotators.accuracy, tables.annotators.accuracy)
    np.testing.assert_allclose(coins.annotators.right, tables.annotators.right)
    answers, a, b = crowd.coded, coins.annotators, tables.annotators
    np.testing.assert_allclose(e_step(answers, a), e_step(answers, b), atol=1e-12)
    some = (np.array([0, 3, 6]), np.array([1, 0, 3]))
    np.testing.assert_allclose(a.chances(*some), b.chances(*some))
    np.testing.assert_allclose(a.same_answer(0, 1), b.same_answer(0, 1))
    np.testing.assert_allclose(spam_scores(a.confusion, 4), spam_scores(b.confusion))
    for one, other in zip(
        annotator_quality(answers, coins), annotator_quality(answers, tables), strict=True
    ):
        assert one.accuracy == pytest.approx(other.accuracy)
        assert one.flags == other.flags


def test_another_answer_is_worth_the_same_with_a_table_and_without():
    posterior = np.random.default_rng(0).dirichlet(np.full(4, 0.5), 100)
    for right in (0.1, 0.25, 0.6, 0.95):
        table = np.full((4, 4), (1 - right) / 3)
        np.fill_diagonal(table, right)
        coin = replace(AnnotatorParameters.unknown(["a"], 4), pooled=np.full((1, 1), right))
        np.testing.assert_allclose(
            value_of_another_answer(posterior, coin),
            value_of_another_answer(posterior, replace(coin, pooled=table)),
            atol=1e-12,
        )
