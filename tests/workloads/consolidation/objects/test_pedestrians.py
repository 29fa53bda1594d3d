"""Real boxes with experts' truth, beside the figures in reference/algorithms.md."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from surelabel.consolidation.objects import Auto, HitRates, SupportVote
from workloads.consolidation.objects.scenes import matched, pedestrians


@pytest.fixture(scope="module")
def crowd():
    return pedestrians()


def scores(crowd, method):
    """F1, mean IoU of what is right, and right and confidence of every object of an expert's."""
    scene, expert = crowd
    result = method.fit_predict(scene.coded)
    there = np.flatnonzero(expert[result.item])
    found = matched(result.item[there], result.geometry[there], scene.true_item, scene.truth)
    right = found > 0
    f1 = 2 * right.sum() / (len(found) + len(scene.true_item))
    return f1, found[right].mean(), right, result.confidence[there]


def test_the_default_beats_the_published_figures(crowd, say_at_end):
    f1, iou, right, confidence = scores(crowd, Auto())
    bins = np.minimum((confidence * 15).astype(int), 14)
    off = np.bincount(bins, confidence - right)
    error = np.abs(off).sum() / len(right)
    auroc = roc_auc_score(right, confidence)
    say_at_end(f"pedestrians: F1 {f1:.4f}, mIoU {iou:.4f}, ECE {error:.3f}, AUROC {auroc:.3f}")
    assert f1 >= 0.9315
    assert iou >= 0.843
    assert error < 0.02
    assert auroc > 0.92


def test_a_vote_of_one_half_is_as_published(crowd):
    f1, iou, _, _ = scores(crowd, SupportVote())
    assert f1 == pytest.approx(0.9319, abs=0.001)
    assert iou >= 0.843


def test_rates_alone_find_less_than_a_vote(crowd):
    # They are too sure that an object which three of seven missed is none.
    assert scores(crowd, HitRates())[0] < scores(crowd, Auto())[0]
