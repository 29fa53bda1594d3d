"""Known annotators of every algorithm of every family: those of other answers are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from surelabel.consolidation import METHODS, AnnotatorParameters, preferences
from workloads.consolidation.test_parameters import FAMILIES, answers_of


def _cases() -> Iterator[Any]:
    for family, methods in FAMILIES.items():
        for name, method in methods.items():
            yield pytest.param(family, method, id=f"{family}-{name}")


def _known(family: str, method: type[Any], *names: str) -> Any:
    """The annotators as these answers show them, for people of those names."""
    if family == "instances":
        # Those who draw objects are known from masks.
        family, method = "masks", FAMILIES["masks"]["Auto"]
    judged = method().fit_predict(*answers_of(family)).annotators
    everybody = tuple(f"w{code}" for code in range(len(judged.n_answers)))
    return replace(judged, names=everybody).for_annotators(names)


@pytest.mark.parametrize(("family", "method"), list(_cases()))
def test_annotators_of_other_answers_are_refused_with_what_to_do(
    family: str, method: type[Any]
) -> None:
    five = _known(family, method, "w0", "x", "y", "z", "w1")
    with pytest.raises(ValueError, match=r"^frozen_annotators.*must .*; got .*5") as refused:
        method().fit(*answers_of(family), frozen_annotators=five)
    assert "for_annotators(names)" in str(refused.value)


@pytest.mark.parametrize(("family", "method"), list(_cases()))
def test_aligned_annotators_are_taken(family: str, method: type[Any]) -> None:
    n = len(method().fit_predict(*answers_of(family)).annotators.n_answers)
    known = _known(family, method, *(f"w{code}" for code in range(n)))
    method().fit(*answers_of(family), frozen_annotators=known)


@pytest.mark.parametrize("method", list(METHODS.values()), ids=list(METHODS))
@pytest.mark.parametrize("field", ["frozen_annotators", "start"])
def test_annotators_of_other_classes_are_refused(method: type[Any], field: str) -> None:
    other = AnnotatorParameters.unknown(("w0", "w1", "w2"), 4)
    with pytest.raises(ValueError, match=rf"^{field} must know 2 classes \(n_classes\); got 4"):
        method().fit(*answers_of("classes"), **{field: other})


def test_no_items_are_no_excuse() -> None:
    nothing = np.empty(0, np.int64)
    two = AnnotatorParameters.unknown(("w0", "w1"), 2)
    with pytest.raises(ValueError, match=r"must have shape \(3, 2, 2\).*got \(2, 2, 2\)"):
        METHODS["Auto"]().fit(nothing, nothing, nothing, 0, 3, 2, frozen_annotators=two)


def test_a_thousand_classes_are_no_other_ones() -> None:
    # One accuracy each, in place of a table: the shape alone does not tell the classes.
    coins = AnnotatorParameters.unknown(("w0", "w1"), 10_000)
    with pytest.raises(ValueError, match="must know 9999 classes"):
        METHODS["MajorityVote"]().fit([0, 0], [0, 1], [0, 1], 1, 2, 9_999, frozen_annotators=coins)


@pytest.mark.parametrize("name", list(preferences.METHODS))
def test_annotators_of_plain_classes_do_not_judge_comparisons(name: str) -> None:
    two = AnnotatorParameters.unknown(("w0", "w1", "w2"), 2)
    with pytest.raises(ValueError, match="frozen_annotators must know 3 classes"):
        preferences.METHODS[name]().fit(*answers_of("pairs"), frozen_annotators=two)
