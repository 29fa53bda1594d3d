"""The sequence model on real spans and on simulated annotators of real text."""

from __future__ import annotations

import numpy as np
import pytest

from bench.span_crowds import DATA, calibration, pico, wnut17
from surelabel.consolidation.spans import (
    BayesianSequenceCombination,
    JaccardClusters,
    TokenDawidSkene,
    exact_score,
    relaxed_score,
)


def there(name):
    folder = DATA / "ner" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")


@pytest.mark.parametrize("seed", [0, 1])
def test_it_beats_token_dawid_skene_and_clusters_on_simulated_annotators(seed):
    there("wnut17")
    crowd = wnut17(seed)

    def exact(method, texts):
        return exact_score(
            crowd.found(method.fit_predict(crowd.answers, texts=texts)), crowd.truth
        ).f1

    without_texts = exact(BayesianSequenceCombination(), None)
    best = exact(BayesianSequenceCombination(), crowd.texts)
    assert best > without_texts > exact(TokenDawidSkene(), crowd.texts)
    assert without_texts > exact(JaccardClusters(least=1 / 3), None)
    assert best > 0.93


def test_confidence_means_it_also_where_people_share_mistakes():
    there("pico")
    crowd = pico()
    result = BayesianSequenceCombination().fit_predict(crowd.answers)
    assert result.converged
    assert result.annotators.dependence > 0.1
    assert calibration(crowd, result) < 0.08


def test_confidence_is_the_share_of_spans_that_are_right():
    there("wnut17")
    crowd = wnut17(2)
    result = BayesianSequenceCombination().fit_predict(crowd.answers, texts=crowd.texts)
    assert result.converged
    truth = set(zip(*(column.tolist() for column in crowd.truth), strict=True))
    found = zip(*(column.tolist() for column in crowd.found(result)), strict=True)
    right = np.array([span in truth for span in found])
    assert result.confidence.mean() == pytest.approx(right.mean(), abs=0.03)
    unsure = result.confidence < 0.7
    assert right[unsure].mean() < right[~unsure].mean() - 0.2


def test_pico_without_texts_is_above_hmm_crowd():
    there("pico")
    crowd = pico()
    spans = crowd.found(BayesianSequenceCombination().fit_predict(crowd.answers))
    # Published: HMM-crowd 71.0.
    assert relaxed_score(spans, crowd.truth).f1 >= 0.71
    assert exact_score(spans, crowd.truth).f1 >= 0.58


def test_the_relaxed_score_gives_the_published_figure_for_published_spans():
    # The vote that Nguyen et al. published for one abstract, by hand: all that it marks is right;
    # of the truth it covers 51 of 65 code points of one span, two spans, and nothing of two.
    from surelabel.consolidation.spans import Marks

    vote = [(80, 131), (536, 659), (896, 1158)]
    truth = [(66, 131), (217, 268), (536, 659), (896, 1158), (2233, 2298)]

    def marks(spans):
        start, end = np.array(spans).T
        return Marks(np.zeros_like(start), start, end, np.zeros_like(start))

    score = relaxed_score(marks(vote), marks(truth))
    assert score.precision == 1.0
    assert score.recall == pytest.approx((51 / 65 + 1 + 1) / 5)
