"""Columns of names become codes, and codes names."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation import Auto, coded


class NotAvailable:
    """As pandas' NA: no comparison has an answer."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self

    __ne__ = __eq__

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize(
    ("column", "code", "names"),
    [
        pytest.param(["b", "a", "b"], [1, 0, 1], ("a", "b"), id="names are sorted"),
        pytest.param([10, 9, 10], [1, 0, 1], ("9", "10"), id="numbers by their value"),
        pytest.param(np.array([2, 1], np.int8), [1, 0], ("1", "2"), id="an array of numbers"),
        pytest.param(np.array(["x", "y"]), [0, 1], ("x", "y"), id="an array of strings"),
        pytest.param([" x", "x ", "x"], [0, 0, 0], ("x",), id="spaces around do not count"),
        pytest.param(["e\u0301", "\u00e9"], [0, 0], ("\u00e9",), id="nor how an accent is written"),
        pytest.param(["x", "X"], [1, 0], ("X", "x"), id="capitals do"),
        pytest.param([None, "x"], [-1, 0], ("x",), id="None is missing"),
        pytest.param([float("nan"), "x"], [-1, 0], ("x",), id="so is nan"),
        pytest.param(np.array([1.5, np.nan]), [0, -1], ("1.5",), id="also among numbers"),
        pytest.param([NotAvailable(), "x"], [-1, 0], ("x",), id="and pandas' NA"),
        pytest.param([], [], (), id="an empty column"),
    ],
)
def test_a_column_becomes_codes_and_names(column, code, names):
    found = coded(column)
    assert found.code.dtype == np.int64
    assert (found.code.tolist(), found.names) == (code, names)


def test_names_of_before_keep_their_codes():
    code, names = coded(["c", "a", None], names=("c", "b", "a"))
    assert (code.tolist(), names) == ([0, 2, -1], ("c", "b", "a"))
    assert coded([2, 1], names=("1", "2")).code.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "names", "message"),
    [
        ([["a"]], None, r"column must have one dimension; got shape \(1, 1\)"),
        (["a", ["b", "c"]], None, r"hold names or numbers; got \['b', 'c'\] at position 1"),
        (["a", 1], None, r"values of one kind; got int, str\. Make strings of them"),
        (["a", "x"], ("a", "b"), r"hold 2 names alone; got 'x' at position 1\. Correct it, or add"),
        (["a"], ("a", " a"), r"names must differ; got 'a' twice\. Leave one out"),
    ],
)
def test_what_is_no_column_of_names_is_told(column, names, message):
    with pytest.raises(ValueError, match=message):
        coded(column, names=names)


def test_labels_come_back_as_names_with_gold_by_name():
    item, items = coded(["q1", "q1", "q2", "q2"])
    annotator, annotators = coded(["ann", "bo", "ann", "bo"])
    label, labels = coded(["no", "yes", "yes", "yes"])
    gold, _ = coded(["yes", None], names=labels)
    sizes = len(items), len(annotators), len(labels)
    result = Auto().fit_predict(item, annotator, label, *sizes, gold=gold)
    assert [labels[code] for code in result.label] == ["yes", "yes"]
