"""Answers as columns: parts of them, and counts."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.answers import Answers, thinned
from surelabel.consolidation.base import Gold
from surelabel.consolidation.checked import codes


def answers() -> Answers:
    return Answers.of([3, 0, 1, 3, 3, 1], [1, 0, 0, 0, 2, 1], [1, 0, 1, 0, 1, 1], 5, 4, 2)


def test_counts_include_those_without_answers():
    found = answers()
    np.testing.assert_array_equal(found.n_answers, [1, 2, 0, 3, 0])
    np.testing.assert_array_equal(found.by_annotator, [3, 2, 1, 0])
    np.testing.assert_array_equal(found.starts, [0, 1, 3, 3, 6, 6])


def test_answers_to_some_items_are_renumbered():
    found = answers().at_items(np.array([1, 2, 3]))
    np.testing.assert_array_equal(found.item, [0, 0, 2, 2, 2])
    np.testing.assert_array_equal(found.annotator, [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(found.label, [1, 1, 0, 1, 1])
    assert (found.n_items, found.n_annotators, found.n_classes) == (3, 4, 2)


def test_known_labels_of_some_items_are_renumbered():
    gold = Gold(np.array([0, 3, 4]), np.array([1, 0, 2]))
    found = gold.at_items(np.array([1, 3, 4, 7]))
    np.testing.assert_array_equal(found.item, [1, 2])
    np.testing.assert_array_equal(found.label, [0, 2])
    assert not gold.at_items(np.array([1, 2])).item.size


@pytest.mark.parametrize("n", [0, 10, 100, 12_345])
def test_rows_are_thinned_evenly(n):
    found = thinned(np.arange(n), 100)
    if n <= 100:
        np.testing.assert_array_equal(found, np.arange(n))
        return
    assert len(found) == pytest.approx(100, abs=2)
    # No tenth of the rows, and no step among them, is left out or taken more than others.
    tenths = np.bincount(found * 10 // n, minlength=10)
    assert tenths.min() >= 8
    assert np.bincount(found % 7, minlength=7).min() >= 8


@pytest.mark.parametrize(
    ("values", "high", "message"),
    [
        ([0, 5], 5, r"code must lie in 0 \.\. 4; got 5 at position 1"),
        ([3, -1], None, "code must be at least 0; got -1 at position 1"),
        ([0.5], None, "code must hold integers; got float64. Round or leave out"),
        ([[1]], 5, r"code must have one dimension; got shape \(1, 1\)"),
    ],
)
def test_codes_that_cannot_be_are_named_with_their_place(values, high, message):
    with pytest.raises(ValueError, match=message):
        codes("code", values, 0, high)
    np.testing.assert_array_equal(codes("code", [0, 10**12], 0, None), [0, 10**12])
