"""Public docstrings of the library say what they must: shapes, ties, errors, papers.

The reference pages are written from them, so what is missing here is missing there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import surelabel.consolidation
from docs.docstring_rules import callables, of_algorithm, of_callable, of_record
from surelabel.consolidation.checked import Codes
from surelabel_cli.library_api import FAMILIES, Family, PublicName, methods_of, public_names

# Algorithms that are a rule, or our own: their docstrings say which.
WITHOUT_PAPER = {
    "classification": {"MajorityVote", "Wawa", "GroundTruth"},
    "label-sets": {"MajorityVote", "GroundTruth"},
    "ratings": {"Mean", "Median"},
    "preferences": {"MajorityVote"},
    "texts": {"MajorityVote"},
    "objects": {"SupportVote"},
    "masks": {"MajorityVote", "Auto"},
    "spans": {"TokenMajority", "JaccardClusters"},
}
NAMES = {family.page: [n for m in family.modules for n in public_names(m)] for family in FAMILIES}
CLASSES = [each for names in NAMES.values() for each in names if each.is_class]
PUBLIC = {each.value for each in CLASSES}

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.page)


@families
def test_every_class_says_what_it_holds(family: Family) -> None:
    classes = [each for each in NAMES[family.page] if each.is_class]
    assert classes
    assert [c for each in classes for c in of_record(each)] == []


@families
def test_every_call_says_what_goes_in_comes_out_and_is_refused(family: Family) -> None:
    found = [c for each in NAMES[family.page] for c in callables(each, PUBLIC)]
    assert found
    assert [complaint for each in found for complaint in of_callable(each)] == []


@families
def test_every_algorithm_says_its_ties_settings_and_paper(family: Family) -> None:
    complaints = [
        complaint
        for module in family.modules
        for registry in methods_of(module).values()
        for name, algorithm in registry.items()
        for complaint in of_algorithm(
            algorithm, CLASSES, paper=name not in WITHOUT_PAPER[family.page]
        )
    ]
    assert complaints == []


def test_whoever_has_no_paper_is_an_algorithm() -> None:
    for family in FAMILIES:
        registries = [each for module in family.modules for each in methods_of(module).values()]
        known = {name for registry in registries for name in registry}
        assert WITHOUT_PAPER.get(family.page, set()) <= known


class Silent:
    def undocumented(self) -> None: ...

    def shapeless(self, item: Codes) -> Codes:
        """Each ``item`` again."""
        return item

    def nameless(self, item: Codes) -> Codes:
        """(n_items,): again."""
        return item

    def refusing(self) -> None:
        """Nothing is told of what it refuses."""
        raise ValueError

    def good(self, item: Codes) -> Codes:
        """Each ``item``, (n_items,), again; ValueError for none."""
        if not item.size:
            raise ValueError
        return np.array(item)


def test_what_is_missing_is_told() -> None:
    each = PublicName("Silent", surelabel.consolidation, Silent)
    found: dict[str, list[Any]] = {
        call.function.__name__: list(of_callable(call))
        for call in callables(each, {Silent})
    }  # fmt: skip
    assert found == {
        "undocumented": ["Silent.undocumented: the docstring does not begin with a sentence"],
        "shapeless": ["Silent.shapeless: no shape of item"],
        "nameless": ["Silent.nameless: says nothing of item"],
        "refusing": ["Silent.refusing: refuses some input and does not say so (ValueError)"],
        "good": [],
    }
    assert list(of_record(each)) == ["Silent: the docstring does not begin with a sentence"]
    assert list(of_algorithm(Silent, [], paper=True)) == [
        "Silent: who wins a tie?",
        "Silent: no paper",
    ]
