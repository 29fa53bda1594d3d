"""Spans of several people: hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.spans import (
    BayesianSequenceCombination,
    JaccardClusters,
    TokenMajority,
    disagreement,
    jaccard_clusters,
    pairwise_disagreement,
)
from workloads.consolidation.spans.crowds import A, B, answers_of, made_up


def test_a_majority_of_three_by_hand():
    rows = [(0, 0, [(0, 5, 0)]), (0, 1, [(0, 5, 0)]), (0, 2, [(0, 7, 0)])]
    result = TokenMajority().fit_predict(answers_of(rows))
    assert result.spans_of(0) == [(0, 5, 0)]
    assert result.confidence.tolist() == [1.0]
    # A tie is O.
    assert TokenMajority().fit_predict(answers_of([*rows[1:2], (0, 0, [])])).spans_of(0) == []


def test_clusters_by_hand():
    rows = [
        (0, 0, [(0, 10, 0), (50, 60, 1)]),
        (0, 1, [(0, 10, 0)]),
        (0, 2, [(2, 12, 0), (80, 90, 0)]),
    ]
    found = JaccardClusters(weighted=False).fit_predict(answers_of(rows))
    assert found.spans_of(0) == [(0, 10, 0)]
    assert found.confidence.tolist() == [1.0]
    third = JaccardClusters(least=1 / 3, weighted=False).fit_predict(answers_of(rows))
    assert third.spans_of(0) == [(0, 10, 0), (50, 60, 1), (80, 90, 0)]
    # Three ways to start: the median.
    rows = [(0, 0, [(0, 10, 0)]), (0, 1, [(1, 10, 0)]), (0, 2, [(3, 10, 0)])]
    assert JaccardClusters(weighted=False).fit_predict(answers_of(rows)).spans_of(0) == [(1, 10, 0)]


def test_of_two_classes_for_one_span_the_heavier_stays():
    rows = [(0, 0, [(0, 5, 0)]), (0, 1, [(0, 5, 1)]), (0, 2, [(0, 5, 1)])]
    found = JaccardClusters(least=1 / 3, weighted=False).fit_predict(answers_of(rows))
    assert found.spans_of(0) == [(0, 5, 1)]


def test_the_compiled_linkage_is_the_plain_one(monkeypatch):
    rows, _ = made_up(4, n_items=50)
    answers = answers_of(rows, 50, 4, 3)
    every = np.arange(len(answers.start))
    plain = jaccard_clusters.cluster_spans(answers, every, 0.5)
    monkeypatch.setattr(jaccard_clusters, "_COMPILE_FROM", 0)
    np.testing.assert_array_equal(jaccard_clusters.cluster_spans(answers, every, 0.5), plain)
    assert len(np.unique(plain)) < len(plain)


def test_disagreement_by_hand():
    assert disagreement([], []) == 0
    assert disagreement([A], []) == disagreement([], [A], relaxed=True) == 1
    assert disagreement([A, B], [B, A]) == 0
    assert disagreement([A, B], [A]) == pytest.approx(1 - 2 / 3)
    assert disagreement([A], [(0, 5, 1)], relaxed=True) == 1
    # Half of the longer is covered, all of the shorter: F1 = 2/3.
    assert disagreement([(0, 10, 0)], [(0, 5, 0)], relaxed=True) == pytest.approx(1 / 3)
    assert disagreement([(0, 10, 0)], [(0, 5, 0)]) == 1


@pytest.mark.parametrize("relaxed", [False, True])
def test_pairwise_disagreement_is_that_of_each_pair(relaxed):
    rows, _ = made_up(5, n_items=6)
    rows.append((6, 0, []))
    rows.append((6, 1, []))
    answers = answers_of(rows, 7, 4, 3)
    held = {(i, a): spans for i, a, spans in rows}
    first, second, distance = pairwise_disagreement(answers, relaxed=relaxed)
    assert len(first) == 6 * 6 + 1
    for one, other, value in zip(first, second, distance, strict=True):
        pair = [held[answers.item[row], answers.annotator[row]] for row in (one, other)]
        assert value == pytest.approx(disagreement(*pair, relaxed=relaxed), abs=1e-12)


def test_annotators_are_judged_by_hand():
    rows = []
    for item in range(10):
        rows += [(item, who, [A, B]) for who in (0, 1, 2)]
        rows.append((item, 3, [(0, 5, 1), (10, 15, 1), (30, 40, 0)]))
    judged = JaccardClusters().fit_predict(answers_of(rows, 10, 4, 2)).annotators
    assert judged.precision.tolist() == [1, 1, 1, 0]
    assert judged.recall.tolist() == [1, 1, 1, 0]
    assert judged.relaxed_precision[3] == pytest.approx(1 / 3)
    assert judged.relaxed_recall[3] == pytest.approx(0.25)
    assert judged.label_confusion[3].tolist() == [[0, 10], [0, 10]]
    assert judged.length_bias[3] == pytest.approx(np.log(0.5) / 2)
    assert judged.n_spans.tolist() == [20, 20, 20, 30]


def test_a_word_supports_a_span_that_few_marked():
    rng = np.random.default_rng(0)
    rows, texts = [], []
    for item in range(80):
        word = ["zebra", "stone"][item % 2]
        texts.append(f"here a {word} lies")
        seen = rng.random(4) < 0.5
        marks = [(7, 12, 0)] if word == "zebra" else []
        rows += [(item, who, marks if seen[who] or rng.random() < 0.05 else []) for who in range(4)]
    answers = answers_of(rows, 80, 4, 1)
    without = BayesianSequenceCombination().fit_predict(answers)
    with_words = BayesianSequenceCombination(word_weight=1.0).fit_predict(answers, texts=texts)
    zebras = set(range(0, 80, 2))
    assert set(with_words.item) >= set(without.item)
    assert len(set(with_words.item) & zebras) >= len(set(without.item) & zebras)
    weak = with_words.support == 1
    assert with_words.confidence[weak].mean() > 0.5
