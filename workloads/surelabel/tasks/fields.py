"""A JSON value together with its place, so that whoever reads it can say what is wrong where.

Answers and labels come from other programs. A reader here takes a ``Field`` apart step by step;
the first step that fails raises ``FieldError`` with field, rule, value and next step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes

_SHOWN = 60
# No picture, text or scale is that large.
_TOO_LARGE = 1e12
_LARGEST = 2**53


class FieldError(ValueError):
    """A field that breaks a rule. ``reason`` is PascalCase, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Cell(dict[str, Any]):
    """An answer from a table: its column, and what the reader made of the cell.

    Who wrote the cell knows the column alone, so errors name that.
    """


@dataclass(frozen=True, slots=True)
class Field:
    """A value, its key or position, and the field that it lies in."""

    value: Any
    name: str | int
    parent: Field | None = None

    @property
    def path(self) -> str:
        """Where it is, such as ``answerContent['x'].boundingBoxes[2].left``."""
        if self.parent is None:
            return str(self.name)
        if isinstance(self.parent.value, Cell):
            return str(self.name)
        above = self.parent.path
        if self.parent.parent is not None and isinstance(self.parent.parent.value, Cell):
            return above
        if isinstance(self.name, int):
            return f"{above}[{self.name}]"
        plain = self.name.isidentifier()
        return f"{above}.{self.name}" if plain else f"{above}[{self.name!r}]"

    def wrong(
        self, rule: str, next_step: str = "Correct it.", reason: str = "Malformed"
    ) -> FieldError:
        """The error that says that the value must be ``rule``."""
        said = f"{self.path}: must be {rule}; got {shown(self.value)}. {next_step}"
        return FieldError(reason, said)

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Field:
        """The member ``key``, which must be there."""
        found = self.get(key)
        if found is None:
            raise self.wrong(f"an object with the key {key!r}")
        return found

    def get(self, *keys: str) -> Field | None:
        """The first of these members that is there and not null."""
        value = self.value
        if not isinstance(value, dict):
            raise self.wrong("an object")
        for key in keys:
            if value.get(key) is not None:
                return Field(value[key], key, self)
        return None

    def members(self) -> Iterator[tuple[str, Field]]:
        """Keys and members of an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key, member in self.value.items():
            yield key, Field(member, key, self)

    def only(self) -> Field:
        """The one member of an object with exactly one key, whatever that is called."""
        if not isinstance(self.value, dict) or len(self.value) != 1:
            raise self.wrong("an object with exactly one key")
        ((key, member),) = self.value.items()
        return Field(member, key, self)

    def each(self) -> Iterator[Field]:
        """The entries of an array."""
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        for position, entry in enumerate(self.value):
            yield Field(entry, position, self)

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def number(self, low: float = -math.inf) -> float:
        """A finite number, at least ``low`` and below 1e12: squares of it must not overflow."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise self.wrong("a finite number")
        if abs(value) >= _TOO_LARGE:
            raise self.wrong(f"below {_TOO_LARGE:g}")
        if value < low:
            raise self.wrong(f"at least {low:g}")
        return float(value)

    def whole(self, low: int = 0) -> int:
        """A whole number from ``low`` to what floats count exactly; 3.0 is one."""
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= _LARGEST:
            raise self.wrong(f"a whole number, at least {low}")
        return value

    def one_of(self, *words: str) -> str:
        """One of these strings."""
        if self.value not in words:
            raise self.wrong(f"one of {', '.join(map(repr, words))}")
        return str(self.value)

    def class_of_name(self, classes: Classes) -> int:
        """The code of the class that is named here."""
        code = classes.code(self.text())
        if code is None:
            raise self.wrong(
                f"one of the job's {len(classes)} labels",
                "Correct it, or add the label to the job.",
                "UnknownLabel",
            )
        return code

    def class_of_number(self, classes: Classes) -> int:
        """The class code that stands here as a number, or as a number in a string."""
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong("the number of a class", "Write its position among the labels.")
        if not 0 <= value < len(classes):
            raise self.wrong(
                f"the number of a class, 0 .. {len(classes) - 1}",
                "Give all labels of the job, in their order.",
                "UnknownLabel",
            )
        return value

    def rest(self, *known: str) -> dict[str, Any]:
        """The members of an object that are not among ``known``."""
        return {key: value for key, value in self.value.items() if key not in known}


def shown(value: object) -> str:
    """The value as an error shows it: never longer than a line."""
    # A mask may have megabytes, so they are not written out before they are cut off.
    text = repr(value[: _SHOWN + 1]) if isinstance(value, str | list | bytes) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def plain(number: float) -> int | float:
    """A number as Ground Truth writes it: whole ones without a point."""
    return int(number) if float(number).is_integer() else float(number)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number beyond the largest float.
        return False
