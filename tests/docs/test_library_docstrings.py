"""Public docstrings of the library say what they must: shapes, ties, errors, papers.

The reference pages are written from them, so what is missing here is missing there.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from surelabel_cli.library_api import (
    FAMILIES,
    PublicName,
    members,
    methods_of,
    public_names,
)

# Names of array types as annotations have them.
_ARRAY = re.compile(r"\b(Codes|Floats|Ints|Flags|Counts|NDArray|ArrayLike|Tokens)\b")
_SHAPE = re.compile(r"\((n|n_\w+|len\(\w+\)|height|\d)( [+*] \w+)*(, [\w ]+| \+ \w+)*,?\)")
_PAPER = re.compile(r"\b(1[789]\d\d|20\d\d)\b|doi:|arXiv:")
# Algorithms that are a rule or our own, whose docstring says so instead of citing somebody.
WITHOUT_PAPER = {
    "surelabel.consolidation": {"MajorityVote", "Wawa", "GroundTruth"},
    "surelabel.consolidation.multi_label": {"MajorityVote", "GroundTruth"},
    "surelabel.consolidation.ratings": {"Mean", "Median"},
    "surelabel.consolidation.preferences": {"MajorityVote"},
    "surelabel.consolidation.texts": {"MajorityVote"},
    "surelabel.consolidation.objects": {"SupportVote"},
    "surelabel.consolidation.masks": {"MajorityVote"},
    "surelabel.consolidation.spans": {"TokenMajority"},
}
# Calls that raise ValueError for what a user passes.
_CHECKS = {"codes", "finite", "same_length", "check_texts"}


@dataclass(frozen=True)
class Described:
    """A public callable or property, and what is written about it."""

    label: str
    doc: str
    # What may say it in its place: the class, the method that it overrides.
    around: str
    function: Any
    is_property: bool = False


def names() -> Iterator[PublicName]:
    for family in FAMILIES:
        for module in family.modules:
            yield from public_names(module)


def described() -> Iterator[Described]:
    public = {each.value for each in names() if each.is_class}
    for each in names():
        if not each.is_class:
            yield Described(each.name, each.doc, each.module.__doc__ or "", each.value)
            continue
        for member in members(each.value, public):
            overridden = [
                inspect.cleandoc(getattr(vars(base)[member.name], "__doc__", None) or "")
                for base in each.value.__mro__[1:]
                if member.name in vars(base)
            ]
            yield Described(
                f"{each.name}.{member.name}",
                member.doc,
                "\n".join([each.doc, *overridden]),
                member.function,
                member.is_property,
            )


def label_of(each: PublicName | Described) -> str:
    return each.label if isinstance(each, Described) else f"{each.module.__name__}.{each.name}"


classes = [each for each in names() if each.is_class]
callables = list(described())


def says(name: str, text: str) -> bool:
    return re.search(rf"``[^`]*\b{re.escape(name)}\b[^`]*``", text) is not None


def test_each_family_has_public_names() -> None:
    assert len(classes) > 60
    assert len(callables) > 200


@pytest.mark.parametrize("each", [*names(), *callables], ids=label_of)
def test_everything_public_says_what_it_is(each: PublicName | Described) -> None:
    first = each.doc.partition("\n\n")[0]
    assert first.rstrip().endswith((".", ":")), f"no sentence: {first!r}"


@pytest.mark.parametrize("each", classes, ids=label_of)
def test_every_array_of_a_record_has_its_shape(each: PublicName) -> None:
    arrays = [
        name
        for name, kind in inspect.get_annotations(each.value).items()
        if _ARRAY.search(str(kind)) and name in inspect.signature(each.value).parameters
    ]
    missing = [name for name in arrays if not says(name, each.doc)]
    assert missing == []
    assert not arrays or _SHAPE.search(each.doc), "no shape"


@pytest.mark.parametrize("each", callables, ids=label_of)
def test_every_array_that_goes_in_or_out_has_its_shape(each: Described) -> None:
    signature = inspect.signature(each.function)
    going_in = [
        name
        for name, parameter in signature.parameters.items()
        if _ARRAY.search(str(parameter.annotation))
    ]
    text = f"{each.doc}\n{each.around}"
    assert [name for name in going_in if not says(name, text)] == []
    returns = str(signature.return_annotation)
    if going_in:
        assert _SHAPE.search(text), "no shape of what goes in"
    if _ARRAY.search(returns):
        own = each.doc if not each.around else text
        assert _SHAPE.search(own), f"no shape of what comes out ({returns})"


def algorithms() -> list[Any]:
    return [
        pytest.param(module, name, algorithm, id=f"{module}.{registry}[{name}]")
        for family in FAMILIES
        for module in family.modules
        for registry, found in methods_of(module).items()
        for name, algorithm in found.items()
    ]


def all_that_is_said(algorithm: type) -> str:
    """Docstrings of the class, of its bases and their methods, and of the files they stand in."""
    texts = []
    for base in algorithm.__mro__:
        if base.__module__.startswith("surelabel"):
            texts += [base.__doc__ or "", inspect.getmodule(base).__doc__ or ""]
            texts += [getattr(value, "__doc__", None) or "" for value in vars(base).values()]
    return "\n".join(texts)


@pytest.mark.parametrize(("module", "name", "algorithm"), algorithms())
def test_every_algorithm_says_who_wins_a_tie(module: str, name: str, algorithm: type) -> None:
    assert re.search(r"\b[Tt]ie[sd]?\b|equally many", all_that_is_said(algorithm))


@pytest.mark.parametrize(("module", "name", "algorithm"), algorithms())
def test_every_algorithm_names_its_paper(module: str, name: str, algorithm: type) -> None:
    if name in WITHOUT_PAPER.get(module, set()):
        return
    parents = [base for base in algorithm.__mro__ if base.__module__.startswith("surelabel")]
    docs = [base.__doc__ or "" for base in parents] + [
        inspect.getmodule(base).__doc__ or "" for base in parents
    ]
    assert _PAPER.search("\n".join(docs))


@pytest.mark.parametrize(("module", "name", "algorithm"), algorithms())
def test_every_setting_of_an_algorithm_is_explained(
    module: str, name: str, algorithm: type
) -> None:
    said = all_that_is_said(algorithm)
    settings = inspect.signature(algorithm).parameters
    assert [each for each in settings if not says(each, said)] == []


def raises(function: Any, seen: set[str] | None = None) -> bool:
    """Whether it, or what it calls of its own file, raises ValueError for what a user passes."""
    seen = set() if seen is None else seen
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError):
        return False
    here = inspect.getmodule(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and "ValueError" in ast.dump(node):
            return True
        called = (
            node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        )
        if called in _CHECKS:
            return True
        found = vars(here).get(called) if called not in seen else None
        if inspect.isfunction(found) and found.__module__ == here.__name__:
            seen.add(called)
            if raises(found, seen):
                return True
    return False


@pytest.mark.parametrize(
    "each", [each for each in callables if raises(each.function)], ids=label_of
)
def test_whatever_refuses_its_input_says_so(each: Described) -> None:
    assert "ValueError" in each.doc
