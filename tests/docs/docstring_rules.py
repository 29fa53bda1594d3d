"""What a public docstring of the library must say; a rule gives its complaints about one name."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from surelabel_cli.library_api import PublicName, members

# Names of array types as annotations have them.
_ARRAY = re.compile(r"\b(Codes|Floats|Ints|Flags|Counts|NDArray|ArrayLike|Tokens)\b")
_SHAPE = re.compile(r"\((n|n_\w+|len\(\w+\)|height|\d)( [+*] \w+)*(, [\w ]+| \+ \w+)*,?\)")
_PAPER = re.compile(r"\b(1[789]\d\d|20\d\d)\b|doi:|arXiv:")
_TIE = re.compile(r"\b[Tt]ie[sd]?\b|equally many")
# Calls that raise ValueError for what a user passes.
_CHECKS = {"codes", "finite", "same_length", "check_texts"}


@dataclass(frozen=True)
class Call:
    """A public function, method or property; ``around``: what may say a thing in its place."""

    label: str
    doc: str
    around: str
    function: Any


def callables(each: PublicName, public: set[type]) -> Iterator[Call]:
    """The name itself where it is a function, else its methods and properties."""
    if not each.is_class:
        yield Call(each.name, each.doc, each.module.__doc__ or "", each.value)
        return
    for member in members(each.value, public):
        around = [each.doc, *_docs_of(each.value, member.name)]
        if "``fit``" in member.doc:
            around += _docs_of(each.value, "fit")
        yield Call(f"{each.name}.{member.name}", member.doc, "\n".join(around), member.function)


def says(name: str, text: str) -> bool:
    """Whether the name stands in the text as code."""
    return re.search(rf"``[^`]*\b{re.escape(name)}\b[^`]*``", text) is not None


def of_record(each: PublicName) -> Iterator[str]:
    """Of a class: a sentence, every array that it holds by name, and their shapes."""
    yield from _of_sentence(each.name, each.doc)
    arrays = [
        name
        for name, kind in inspect.get_annotations(each.value).items()
        if _ARRAY.search(str(kind)) and name in inspect.signature(each.value).parameters
    ]
    yield from (f"{each.name}: says nothing of {a}" for a in arrays if not says(a, each.doc))
    if arrays and not _SHAPE.search(each.doc):
        yield f"{each.name}: no shape of {', '.join(arrays)}"


def of_callable(each: Call) -> Iterator[str]:
    """A sentence, every array that goes in by name, shapes of what goes in and out, errors."""
    yield from _of_sentence(each.label, each.doc)
    signature = inspect.signature(each.function)
    text = f"{each.doc}\n{each.around}"
    going_in = [
        name
        for name, parameter in signature.parameters.items()
        if _ARRAY.search(str(parameter.annotation))
    ]
    yield from (f"{each.label}: says nothing of {a}" for a in going_in if not says(a, text))
    returned = str(signature.return_annotation)
    if (going_in or _ARRAY.search(returned)) and not _SHAPE.search(text):
        yield f"{each.label}: no shape of {', '.join(going_in) or returned}"
    if "ValueError" not in text and raises(each.function):
        yield f"{each.label}: refuses some input and does not say so (ValueError)"


def of_algorithm(algorithm: type, classes: list[PublicName], *, paper: bool) -> Iterator[str]:
    """Who wins a tie, what each setting means, and the paper (its own, or another algorithm's)."""
    said = "\n".join(
        getattr(value, "__doc__", None) or ""
        for base in _ours(algorithm)
        for value in (base, inspect.getmodule(base), *vars(base).values())
    )
    if not _TIE.search(said):
        yield f"{algorithm.__name__}: who wins a tie?"
    settings = inspect.signature(algorithm).parameters
    yield from (f"{algorithm.__name__}: setting {s}?" for s in settings if not says(s, said))
    if paper and not cites(algorithm, classes):
        yield f"{algorithm.__name__}: no paper"


def cites(algorithm: type, classes: list[PublicName]) -> bool:
    """Whether its class or file names a paper, or a public algorithm by name that does."""
    text = "\n".join(
        f"{base.__doc__}\n{getattr(inspect.getmodule(base), '__doc__', '')}"
        for base in _ours(algorithm)
    )
    if _PAPER.search(text):
        return True
    others = [c for c in classes if says(c.name, text) and c.value not in algorithm.__mro__]
    return any(cites(other.value, []) for other in others)


def raises(function: Any, seen: set[str] | None = None) -> bool:
    """Whether it, or what it calls of its own file, raises ValueError for what a user passes."""
    seen = set() if seen is None else seen
    here = inspect.getmodule(function)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise) and "ValueError" in ast.dump(node):
            return True
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        called = node.func.id
        if called in _CHECKS:
            return True
        found = vars(here).get(called)
        if called not in seen and inspect.isfunction(found) and inspect.getmodule(found) is here:
            seen.add(called)
            if raises(found, seen):
                return True
    return False


def _of_sentence(label: str, doc: str) -> Iterator[str]:
    if not doc.partition("\n\n")[0].rstrip().endswith((".", ":")):
        yield f"{label}: the docstring does not begin with a sentence"


def _docs_of(cls: type, name: str) -> list[str]:
    return [
        inspect.cleandoc(getattr(vars(base)[name], "__doc__", None) or "")
        for base in cls.__mro__
        if name in vars(base)
    ]


def _ours(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base.__module__.startswith("surelabel")]
