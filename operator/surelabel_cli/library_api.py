"""What of the library is public: families of labels, their names, and what each name's code says.

Read from the live modules, so a name is here as soon as it can be imported; the reference pages
and the test of the docstrings see the same.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

_METHODS = ("METHODS", "RANKING_METHODS", "INSTANCE_METHODS")


@dataclass(frozen=True)
class Family:
    """One page: ``page`` names it, ``modules`` are imported from as they stand."""

    page: str
    title: str
    modules: tuple[str, ...]


_ROOT = "surelabel.consolidation"
FAMILIES = (
    Family("classification", "Classes", (_ROOT,)),
    Family("label-sets", "Label sets", (f"{_ROOT}.multi_label",)),
    Family("ratings", "Ratings", (f"{_ROOT}.ratings",)),
    Family("preferences", "Comparisons and rankings", (f"{_ROOT}.preferences",)),
    Family("texts", "Texts", (f"{_ROOT}.texts",)),
    Family("objects", "Boxes, polygons, lines, points", (f"{_ROOT}.objects",)),
    Family("masks", "Masks", (f"{_ROOT}.masks", f"{_ROOT}.masks.rle")),
    Family("spans", "Spans of text", (f"{_ROOT}.spans",)),
    Family(
        "annotators",
        "Agreement, and how good each annotator is",
        ("surelabel.agreement", "surelabel.annotators", "surelabel.collusion"),
    ),
)


@dataclass(frozen=True)
class Member:
    """A method or property of a public class; ``owner`` is the class whose file it stands in."""

    name: str
    owner: type
    function: Callable[..., Any]
    is_property: bool = False
    is_static: bool = False

    @property
    def doc(self) -> str:
        """Its docstring without indentation; empty without one."""
        return inspect.cleandoc(self.function.__doc__ or "")


@dataclass(frozen=True)
class PublicName:
    """A class or function as it is imported: ``name`` from ``module``."""

    name: str
    module: ModuleType
    value: Any

    @property
    def is_class(self) -> bool:
        """Whether it is a class; else it is a function or an alias of types."""
        return inspect.isclass(self.value)

    @property
    def home(self) -> ModuleType:
        """The module whose file it stands in."""
        return import_module(self.value.__module__)

    @property
    def doc(self) -> str:
        """Its own docstring; what ``dataclass`` and ``NamedTuple`` make up is none."""
        doc = self.value.__dict__.get("__doc__") if self.is_class else self.value.__doc__
        made_up = self.is_class and (doc or "").startswith(f"{self.value.__name__}(")
        return "" if made_up else inspect.cleandoc(doc or "")


def public_names(module_name: str) -> list[PublicName]:
    """Classes and functions that the module offers, sorted: ``__all__``, else its own ones."""
    module = import_module(module_name)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module_name
    ]
    found = [PublicName(name, module, getattr(module, name)) for name in sorted(names)]
    return [each for each in found if inspect.isclass(each.value) or inspect.isfunction(each.value)]


def methods_of(module_name: str) -> dict[str, dict[str, type]]:
    """Registries of the module by name: each maps a job's names of algorithms to classes."""
    module = import_module(module_name)
    return {name: getattr(module, name) for name in _METHODS if hasattr(module, name)}


def members(cls: type, public: set[type]) -> Iterator[Member]:
    """Methods and properties in the order of the code, inherited ones too.

    What a base among ``public`` has is told there, once.
    """
    told: set[str] = set()
    for owner in cls.__mro__:
        if owner is not cls and owner in public:
            return
        if owner.__module__.partition(".")[0] in sys.stdlib_module_names:
            continue
        for name in vars(owner):
            if not name.startswith("_") and name not in told and (found := _member(owner, name)):
                told.add(name)
                yield found


def _member(owner: type, name: str) -> Member | None:
    value = vars(owner)[name]
    if isinstance(value, FunctionType):
        return Member(name, owner, value)
    if isinstance(value, classmethod):
        return Member(name, owner, value.__func__)
    if isinstance(value, staticmethod):
        return Member(name, owner, value.__func__, is_static=True)
    if isinstance(value, property) and isinstance(value.fget, FunctionType):
        return Member(name, owner, value.fget, is_property=True)
    if isinstance(value, cached_property):
        return Member(name, owner, value.func, is_property=True)
    return None
