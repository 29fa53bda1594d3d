"""The classes of a job: names by code, with what label categories say of them besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from surelabel.spelling import plain_name

# Beginning of the name of a class whose number is known and whose name is not.
UNNAMED = "class "
_DEEPEST = 16
_BACKGROUND = "BACKGROUND"
# Keys of an answer that name several classes, and what stands there.
_NAMING = {("labels", list), ("labelMappings", dict)}


@dataclass(frozen=True)
class Classes:
    """Names of classes; a class code is a position in ``names``, from 0.

    ``short_names`` (NER's ``shortDisplayName``) and ``colors`` (``#rrggbb``) go by name, and need
    not be complete.
    """

    names: tuple[str, ...]
    short_names: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(f"labels: must be unique; {twice!r} stands twice. Remove one.")

    @classmethod
    def of(cls, names: Iterable[str]) -> Classes:
        """Classes that are no more than names."""
        return cls(tuple(names))

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int | None:
        """The code of a class; None for a name that is none.

        A name that is written otherwise (``plain_name``) is the class's if no class is written so.
        """
        code = self._codes.get(name)
        return self._plain.get(plain_name(name)) if code is None else code

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.names)}

    @cached_property
    def _plain(self) -> dict[str, int]:
        return {plain_name(name): code for name, code in reversed(self._codes.items())}


@dataclass
class SeenClasses:
    """Classes put together from what files say of them: numbers with names, or names alone.

    Names are plain (``plain_name``).
    """

    by_number: dict[int, str] = field(default_factory=dict)
    # Of color maps, whose pixel 0 may be the background and need not be in every map.
    by_pixel: dict[int, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    # Of lists of all classes, as NER's labels have; a dict for its order.
    listed: dict[str, None] = field(default_factory=dict)
    short_names: dict[str, str] = field(default_factory=dict)
    colors: dict[str, str] = field(default_factory=dict)

    def gaps(self) -> set[int]:
        """The numbers that ``settle`` makes a class of though nothing names them."""
        return set(range(max(self.by_number, default=-1))) - self.by_number.keys()

    def settle(self) -> Classes:
        """Numbered names at their places, gaps filled with ``class N``, behind them those of lists
        in their order, and all others sorted.

        Sorted, so that neither codes nor ties hang on who answered first.
        """
        shift = 1 if is_background(self.by_pixel.get(0, _BACKGROUND)) else 0
        for pixel, name in self.by_pixel.items():
            self._number(pixel - shift, name)
        last = max(self.by_number, default=-1)
        numbered = [self.by_number.get(n, f"{UNNAMED}{n}") for n in range(last + 1)]
        known = list(dict.fromkeys((*numbered, *self.listed)))
        others = sorted(self.names - set(known))
        return Classes((*known, *others), dict(self.short_names), dict(self.colors))

    def see_answer(self, content: Any, depth: int = 0) -> None:
        """Take the names from an ``answerContent``: ``label``, ``labels``, ``labelMappings``.

        Deeper than any answer nests nothing is looked for.
        """
        if depth > _DEEPEST:
            return
        if isinstance(content, dict):
            for key, value in content.items():
                if key == "label":
                    self._see_names([value])
                elif (key, type(value)) in _NAMING:
                    self._see_names(value)
                self.see_answer(value, depth + 1)
        elif isinstance(content, list):
            for value in content:
                # Vertices make up most of a large answer and name nothing.
                if not (isinstance(value, dict) and "x" in value and "label" not in value):
                    self.see_answer(value, depth + 1)

    def see_label(self, value: Any, metadata: Any) -> None:
        """Take numbers and names from a label of a manifest and its metadata, whatever its type."""
        if isinstance(metadata, dict):
            name = metadata.get("class-name")
            if isinstance(name, str):
                self._number(value, name)
            for key in ("class-map", "class_map"):
                for number, each in _object(metadata.get(key)).items():
                    self._number(number, each)
            for pixel, each in _object(metadata.get("internal-color-map")).items():
                self._see_pixel(pixel, _object(each))
        listed = _object(_object(value).get("annotations")).get("labels")
        for each in listed if isinstance(listed, list) else ():
            entry = _object(each)
            if isinstance(entry.get("label"), str):
                name = plain_name(entry["label"])
                self.listed.setdefault(name)
                if isinstance(entry.get("shortDisplayName"), str):
                    self.short_names[name] = entry["shortDisplayName"]
        # Entities of text, and what a custom job took over from its workers.
        self.see_answer({key: each for key, each in _object(value).items() if key != "labels"})

    def _see_names(self, found: Iterable[Any]) -> None:
        names = (plain_name(name) for name in found if isinstance(name, str))
        # Nobody means a class by an empty name.
        self.names.update(name for name in names if name)

    def _see_pixel(self, pixel: str, entry: dict[str, Any]) -> None:
        name, color = entry.get("class-name"), entry.get("hex-color")
        if _digits(pixel) and isinstance(name, str):
            name = plain_name(name)
            self.by_pixel.setdefault(int(pixel), name)
            if isinstance(color, str):
                self.colors[name] = color

    def _number(self, number: Any, name: Any) -> None:
        if isinstance(number, str) and _digits(number):
            number = int(number)
        name = plain_name(name) if isinstance(name, str) else None
        # A name under two numbers would be two classes of one name: the first stands.
        known = name is not None and name not in self.by_number.values()
        if known and type(number) is int and 0 <= number < 100_000:
            self.by_number.setdefault(number, name)


def is_background(name: Any) -> bool:
    """Whether a colour map's name is Ground Truth's for pixels of no class."""
    return isinstance(name, str) and name.upper() == _BACKGROUND


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
