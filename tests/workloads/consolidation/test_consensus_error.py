"""The estimated error of the people's own labels, against crowds whose truth is known."""

from __future__ import annotations

import time

import numpy as np
import pytest

from surelabel.consolidation import HierarchicalDawidSkene, MajorityVote, consensus_error
from surelabel.consolidation.consensus_error import ErrorShare
from workloads.consolidation.crowds import Crowd, real_crowd, team_crowd

GOOD = (0.85, 0.89, 0.92, 0.96, 0.99)
POOR = (0.6, 0.65, 0.7, 0.75, 0.8)


def estimated(crowd: Crowd, method=None) -> tuple[ErrorShare, float]:
    """The estimate, and the share that is really wrong."""
    result = crowd.fit(method or HierarchicalDawidSkene())
    found = consensus_error(
        crowd.item,
        crowd.annotator,
        crowd.label,
        result.label,
        crowd.n_annotators,
        crowd.n_classes,
    )
    assert found is not None
    return found, 1 - crowd.accuracy(result)


@pytest.mark.parametrize(
    ("skill", "n_classes", "n_items", "bias"),
    [
        (GOOD, 2, 400, 0.002),
        (GOOD, 5, 200, 0.002),
        (GOOD, 10, 1797, 0.002),
        (POOR, 2, 1797, 0.01),
        (POOR, 5, 600, 0.015),
        (POOR, 10, 600, 0.02),
    ],
)
def test_the_estimate_is_right_on_average_and_its_interval_holds_the_truth(
    skill, n_classes, n_items, bias
):
    found, truth = zip(
        *(estimated(team_crowd(seed, skill, n_items, n_classes)) for seed in range(30)),
        strict=True,
    )
    assert np.mean([f.share for f in found]) == pytest.approx(np.mean(truth), abs=bias)
    held = [f.low - 1e-9 <= t <= f.high + 1e-9 for f, t in zip(found, truth, strict=True)]
    assert np.mean(held) >= 0.85


def test_a_good_team_is_never_called_too_noisy_for_five_percent():
    for seed in range(20):
        for n_items in (60, 200, 600):
            found, _ = estimated(team_crowd(seed, GOOD, n_items, 10))
            assert found.low <= 0.025


def test_it_follows_the_rule_that_chose_the_labels():
    crowd = team_crowd(1, (0.6, 0.6, 0.98), 1_000, 5)
    for method in (MajorityVote(), HierarchicalDawidSkene()):
        found, truth = estimated(crowd, method)
        assert found.low <= truth <= found.high
    assert estimated(crowd, MajorityVote())[0].low > estimated(crowd)[0].high


# Shared mistakes leave no trace, so these are what the module says, and no more.
@pytest.mark.parametrize(
    ("name", "share"),
    [("bluebird", 0.129), ("product", 0.054), ("rte", 0.041), ("web", 0.213), ("dog", 0.055)],
)
def test_real_crowds_are_estimated_as_the_module_says(name, share):
    assert estimated(real_crowd(name))[0].share == pytest.approx(share, abs=0.003)


def test_single_answers_say_nothing_about_their_error():
    item = np.arange(5)
    nothing = consensus_error(item, item * 0, item * 0, item * 0, 1, 2)
    assert nothing is None
    assert consensus_error(item[:0], item[:0], item[:0], item[:0], 0, 2) is None


def test_items_with_one_answer_are_left_out():
    crowd = team_crowd(3, GOOD, 200, 5)
    result = crowd.fit(HierarchicalDawidSkene())
    alone = consensus_error(
        np.append(crowd.item, [200, 201]),
        np.append(crowd.annotator, [0, 1]),
        np.append(crowd.label, [0, 1]),
        np.append(result.label, [0, 1]),
        crowd.n_annotators,
        crowd.n_classes,
    )
    assert alone == estimated(crowd)[0]


@pytest.mark.parametrize("n_items", [1, 2, 30])
@pytest.mark.parametrize("n_classes", [1, 2])
def test_unanimous_people_of_a_tiny_job_have_an_interval(n_items, n_classes):
    item = np.repeat(np.arange(n_items), 2)
    annotator = np.tile([0, 1], n_items)
    found = consensus_error(item, annotator, item * 0, np.zeros(n_items, int), 2, n_classes)
    assert found is not None
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_two_thousand_items_take_less_than_a_tenth_of_a_second():
    crowd = team_crowd(5, GOOD, 2_000, 10)
    estimated(crowd)
    start = time.process_time()
    estimated(crowd)
    assert time.process_time() - start < 0.2  # With the consolidation itself, on a busy machine.


def test_a_large_job_is_estimated_from_a_part_of_it():
    crowd = team_crowd(5, GOOD, 50_000, 2)
    found, truth = estimated(crowd)
    assert found.share == pytest.approx(truth, abs=0.003)
    assert found.high - found.low < 0.006
