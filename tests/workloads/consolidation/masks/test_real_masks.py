"""Real crowds that outlined cells, beside the experts (BU-BIL)."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.masks import STAPLE, MajorityVote, SmoothedVote
from workloads.consolidation.masks.drawings import iou, real_drawings


@pytest.fixture(scope="module")
def found():
    drawn, sets = real_drawings()
    results = {m.__name__: m().fit_predict(drawn.answers) for m in (SmoothedVote, MajorityVote)}
    return drawn, sets, results


def quality(drawn, result):
    pairs = zip(result.label, drawn.truth, strict=True)
    return np.array([iou(label > 0, truth) for label, truth in pairs])


def test_the_default_is_better_than_the_vote_on_every_set(found):
    drawn, sets, results = found
    vote, ours = (quality(drawn, results[name]) for name in ("MajorityVote", "SmoothedVote"))
    assert vote.mean() == pytest.approx(0.8527, abs=0.0005)
    assert ours.mean() >= vote.mean() + 0.003
    for number in (2, 4, 5):
        assert ours[sets == number].mean() > vote[sets == number].mean()


def test_staple_is_as_far_below_the_vote_as_the_reference_says():
    drawn, _ = real_drawings()
    # ITK's STAPLE is .019 below the vote over all six sets, of which three are here.
    assert quality(drawn, STAPLE().fit_predict(drawn.answers)).mean() == pytest.approx(
        0.8376, abs=0.002
    )


def test_the_confidence_of_a_pixel_is_the_chance_that_it_is_right(found):
    drawn, _, results = found
    result = results["SmoothedVote"]
    confidence = np.concatenate([stored.ravel() for stored in result.confidence_byte]) / 255
    pairs = zip(result.label, drawn.truth, strict=True)
    right = np.concatenate([((label > 0) == truth).ravel() for label, truth in pairs])
    for low, high in ((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.97, 1)):
        inside = (confidence >= low) & (confidence < high)
        assert inside.sum() > 10_000
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.05)
